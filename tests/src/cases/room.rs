//! Tables that are full: nobody gets away because there is no room to remember whose he is.

use std::{fs, os::fd::OwnedFd, time::Duration};

use super::{
    scopes::GUARDED,
    story::{
        FORBIDDEN, declared, eventually, is_confined, refused as is_refused, slice, try_in, worked,
    },
    table::scenario,
};
use crate::{
    daemon::{Daemon, message},
    ensure,
    error::{Context, Outcome},
    harness::{Group, Interactive, Stage},
    host::cgroup::{self, Cgroup},
    sys,
};

pub(super) const GROUP: Group = Group {
    name: "room",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("run-leaves-room-for-declared-cgroups", reserve),
        scenario("leaked-sockets-take-no-room-for-instances", leaked_sockets),
        scenario("what-nothing-confines-is-killed", beyond_everything),
        scenario("cgroups-without-a-tag-are-counted", counted),
        scenario("same-agent-without-a-tag", same_agent),
        scenario("known-cgroup-declared-without-room", known),
        scenario("removed-attach-point-before-a-run", attach_point),
    ],
};

const AGENT: &str = "resident";

/// A daemon with one scope for `run` and one for a declared cgroup, whose tables are small: of
/// cgroups, of instances of `run`, of declared cgroups.
fn start(stage: &Stage, sizes: [u32; 3]) -> Outcome<(Daemon, Cgroup)> {
    let parent = Cgroup::create(&slice("slice"))?;
    let mut settings = stage.settings();
    let names = ["--max-cgroups", "--max-instances", "--max-declared"];
    for (name, size) in names.into_iter().zip(sizes) {
        settings
            .arguments
            .extend([name.to_owned(), size.to_string()]);
    }
    let scope = declared(AGENT, &home(&parent));
    let daemon = Daemon::start(settings, &[GUARDED, (AGENT, &scope)])?;
    Ok((daemon, parent))
}

fn home(parent: &Cgroup) -> String {
    format!("{}/resident", parent.path())
}

fn wait(stage: &Stage, daemon: &Daemon) -> Outcome<Interactive> {
    stage.begin_tagged(daemon, "guarded", &["wait", FORBIDDEN])
}

/// However many instances run, a declared cgroup finds room.
fn reserve(stage: &Stage) -> Outcome {
    let (daemon, parent) = start(stage, [1, 2, 1])?;
    let running = [wait(stage, &daemon)?, wait(stage, &daemon)?];
    let third = daemon.cli(&["run", "guarded", "--", "/bin/true"])?;
    ensure!(
        message(&third).contains("2 instances run already"),
        "a third runs: {}",
        message(&third)
    );
    let home = Cgroup::create(&home(&parent))?;
    is_refused(&try_in(stage, &home, &["udp", FORBIDDEN])?, "sendto")?;
    let lower = Cgroup::create(&format!("{}/lower", home.path()))?;
    is_refused(&try_in(stage, &lower, &["udp", FORBIDDEN])?, "sendto")?;
    for probe in running {
        is_refused(&probe.finish()?, "sendto")?;
    }
    ensure!(
        daemon.status()?.number("unconfined")? == 0,
        "something was not confined"
    );
    Ok(())
}

/// A socket that is made in a cgroup, and held outside.
fn leak(stage: &Stage, home: &Cgroup) -> Outcome<OwnedFd> {
    let mut command = stage.untagged(&["wait", FORBIDDEN]);
    home.place(&mut command)?;
    sys::leave_socket(&mut command, LEAKED);
    let mut probe = Interactive::start(command)?;
    let socket = sys::descriptor_of(probe.process().id(), LEAKED)?;
    is_refused(&probe.finish()?, "sendto")?;
    Ok(socket)
}

/// A number that no other descriptor has.
const LEAKED: i32 = 100;

/// Each time something of the instance stays behind, and the next is confined all the same.
fn leaked_sockets(stage: &Stage) -> Outcome {
    let (daemon, parent) = start(stage, [1, 1, 1])?;
    let mut leaked = Vec::new();
    for _ in 0..5 {
        let home = Cgroup::create(&home(&parent))?;
        is_refused(&try_in(stage, &home, &["udp", FORBIDDEN])?, "sendto")?;
        leaked.push(leak(stage, &home)?);
        home.remove()?;
    }
    ensure!(
        daemon.status()?.number("unconfined")? == 0,
        "something was not confined"
    );
    Ok(())
}

/// Cannot happen with the tables as they are; then rather no process than one that is free.
fn beyond_everything(stage: &Stage) -> Outcome {
    let (daemon, parent) = start(stage, [1, 1, 0])?;
    let running = wait(stage, &daemon)?;
    let made = Cgroup::create(&home(&parent))?;
    let mut command = stage.untagged(&["wait", FORBIDDEN]);
    made.place(&mut command)?;
    let mut lost = Interactive::start(command)?;
    let status = lost.process().wait(Duration::from_secs(30))?;
    ensure!(!status.success(), "it ends with {status}");
    ensure!(
        daemon.status()?.number("unconfined")? == 1,
        "the status does not say so"
    );
    eventually("the log has a record of it", || {
        let log = fs::read_to_string(daemon.log()).context("read the log")?;
        Ok(log
            .lines()
            .any(|line| line.contains("\"kill\"") && line.contains(made.path())))
    })?;
    // With room again, all is as it should be.
    is_refused(&running.finish()?, "sendto")?;
    eventually("the instance has made room", || made_again(stage, &parent))?;
    Ok(())
}

/// The declared cgroup exists, is settled or made, and its process is refused.
fn made_again(stage: &Stage, parent: &Cgroup) -> Outcome<bool> {
    let home = Cgroup::create(&home(parent))?;
    // One that is killed says nothing.
    Ok(try_in(stage, &home, &["udp", FORBIDDEN])
        .is_ok_and(|reading| is_refused(&reading, "sendto").is_ok()))
}

/// As long as the table is full, and no longer.
fn counted(stage: &Stage) -> Outcome {
    let (daemon, _parent) = start(stage, [1, 16, 1])?;
    let running: Vec<_> = (0..3)
        .map(|_| wait(stage, &daemon))
        .collect::<Outcome<_>>()?;
    eventually("two have no tag", || {
        Ok(daemon.status()?.number("untagged")? == 2)
    })?;
    let text = daemon.cli(&["status"])?;
    let text = String::from_utf8_lossy(&text.stdout);
    ensure!(
        text.contains("without a tag: 2 cgroups"),
        "the status does not say so: {text}"
    );
    for probe in running {
        is_refused(&probe.finish()?, "sendto")?;
    }
    eventually("none is without a tag", || {
        Ok(daemon.status()?.number("untagged")? == 0)
    })?;
    is_confined(stage, &daemon, "guarded")
}

/// Two instances that found no room talk over loopback, and each within itself.
fn same_agent(stage: &Stage) -> Outcome {
    let (daemon, _parent) = start(stage, [1, 16, 1])?;
    let running = wait(stage, &daemon)?;
    let moment = daemon.moment("guarded")?;
    for local in ["127.0.0.1:0", "[::1]:0"] {
        worked(&stage.try_tagged(&daemon, "guarded", &["loopback-pair", local])?)?;
    }
    let server = stage.begin_tagged(&daemon, "guarded", &["listen", "127.0.0.1:0"])?;
    ensure!(
        daemon.status()?.number("untagged")? > 0,
        "the server has a tag"
    );
    let to = format!("127.0.0.1:{}", server.detail);
    worked(&stage.try_tagged(&daemon, "guarded", &["tcp", &to])?)?;
    worked(&server.finish()?)?;
    let records = daemon.since(&moment)?.violations;
    ensure!(records.is_empty(), "there are records: {records:?}");
    is_refused(&running.finish()?, "sendto")
}

/// The programs know of a cgroup that it is nobody's; then it is declared, and finds no room.
fn known(stage: &Stage) -> Outcome {
    let parent = Cgroup::create(&slice("slice"))?;
    let mut settings = stage.settings();
    settings.arguments = ["--max-cgroups", "1", "--max-declared", "1"]
        .map(String::from)
        .to_vec();
    let daemon = Daemon::start(settings, &[GUARDED])?;
    let running = wait(stage, &daemon)?;
    let home = Cgroup::create(&home(&parent))?;
    let mut command = stage.untagged(&["threads", FORBIDDEN, "8", "10"]);
    home.place(&mut command)?;
    let probe = Interactive::start(command)?;
    std::thread::sleep(Duration::from_millis(100));
    daemon.write_scope(AGENT, &declared(AGENT, home.path()))?;
    daemon.reload()?;
    let enforced = sys::boot_ns();
    ensure!(
        daemon.status()?.number("untagged")? == 1,
        "the cgroup has a tag"
    );
    std::thread::sleep(Duration::from_millis(100));
    let reading = probe.finish()?;
    let facts = &reading.facts;
    let (passed, last) = (reading.number("passed")?, reading.number("last-passed")?);
    ensure!(passed > 0, "nothing passed before: {facts:?}");
    ensure!(last < enforced, "one passed afterwards: {facts:?}");
    is_refused(&running.finish()?, "sendto")
}

/// Somebody removes the daemon's own cgroup: `run` makes it again, with the programs.
fn attach_point(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[GUARDED])?;
    let own = cgroup::mount_point()?.join(&daemon.settings().cgroup);
    for _ in 0..5 {
        for entry in fs::read_dir(&own).context("list the own cgroup")? {
            let entry = entry.context("list the own cgroup")?;
            if entry.path().is_dir() {
                fs::remove_dir(entry.path()).context("remove what keeps it")?;
            }
        }
        fs::remove_dir(&own).context("remove the own cgroup")?;
        is_confined(stage, &daemon, "guarded")?;
    }
    let outside = Cgroup::create(&slice("outside"))?;
    worked(&try_in(stage, &outside, &["udp", FORBIDDEN])?)
}
