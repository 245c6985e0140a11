//! Scope files that change are loaded again by themselves, when they have come to rest and all are valid.

mod settling;

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{
    reload::{AGENT, TO, closed, open},
    story::{
        FORBIDDEN, allowing, eventually, is_confined, is_emulated, refused as is_refused, worked,
    },
    table::scenario,
};
use crate::{
    daemon::{Daemon, Settings, message},
    ensure,
    error::{Context, Outcome, failed},
    harness::{Group, Stage},
    host::Reads,
};

pub(super) const GROUP: Group = Group {
    name: "watch",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("written-or-renamed-scope-counts", written),
        scenario("removed-scope-retires-its-agent", removed),
        scenario("scope-with-an-error", with_error),
        scenario("many-changes-are-few-reloads", settling::many),
        scenario("restless-files-are-loaded-too", settling::restless),
        scenario("half-written-scope-never-counts", settling::half_written),
        scenario("another-directory-in-its-place", elsewhere),
        scenario("no-watch", off),
    ],
};

/// A change counts within this time on real hardware: a second until it is seen, half a second of quiet, and
/// five if there is none.
const SOON: Duration = Duration::from_secs(7);

/// What `agentguard status` ends with when the scopes on disk are not those in force.
const NOT_IN_FORCE: i32 = 7;

const BROKEN: &str = "[agent]\nname = \"moving\"\n\n[network]\nalow = []\n";

fn watched(stage: &Stage, scope: &str) -> Outcome<Daemon> {
    let settings = Settings {
        watch: true,
        ..stage.settings()
    };
    Daemon::start(settings, &[(AGENT, scope)])
}

fn soon(what: &str, holds: impl FnMut() -> Outcome<bool>) -> Outcome {
    let begun = Instant::now();
    eventually(what, holds)?;
    let took = begun.elapsed();
    ensure!(is_emulated() || took < SOON, "{what}, but after {took:?}");
    Ok(())
}

/// Whether the destination of the stories can be reached. `None` if the answer has changed meanwhile: the connection was
/// permitted, and its packets are not.
fn reach(stage: &Stage, daemon: &Daemon) -> Outcome<Option<bool>> {
    let reading = stage.try_tagged(daemon, AGENT, &["tcp", TO])?;
    match reading.first_error() {
        None => return Ok(Some(true)),
        Some(("connect", "EINPROGRESS") | ("send" | "recv", _)) => return Ok(None),
        Some(_) => is_refused(&reading, "connect")?,
    }
    Ok(Some(false))
}

fn reaches(stage: &Stage, daemon: &Daemon) -> Outcome<bool> {
    match reach(stage, daemon)? {
        Some(reaches) => Ok(reaches),
        None => failed("the answer has changed"),
    }
}

fn opens(stage: &Stage, daemon: &Daemon) -> Outcome {
    soon("the destination is open", || {
        Ok(reach(stage, daemon)? == Some(true))
    })
}

fn closes(stage: &Stage, daemon: &Daemon) -> Outcome {
    soon("the destination is closed", || {
        Ok(reach(stage, daemon)? == Some(false))
    })?;
    // The change may have come before the last packets of a connection.
    stage.world.services.hang_up()
}

/// How many loads the log tells of: those that changed something, and those that failed.
fn loads(daemon: &Daemon) -> Outcome<(usize, usize)> {
    Ok((
        daemon.events("reload")?.len(),
        daemon.events("reload-failed")?.len(),
    ))
}

fn are(daemon: &Daemon, expected: (usize, usize)) -> Outcome {
    let seen = loads(daemon)?;
    ensure!(
        seen == expected,
        "{seen:?} and not {expected:?} reloads and failures: {:?} {:?}",
        daemon.events("reload")?,
        daemon.events("reload-failed")?
    );
    Ok(())
}

fn put(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).context(format!("write {}", path.display()))
}

fn rename(from: &Path, to: &Path) -> Outcome {
    fs::rename(from, to).context(format!("rename {} to {}", from.display(), to.display()))
}

fn written(stage: &Stage) -> Outcome {
    let daemon = watched(stage, &closed())?;
    ensure!(!reaches(stage, &daemon)?, "it is open from the start");
    daemon.write_scope(AGENT, &open())?;
    opens(stage, &daemon)?;
    // As an editor does it.
    let new = daemon.scope_file(AGENT).with_extension("toml~");
    put(&new, &closed())?;
    rename(&new, &daemon.scope_file(AGENT))?;
    closes(stage, &daemon)?;
    daemon.write_scope("newcomer", &allowing("newcomer", &[TO]))?;
    soon("the newcomer is an agent", || {
        Ok(daemon.status()?.agent("newcomer").is_some())
    })?;
    worked(&stage.try_tagged(&daemon, "newcomer", &["tcp", TO])?)?;
    is_confined(stage, &daemon, "newcomer")?;
    are(&daemon, (3, 0))
}

fn removed(stage: &Stage) -> Outcome {
    let daemon = watched(stage, &open())?;
    let refused = stage.begin_tagged(&daemon, AGENT, &["wait", FORBIDDEN])?;
    let allowed = stage.begin_tagged(&daemon, AGENT, &["wait", TO])?;
    daemon.remove_scope(AGENT)?;
    soon("the agent is retired", || {
        let status = daemon.status()?;
        let agent = status.agent(AGENT);
        Ok(agent.and_then(|it| it.get("retired")) == Some(&Value::Bool(true)))
    })?;
    let shown = daemon.cli(&["status"])?;
    let text = String::from_utf8_lossy(&shown.stdout);
    ensure!(
        shown.status.success() && text.contains("moving  retired"),
        "status ends with {} and shows: {text}",
        shown.status
    );
    let output = daemon.cli(&["run", AGENT, "--", "/nowhere"])?;
    ensure!(
        output.status.code() == Some(125) && message(&output).contains("no agent"),
        "it still runs: {output:?}"
    );
    is_refused(&refused.finish()?, "sendto")?;
    worked(&allowed.finish()?)?;
    soon("the agent is gone with its last process", || {
        Ok(daemon.status()?.agent(AGENT).is_none())
    })?;
    are(&daemon, (1, 0))
}

fn with_error(stage: &Stage) -> Outcome {
    let daemon = watched(stage, &open())?;
    let reads = Reads::of(&daemon.scope_file(AGENT))?;
    daemon.write_scope(AGENT, BROKEN)?;
    soon("status says that it failed", || {
        Ok(daemon.cli(&["status"])?.status.code() == Some(NOT_IN_FORCE))
    })?;
    let text = String::from_utf8_lossy(&daemon.cli(&["status"])?.stdout).into_owned();
    ensure!(
        text.contains("FAILED") && text.contains("moving.toml:5:1"),
        "status says: {text}"
    );
    let json = daemon.cli(&["status", "--json"])?;
    let value: Value = serde_json::from_slice(&json.stdout).unwrap_or_default();
    let last = &value["last_reload"];
    ensure!(
        json.status.code() == Some(NOT_IN_FORCE)
            && last["ok"] == false
            && last["errors"][0]
                .as_str()
                .is_some_and(|error| error.contains("moving.toml:5:1")),
        "status --json ends with {}: {value}",
        json.status
    );
    ensure!(reaches(stage, &daemon)?, "the last good scope is gone");
    is_confined(stage, &daemon, AGENT)?;
    are(&daemon, (0, 1))?;
    // It is read again, and says nothing new.
    reads.any()?;
    daemon.write_scope(AGENT, &format!("{BROKEN}# not yet\n"))?;
    soon("the daemon reads it", || reads.any())?;
    daemon.write_scope(AGENT, &closed())?;
    closes(stage, &daemon)?;
    soon("status says that it is mended", || {
        Ok(daemon.cli(&["status"])?.status.success())
    })?;
    are(&daemon, (1, 1))?;
    // Mended to what is in force: the failure has its end in the log, too.
    daemon.write_scope(AGENT, BROKEN)?;
    soon("it fails once more", || Ok(loads(&daemon)? == (1, 2)))?;
    daemon.write_scope(AGENT, &closed())?;
    soon("status says that it is mended", || {
        Ok(daemon.cli(&["status"])?.status.success())
    })?;
    are(&daemon, (2, 2))
}

fn elsewhere(stage: &Stage) -> Outcome {
    let daemon = watched(stage, &closed())?;
    let agents = daemon.agents_directory();
    let new = agents.with_extension("new");
    let file = format!("{AGENT}.toml");
    fs::create_dir(&new).context("make a directory")?;
    put(&new.join(&file), &open())?;
    rename(&agents, &agents.with_extension("old"))?;
    rename(&new, &agents)?;
    opens(stage, &daemon)?;

    fs::remove_dir_all(&agents).context("remove the directory")?;
    soon("the log tells of the failure", || {
        Ok(loads(&daemon)? == (1, 1))
    })?;
    ensure!(reaches(stage, &daemon)?, "the last good scope is gone");

    // As Kubernetes mounts what is configured.
    for (version, scope) in [("..1", closed()), ("..2", open())] {
        fs::create_dir_all(new.join(version)).context("make a directory")?;
        put(&new.join(version).join(&file), &scope)?;
    }
    let link = |to: &str, name: &Path| symlink(to, name).context("make a link");
    link("..1", &new.join("..data"))?;
    link(&format!("..data/{file}"), &new.join(&file))?;
    rename(&new, &agents)?;
    closes(stage, &daemon)?;
    link("..2", &agents.join("..tmp"))?;
    rename(&agents.join("..tmp"), &agents.join("..data"))?;
    opens(stage, &daemon)?;
    are(&daemon, (3, 1))
}

fn off(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[(AGENT, &closed())])?;
    let reads = Reads::of(&daemon.scope_file(AGENT))?;
    daemon.write_scope(AGENT, &open())?;
    // There is nothing to wait for. A daemon that watches has read it by then.
    thread::sleep(Duration::from_secs(3));
    ensure!(!reads.any()?, "the file is read");
    ensure!(!reaches(stage, &daemon)?, "the change counts");
    daemon.signal(Signal::SIGHUP)?;
    eventually("the change counts", || reaches(stage, &daemon))
}
