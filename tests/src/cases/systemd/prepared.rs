//! What is done for a service, in its cgroup, before it is executed.

use std::fs;

use super::around::{ALLOWED, BOTH, scope};
use crate::{
    cases::{
        story::{eventually, has},
        table::scenario,
    },
    ensure,
    error::{Context, Outcome},
    harness::{Group, Stage},
    host::Scratch,
    probe::Reading,
    systemd::{Gate, Service, Unit},
};

const AGENT: &str = "bot";

pub(super) const GROUP: Group = Group {
    name: "prepared",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("a-sandbox-of-systemds", sandboxed),
        scenario("by-systemds-program-that-moves-there", by_program),
        scenario("not-by-another-program", not_by_another),
        scenario("not-by-a-child-of-another-process", not_by_a_child),
        scenario("not-by-a-worker-that-has-executed-nothing", not_by_a_worker),
    ],
};

/// What systemd does for a service before that executes anything.
const SANDBOX: &str = "PrivateTmp=yes\nProtectSystem=strict\nProtectHome=yes\nNoNewPrivileges=yes";
/// What the scope permits, and the sandbox hides.
const HIDDEN: &str = "/root/hidden-by-the-sandbox";
/// What the sandbox permits, and the scope does not.
const SECRET: &str = "/etc/shadow";

/// systemd does what the agent may not: mounts, opens files that no rule allows, and executes a program of its own. The
/// service is confined from its first instruction.
fn sandboxed(stage: &Stage) -> Outcome {
    let techniques: &[&[&str]] = &[
        &["open", "open", "read", HIDDEN],
        &["open", "open", "read", SECRET],
        &["mount-host", "tmpfs", "/run", "/run"],
        BOTH[0],
        BOTH[1],
    ];
    fs::write(HIDDEN, "hidden").context("write a file")?;
    let unit = Unit::probing(stage, "sandboxed.service", techniques, SANDBOX)?;
    let service = service(stage, "sandboxed.service")?;
    let mark = service.mark(AGENT)?;
    let readings = unit.run()?;
    drop(fs::remove_file(HIDDEN));
    let expected = [
        Some(("open", "ENOENT")),
        Some(("open", "EACCES")),
        Some(("private", "EPERM")),
        Some(("connect", "EPERM")),
        None,
    ];
    let errors: Vec<_> = readings.iter().map(Reading::first_error).collect();
    ensure!(errors == expected, "{errors:?}");
    let violations = service.since(&mark)?.violations;
    let operations: Vec<_> = violations
        .iter()
        .map(|record| record.text("operation"))
        .collect();
    ensure!(operations == ["open", "mount", "connect"], "{violations:?}");
    has(&violations[0], &[("path", SECRET), ("access", "read")])
}

/// systemd's own, where it is not born there: it may mount, and what it executes may not open.
fn by_program(stage: &Stage) -> Outcome {
    let (readings, operations) = prepare(stage, "systemd-executor", "", "itself")?;
    ensure!(
        readings == [None, Some(("open".into(), "EACCES".into()))],
        "{readings:?}"
    );
    ensure!(operations == ["open"], "{operations:?}");
    Ok(())
}

fn not_by_another(stage: &Stage) -> Outcome {
    is_held(prepare(stage, "systemd-executer", "", "itself")?)
}

/// Who is process 1's child is known by its parent, not by its program.
fn not_by_a_child(stage: &Stage) -> Outcome {
    let shell = "/bin/sh -c '\"$0\" \"$@\"; exit 0' ";
    is_held(prepare(stage, "systemd-executor", shell, "itself")?)
}

fn not_by_a_worker(stage: &Stage) -> Outcome {
    is_held(prepare(stage, "systemd-executor", "", "worker")?)
}

type Prepared = (Vec<Option<(String, String)>>, Vec<String>);

/// It may not mount from the moment on at which it is in the agent's cgroup.
fn is_held((readings, operations): Prepared) -> Outcome {
    ensure!(
        readings == [Some(("mount".into(), "EPERM".into()))],
        "{readings:?}"
    );
    ensure!(operations == ["mount"], "{operations:?}");
    Ok(())
}

/// A service that is no agent's, with a program of this name, moves into an agent's cgroup, mounts there, and executes
/// what opens [`SECRET`]. What of that fails, and of what there are records.
fn prepare(stage: &Stage, name: &str, through: &str, who: &str) -> Outcome<Prepared> {
    let wait = format!(
        "ExecStart={} probe wait {ALLOWED}",
        stage.program().display()
    );
    let seat = Unit::starting(stage, "seat.service", &wait, &Gate::line())?;
    let scratch = Scratch::new()?;
    let program = scratch.path().join(name);
    fs::copy(stage.program(), &program).context("copy the program")?;
    let command = format!(
        "ExecStart={through}{} probe cgroup-prepare {who} /sys/fs/cgroup/system.slice/seat.service \
         {} probe open open read {SECRET}",
        program.display(),
        stage.program().display(),
    );
    let unit = Unit::starting(stage, "host.service", &command, "")?;
    let service = service(stage, "seat.service")?;
    let gate = Gate::new()?;
    seat.begin()?;
    eventually("the agent runs", || Ok(seat.said().contains("ready")))?;
    let mark = service.mark(AGENT)?;
    let readings = unit.run()?;
    let errors = readings.iter().map(|reading| {
        let error = reading.first_error();
        error.map(|(call, error)| (call.to_owned(), error.to_owned()))
    });
    let violations = service.since(&mark)?.violations;
    let operations = violations
        .iter()
        .map(|record| record.text("operation").to_owned());
    gate.open();
    Ok((errors.collect(), operations.collect()))
}

/// The daemon, with an agent whose unit this is. Its scope allows what the probes need.
fn service(stage: &Stage, unit: &str) -> Outcome<Service> {
    let program = stage.program().display();
    let files = format!("\n[files]\nread = [\"{HIDDEN}\", \"/proc/**\"]\nexec = [\"{program}\"]\n");
    Service::with(&[(AGENT, &(scope(AGENT, &[unit]) + &files))])
}
