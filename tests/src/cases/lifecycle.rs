//! Deaths: of the daemon, of an agent's process.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::{
    scopes::GUARDED,
    story::{
        FORBIDDEN, declared, eventually, has, is_confined, only, refused as is_refused, slice,
        stopped, try_in, worked,
    },
    table::scenario,
};
use crate::{
    daemon::{Daemon, Launch, Settings},
    ensure,
    error::{Outcome, failed},
    harness::{Group, Stage},
    host::cgroup::{self, Cgroup},
};

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "lifecycle",
    // For the stories in which the daemon lives on.
    scopes: &[GUARDED],
    layout: None,
    internet: false,
    cases: &[
        scenario("stop-ends-enforcement", stop),
        scenario("kill-ends-enforcement-and-restart-adopts", kill_and_restart),
        scenario("restart-adopts-declared-cgroups", restart_declared),
        scenario("killed-command-leaves-nothing", killed_command),
        scenario("second-daemon-is-refused", second_daemon),
        scenario("stopped-daemon-still-enforces", frozen),
        scenario("endless-cgroup-path-of-an-agent", endless_path),
        scenario("endless-cgroup-path-of-another", endless_path_outside),
    ],
};

/// SIGTERM: a clean end, and the host is as it was.
fn stop(stage: &Stage) -> Outcome {
    let mut daemon = stage.start(&[GUARDED])?;
    let waiting = stage.begin_tagged(&daemon, "guarded", &["wait", FORBIDDEN])?;
    is_confined(stage, &daemon, "guarded")?;
    daemon.stop()?;
    worked(&waiting.finish()?)
}

/// SIGKILL: documented to end enforcement. A daemon that starts again finds what still runs.
fn kill_and_restart(stage: &Stage) -> Outcome {
    let mut daemon = stage.start(&[GUARDED])?;
    let first = stage.begin_tagged(&daemon, "guarded", &["wait", FORBIDDEN])?;
    let second = stage.begin_tagged(&daemon, "guarded", &["wait", FORBIDDEN])?;
    daemon.kill()?;
    worked(&first.finish()?)?;
    daemon.restart()?;
    stopped(
        stage,
        &daemon,
        "guarded",
        &[("destination", FORBIDDEN)],
        || is_refused(&second.finish()?, "sendto"),
    )?;
    is_confined(stage, &daemon, "guarded")
}

fn restart_declared(stage: &Stage) -> Outcome {
    let parent = Cgroup::create(&slice("slice"))?;
    let home = Cgroup::create(&format!("{}/resident", parent.path()))?;
    let mut daemon = stage.start(&[("resident", &declared("resident", home.path()))])?;
    is_refused(&try_in(stage, &home, &["udp", FORBIDDEN])?, "sendto")?;
    daemon.kill()?;
    worked(&try_in(stage, &home, &["udp", FORBIDDEN])?)?;
    daemon.restart()?;
    is_refused(&try_in(stage, &home, &["udp", FORBIDDEN])?, "sendto")
}

/// The instance goes with its last process.
fn killed_command(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let mut probe = stage.begin_tagged(daemon, "guarded", &["wait", FORBIDDEN])?;
    let field = |name: &str| -> Outcome<Option<u64>> {
        let status = daemon.status()?;
        Ok(status
            .agent("guarded")
            .and_then(|agent| agent.get(name)?.as_u64()))
    };
    ensure!(
        field("instances")? == Some(1),
        "the status does not show the instance"
    );
    probe.process().signal(Signal::SIGKILL)?;
    probe.process().wait(Duration::from_secs(5))?;
    eventually("the status shows no instance", || {
        Ok(field("instances")? == Some(0))
    })?;
    eventually("the status shows no cgroup", || {
        Ok(field("cgroups")? == Some(0))
    })?;
    let own = cgroup::mount_point()?.join(&daemon.settings().cgroup);
    // Beside the instances the daemon has a cgroup that keeps this one in being.
    let left = || -> Vec<_> {
        let entries = std::fs::read_dir(&own)
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("guarded")).collect()
    };
    let gone = eventually("the instance's cgroup is gone", || Ok(left().is_empty()));
    gone.or_else(|error| failed(format!("{error}: {:?}", left())))
}

/// The lock in the run directory: one daemon at a time, and the first does not suffer.
fn second_daemon(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let Some(directory) = daemon.socket().parent().map(std::path::Path::to_owned) else {
        return failed("the socket has no directory");
    };
    let mut settings: Settings = stage.settings();
    settings.cgroup.push_str("-second");
    settings.run_directory = Some(directory);
    match Daemon::launch(settings, &[GUARDED])? {
        Launch::Enforcing(_) => return failed("a second daemon starts in the same run directory"),
        Launch::Ended(output) => {
            ensure!(
                output.status.code() == Some(1),
                "it ends with {}",
                output.status
            );
        }
    }
    is_confined(stage, daemon, "guarded")
}

/// Levels of cgroups with names of 250 bytes: longer than `PATH_MAX`, and than a line of the log.
const LEVELS: &str = "36";

/// What an agent does in its own cgroups hinders neither a reload nor a restart.
fn endless_path(stage: &Stage) -> Outcome {
    let mut daemon = stage.start(&[GUARDED])?;
    let deep = ["deep-cgroup", FORBIDDEN, LEVELS];
    let first = stage.begin_tagged(&daemon, "guarded", &deep)?;
    let second = stage.begin_tagged(&daemon, "guarded", &deep)?;
    daemon.write_scope("guarded", &GUARDED.1.replace("7001", "7002"))?;
    daemon.reload()?;
    let moment = daemon.moment("guarded")?;
    is_refused(&first.finish()?, "sendto")?;
    has(
        only(&daemon.since(&moment)?)?,
        &[("agent", "guarded"), ("destination", FORBIDDEN)],
    )?;
    daemon.kill()?;
    daemon.restart()?;
    is_refused(&second.finish()?, "sendto")?;
    is_confined(stage, &daemon, "guarded")
}

/// Nor does what somebody else does in his.
fn endless_path_outside(stage: &Stage) -> Outcome {
    let other = Cgroup::create(&slice("other"))?;
    let mut command = stage.untagged(&["deep-cgroup", FORBIDDEN, LEVELS]);
    other.place(&mut command)?;
    let probe = crate::harness::Interactive::start(command)?;
    let daemon = stage.start(&[GUARDED])?;
    is_confined(stage, &daemon, "guarded")?;
    worked(&probe.finish()?)
}

/// SIGSTOP: the kernel decides, the daemon only writes it down later.
fn frozen(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let waiting = stage.begin_tagged(daemon, "guarded", &["wait", FORBIDDEN])?;
    let moment = daemon.moment("guarded")?;
    daemon.signal(Signal::SIGSTOP)?;
    let reading = waiting.finish();
    daemon.signal(Signal::SIGCONT)?;
    is_refused(&reading?, "sendto")?;
    has(
        only(&daemon.since(&moment)?)?,
        &[("agent", "guarded"), ("destination", FORBIDDEN)],
    )
}
