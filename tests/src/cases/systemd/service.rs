//! The daemon's own unit.

use std::{fs, process::Command};

use super::around::{BOTH, is_confined, is_untouched, scope};
use crate::{
    cases::{
        story::{eventually, has, only},
        table::scenario,
    },
    daemon::{COMMAND_LIMIT, message},
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    host::process,
    systemd::{Service, Unit},
};

const AGENT: &str = "bot";
const PATH: &str = "/system.slice/bot.service";

pub(super) const GROUP: Group = Group {
    name: "service",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("the-unit-file-is-clean", verify),
        scenario("start-reload-stop", life),
        scenario("a-scope-that-is-written-is-loaded", noticed),
        scenario("a-reload-with-an-error", bad_reload),
        scenario("a-start-with-an-error", bad_start),
        scenario("ends-what-an-agent-moves-out", moved_out),
        scenario("killed", killed),
    ],
};

fn bot() -> String {
    scope(AGENT, &["bot.service"])
}

/// Another user's process, too. What moved it is killed by the kernel.
fn moved_out(stage: &Stage) -> Outcome {
    let script = "setpriv --reuid=bob --clear-groups sleep 300 &\n\
                  echo \"$!\"\n\
                  echo \"$!\" > /sys/fs/cgroup/cgroup.procs\n\
                  echo survived\n";
    let unit = Unit::scripted(stage, "bot.service", script, "")?;
    let service = Service::with(&[(AGENT, &bot())])?;
    let mark = service.mark(AGENT)?;
    unit.begin()?;
    eventually("a record of what was moved", || {
        Ok(!service.since(&mark)?.violations.is_empty())
    })?;
    has(
        only(&service.since(&mark)?)?,
        &[("operation", "cgroup"), ("verdict", "refused")],
    )?;
    let said = unit.said();
    let pid = said.trim();
    ensure!(
        pid.parse::<u32>().is_ok(),
        "who moved it goes on, or nobody was moved: {said:?}"
    );
    eventually("what was moved ends", || {
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline"));
        Ok(!command.is_ok_and(|command| command.starts_with("sleep")))
    })
}

/// The manual page is not looked for: this system has none.
pub(super) fn verify(_: &Stage) -> Outcome {
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no", "agentguard.service"]);
    let output = process::output(&mut command, COMMAND_LIMIT)?;
    let said = message(&output);
    ensure!(
        output.status.success() && said.is_empty() && output.stdout.is_empty(),
        "systemd-analyze verify: {}: {said}",
        output.status
    );
    Ok(())
}

/// It is active when it enforces, a reload counts when it returns, and when it has stopped it enforces
/// no longer, as the documents say.
fn life(stage: &Stage) -> Outcome {
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let service = Service::stopped(&[(AGENT, &bot())])?;
    service.start()?;
    for (name, value) in [("ActiveState", "active"), ("SubState", "running")] {
        let seen = service.property(name)?;
        ensure!(seen == value, "{name} is {seen}");
    }
    is_confined(stage, &service, &unit, AGENT, PATH)?;
    let journal = service.journal()?;
    ensure!(
        journal.contains("agentguard: enforcing 1 agent"),
        "the journal has: {journal}"
    );
    service.declare(&[(AGENT, &scope(AGENT, &["other.service"]))])?;
    service.reload()?;
    is_untouched(stage, &service, &unit)?;
    service.declare(&[(AGENT, &bot())])?;
    service.reload()?;
    is_confined(stage, &service, &unit, AGENT, PATH)?;
    service.stop()?;
    for (name, value) in [("ActiveState", "inactive"), ("Result", "success")] {
        let seen = service.property(name)?;
        ensure!(seen == value, "after a stop, {name} is {seen}");
    }
    is_untouched(stage, &service, &unit)
}

/// As packaged, the daemon watches.
fn noticed(stage: &Stage) -> Outcome {
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let service = Service::with(&[(AGENT, &scope(AGENT, &["other.service"]))])?;
    is_untouched(stage, &service, &unit)?;
    let policy = |service: &Service| -> Outcome<Option<u64>> {
        let status = service.status()?;
        Ok(status.agent(AGENT).and_then(|it| it["policy"].as_u64()))
    };
    let before = policy(&service)?;
    ensure!(before.is_some(), "{AGENT} is not declared");
    service.declare(&[(AGENT, &bot())])?;
    eventually("the scope is loaded", || Ok(policy(&service)? != before))?;
    is_confined(stage, &service, &unit, AGENT, PATH).map(drop)
}

/// What is in force stays, and the error is where an operator looks.
fn bad_reload(stage: &Stage) -> Outcome {
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let service = Service::with(&[(AGENT, &bot())])?;
    service.declare(&[(AGENT, "[agent]\nname = 1\n")])?;
    let output = service.try_reload()?;
    ensure!(
        !output.status.success(),
        "a reload with an error succeeds: {}",
        message(&output)
    );
    let journal = service.journal()?;
    ensure!(
        journal.contains("/etc/agentguard/agents.d/bot.toml:2:8"),
        "the journal has: {journal}"
    );
    ensure!(
        service.property("ActiveState")? == "active",
        "the daemon is not active any more"
    );
    is_confined(stage, &service, &unit, AGENT, PATH).map(drop)
}

/// It is not started again and again.
fn bad_start(_: &Stage) -> Outcome {
    let service = Service::stopped(&[(AGENT, "[agent]\nname = 1\n")])?;
    let output = service.try_start()?;
    ensure!(!output.status.success(), "it starts with an invalid scope");
    for (name, value) in [
        ("ActiveState", "failed"),
        ("ExecMainStatus", "3"),
        ("NRestarts", "0"),
    ] {
        let seen = service.property(name)?;
        ensure!(seen == value, "{name} is {seen}, not {value}");
    }
    let journal = service.journal()?;
    ensure!(
        journal.contains("/etc/agentguard/agents.d/bot.toml:2:8"),
        "the journal has: {journal}"
    );
    Ok(())
}

fn killed(stage: &Stage) -> Outcome {
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let service = Service::with(&[(AGENT, &bot())])?;
    let pid = service.property("MainPID")?;
    service.kill()?;
    eventually("it runs again", || {
        let now = service.property("MainPID")?;
        Ok(now != pid && now != "0" && service.property("ActiveState")? == "active")
    })?;
    is_confined(stage, &service, &unit, AGENT, PATH).map(drop)
}
