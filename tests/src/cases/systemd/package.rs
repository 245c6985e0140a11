//! The Debian package. These cases are the last: they take away what the others run, and leave nothing.

use std::{fs, path::Path, process::Command};

use super::{
    around::{BOTH, is_confined, is_untouched, scope},
    service::verify,
};
use crate::{
    cases::{
        story::{eventually, refused},
        table::scenario,
    },
    daemon::COMMAND_LIMIT,
    ensure,
    error::{Context, Outcome, failed},
    harness::{Group, Stage},
    host::process,
    systemd::{
        Service, Unit,
        package::{
            Binding, any_package, apt_get, dpkg_install, group, look, package, revision, succeeds,
            without_package,
        },
        property, systemctl, try_systemctl,
    },
    world::addresses::FORBIDDEN4,
};

const AGENT: &str = "bot";
const CGROUP: &str = "/system.slice/bot.service";
const UNIT: &str = "agentguard.service";
const PROGRAM: &str = "/usr/bin/agentguard";
const AGENTS: &str = "/etc/agentguard/agents.d";
const LOG: &str = "/var/log/agentguard/violations.jsonl";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/agentguard.service";
const PURGE: [&str; 2] = ["--purge", "agentguard"];
const INVALID: &str = "[agent]\nname = 1\n";

pub(super) const GROUP: Group = Group {
    name: "package",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("installs", install),
        scenario("enforces", enforce),
        scenario("an-agent-that-requires-it", requires),
        scenario("upgrades", upgrade),
        scenario("an-upgrade-while-stopped", upgrade_stopped),
        scenario("an-upgrade-that-does-not-start", upgrade_fails),
        scenario("is-removed-and-purged", remove),
    ],
};

fn bot() -> String {
    scope(AGENT, &["bot.service"])
}

/// On a host that never had it: every file with its mode, the group, and nothing that runs.
fn install(stage: &Stage) -> Outcome {
    without_package()?;
    ensure!(group()?.is_none(), "there is a group before");
    let said = apt_get(&["install", &package(1)])?;
    let told = said
        .matches("agentguard: not started: declare agents")
        .count();
    ensure!(told == 1, "an operator is told {told} times: {said}");
    for (look_of, paths) in [
        ("0:0 100755", &[PROGRAM][..]),
        ("0:0 40755", &["/etc/agentguard", AGENTS]),
        (
            "0:0 100644",
            &[
                "/usr/lib/systemd/system/agentguard.service",
                "/usr/lib/sysusers.d/agentguard.conf",
                "/usr/share/agentguard/agent.conf",
                "/usr/share/agentguard/scope.schema.json",
                "/usr/share/bash-completion/completions/agentguard",
                "/usr/share/doc/agentguard/changelog.gz",
                "/usr/share/doc/agentguard/copyright",
                "/usr/share/doc/agentguard/examples/research-bot.toml",
                "/usr/share/doc/agentguard/profiles/base.toml",
                "/usr/share/fish/vendor_completions.d/agentguard.fish",
                "/usr/share/man/man8/agentguard.8.gz",
                "/usr/share/zsh/vendor-completions/_agentguard",
            ],
        ),
    ] {
        for path in paths {
            let seen = look(path)?;
            ensure!(seen == look_of, "{path} is {seen}, not {look_of}");
        }
    }
    let declared = fs::read_dir(AGENTS)?.count();
    ensure!(declared == 0, "{declared} agents are declared");
    ensure!(group()?.is_some(), "there is no group");
    for (name, value) in [("ActiveState", "inactive"), ("UnitFileState", "disabled")] {
        let seen = property(UNIT, name)?;
        ensure!(seen == value, "{name} is {seen}, not {value}");
    }
    // `/lib` is `/usr/lib`.
    let unit = property(UNIT, "FragmentPath")?;
    ensure!(
        unit.ends_with("/lib/systemd/system/agentguard.service"),
        "systemd reads {unit}"
    );
    let changed = succeeds(Command::new("dpkg").args(["--verify", "agentguard"]))?;
    ensure!(changed.is_empty(), "dpkg --verify: {changed}");
    succeeds(Command::new("gzip").args(["--test", "/usr/share/man/man8/agentguard.8.gz"]))?;
    for example in fs::read_dir("/usr/share/doc/agentguard/examples")? {
        succeeds(Command::new(PROGRAM).arg("check").arg(example?.path()))?;
    }
    verify(stage)
}

/// The daemon that runs is the installed one, and an operator's group has its socket.
fn enforce(stage: &Stage) -> Outcome {
    any_package()?;
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let service = Service::stopped(&[(AGENT, &bot())])?;
    service.start()?;
    runs_installed(&service)?;
    let socket = look("/run/agentguard/agentguard.sock")?;
    let Some(group) = group()? else {
        return failed("there is no group");
    };
    let expected = format!("0:{group} 140660");
    ensure!(socket == expected, "the socket is {socket}, not {expected}");
    is_confined(stage, &service, &unit, AGENT, CGROUP).map(drop)
}

/// With the drop-in that the package has for it, an agent never runs where nothing holds it.
fn requires(stage: &Stage) -> Outcome {
    any_package()?;
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let _drop_in = Binding::install()?;
    let service = Service::stopped(&[(AGENT, INVALID)])?;
    let before = stage.world.arrivals(FORBIDDEN4);
    let output = try_systemctl(&["start", unit.name()])?;
    ensure!(
        !output.status.success(),
        "it starts although agentguard does not"
    );
    stage.world.settle()?;
    ensure!(
        stage.world.arrivals(FORBIDDEN4) == before && unit.said().is_empty(),
        "it has run: {}",
        unit.said()
    );
    service.declare(&[(AGENT, &bot())])?;
    drop(try_systemctl(&["reset-failed", UNIT]));
    let readings = unit.run()?;
    refused(&readings[0], "connect")?;
    is_confined(stage, &service, &unit, AGENT, CGROUP)?;

    let lasting = Unit::scripted(stage, "bot.service", "echo begun\nsleep 300\n", "")?;
    lasting.begin()?;
    eventually("the agent runs", || Ok(lasting.said().contains("begun")))?;
    service.stop()?;
    let now = property(lasting.name(), "ActiveState")?;
    let pid = property(lasting.name(), "MainPID")?;
    ensure!(
        matches!(&*now, "inactive" | "failed") && pid == "0",
        "agentguard is stopped and the agent is {now}, its process {pid}"
    );
    Ok(())
}

/// A daemon that runs is replaced; what an operator did stays.
fn upgrade(stage: &Stage) -> Outcome {
    if any_package()? != 1 {
        succeeds(&mut dpkg_install(1))?;
    }
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let service = Service::stopped(&[(AGENT, &bot())])?;
    systemctl(&["enable", "--now", UNIT])?;
    let (pid, log) = (service.property("MainPID")?, service.log_size());
    let said = apt_get(&["install", &package(2)])?;
    ensure!(!said.contains("not started"), "an operator is told: {said}");
    let now = revision()?;
    ensure!(now == Some(2), "revision {now:?} is installed");
    for (name, value) in [("ActiveState", "active"), ("UnitFileState", "enabled")] {
        let seen = service.property(name)?;
        ensure!(seen == value, "{name} is {seen}, not {value}");
    }
    ensure!(
        service.property("MainPID")? != pid,
        "the old daemon runs on"
    );
    runs_installed(&service)?;
    ensure!(service.log_size() >= log, "the log is shorter than before");
    is_confined(stage, &service, &unit, AGENT, CGROUP).map(drop)
}

fn upgrade_stopped(_: &Stage) -> Outcome {
    let revision = any_package()?;
    let service = Service::stopped(&[(AGENT, &bot())])?;
    succeeds(&mut dpkg_install(other(revision)))?;
    let state = service.property("ActiveState")?;
    ensure!(state == "inactive", "it is {state} after an upgrade");
    Ok(())
}

/// Whoever upgrades hears of it, by the exit status too, and mends it as with any package.
fn upgrade_fails(stage: &Stage) -> Outcome {
    let revision = any_package()?;
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let service = Service::stopped(&[(AGENT, &bot())])?;
    service.start()?;
    service.declare(&[(AGENT, INVALID)])?;
    let output = process::output(&mut dpkg_install(other(revision)), COMMAND_LIMIT)?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(
        !output.status.success() && said.contains("NOTHING IS ENFORCED"),
        "the upgrade ends with {}: {said}",
        output.status
    );
    service.declare(&[(AGENT, &bot())])?;
    succeeds(Command::new("dpkg").args(["--configure", "--pending"]))?;
    drop(try_systemctl(&["reset-failed", UNIT]));
    service.start()?;
    is_confined(stage, &service, &unit, AGENT, CGROUP).map(drop)
}

/// What is left is what was declared and what was recorded; a purge takes the first where there is nothing in it.
fn remove(stage: &Stage) -> Outcome {
    any_package()?;
    let unit = Unit::probing(stage, "bot.service", BOTH, "")?;
    let service = Service::stopped(&[(AGENT, &bot())])?;
    systemctl(&["enable", "--now", UNIT])?;
    is_confined(stage, &service, &unit, AGENT, CGROUP)?;
    ensure!(Path::new(WANTED).exists(), "it is not enabled");
    let log = fs::read(LOG).context("read the log")?;
    let scope = format!("{AGENTS}/{AGENT}.toml");
    fs::create_dir_all("/var/lib/agentguard").context("make a directory")?;

    apt_get(&["remove", "agentguard"])?;
    is_there(&[&scope, LOG, "/var/lib/agentguard"], true)?;
    is_there(&[PROGRAM, WANTED, "/usr/share/agentguard"], false)?;
    for (name, value) in [("ActiveState", "inactive"), ("LoadState", "not-found")] {
        let seen = property(UNIT, name)?;
        ensure!(seen == value, "{name} is {seen}, not {value}");
    }
    is_untouched(stage, &service, &unit)?;

    let said = succeeds(Command::new("dpkg").args(PURGE))?;
    for path in ["/etc/agentguard", "/var/log/agentguard"] {
        ensure!(
            said.contains(&format!("so it stays: {path}")),
            "of {path}: {said}"
        );
    }
    is_there(&[&scope, LOG], true)?;
    is_there(&["/var/lib/agentguard"], false)?;

    succeeds(&mut dpkg_install(1))?;
    fs::remove_file(&scope).context("remove the scope")?;
    succeeds(Command::new("dpkg").args(PURGE))?;
    is_there(&["/etc/agentguard", PROGRAM], false)?;
    ensure!(group()?.is_some(), "the group is gone");
    ensure!(fs::read(LOG)?.starts_with(&log), "the log has changed");
    Ok(())
}

/// The revision to come, older or newer: dpkg does not mind.
const fn other(revision: u32) -> u32 {
    3 - revision
}

/// What runs is the file that is installed now.
fn runs_installed(service: &Service) -> Outcome {
    let process = format!("/proc/{}/exe", service.property("MainPID")?);
    let program = fs::read_link(&process).context(format!("read {process}"))?;
    ensure!(program == Path::new(PROGRAM), "{} runs", program.display());
    Ok(())
}

fn is_there(paths: &[&str], expected: bool) -> Outcome {
    for path in paths {
        let there = fs::symlink_metadata(path).is_ok();
        ensure!(there == expected, "{path}: there: {there}");
    }
    Ok(())
}
