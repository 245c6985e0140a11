//! Unchanged programs: they find what they may find, and for the rest they fail, and nothing leaves.

use std::{net::IpAddr, path::Path, process::Command, time::Duration};

use super::{
    scopes::OTHER,
    sites,
    steps::{are_of, bytes},
};
use crate::{
    cases::{story::installed, table::paired},
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    host::process,
    internet::{Git, View, addresses, looking},
};

pub(super) const LIMIT: Duration = Duration::from_mins(1);
/// What is wanted, and may be.
const GOOD: &str = "api.agents.example";
/// What may not be.
const BAD: &str = "www.elsewhere.example";

/// As `named` of the other groups, and the ports of the programs.
const CLIENT: (&str, &str) = (
    "client",
    r#"[agent]
name = "client"

[network]
allow = [
  # apt asks for SRV, too.
  { to = "*.agents.example:7001", types = ["SRV"] },
  "*.agents.example:9418",
  "good.shared.example:443",
  { to = "records.agents.example:7001", types = ["TXT"] },
]
"#,
);

/// A program that is given a name: by its good one it reaches the far side, by its bad one only untagged.
macro_rules! client {
    ($name:literal, $program:literal, [$($word:expr),*]) => {
        paired(
            $name,
            |stage| reaches(stage, None, installed(&[$program])?, &[$($word),*]),
            |stage| reaches(stage, Some("client"), installed(&[$program])?, &[$($word),*]),
        )
    };
}
// One line a case.
#[rustfmt::skip]
pub(in crate::cases) const GROUP: Group = Group {
    name: "names-clients",
    scopes: &[CLIENT, OTHER],
    layout: None,
    internet: true,
    cases: &[
        client!("curl", "/usr/bin/curl", ["-s", "-m", "20", "http://$name:7001/"]),
        client!("curl-v6", "/usr/bin/curl", ["-6", "-s", "-m", "20", "http://$name:7001/"]),
        client!("python", "/usr/bin/python3", ["-c", PYTHON, "$name"]),
        client!("node", "/usr/bin/node", ["-e", NODE, "$name"]),
        client!("apt", "/usr/lib/apt/apt-helper", ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=0", "download-file", "http://$name:7001/", "/dev/null"]),
        paired("ssh", |stage| ssh(stage, None), |stage| ssh(stage, Some("client"))),
        paired("git", |stage| git(stage, None), |stage| git(stage, Some("client"))),
        paired("getent", |stage| getent(stage, None), |stage| getent(stage, Some("client"))),
        paired("dig", |stage| dig(stage, None), |stage| dig(stage, Some("client"))),
        paired("curl-https", |stage| sites::https(stage, None), |stage| sites::https(stage, Some("client"))),
    ],
};

const PYTHON: &str = "import socket, sys; s = socket.create_connection((sys.argv[1], 7001), 20); s.sendall(b'x'); s.recv(1)";
const NODE: &str = "const s = require('net').connect(7001, process.argv[1], () => s.write('x')); s.on('data', () => process.exit(0)); s.on('error', () => process.exit(1))";

/// A program, untagged or as an agent, on a host that asks the name server.
pub(super) fn command(
    stage: &Stage,
    agent: Option<&str>,
    program: &Path,
    view: &View,
) -> Outcome<Command> {
    let mut command = match agent {
        Some(agent) => stage.daemon()?.run_as(agent, &stage.world.near, program),
        None => stage.world.near.command(program),
    };
    for variable in ["http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"] {
        command.env_remove(variable);
    }
    command.env("HOME", "/nonexistent").env("LC_ALL", "C");
    view.show(&mut command);
    Ok(command)
}

fn reaches(stage: &Stage, agent: Option<&str>, program: &Path, words: &[&str]) -> Outcome {
    let view = looking(addresses::SERVER)?;
    let run = |name: &str| -> Outcome<std::process::Output> {
        let mut command = command(stage, agent, program, &view)?;
        command.args(words.iter().map(|word| word.replace("$name", name)));
        process::output(&mut command, LIMIT)
    };
    let got = |of: IpAddr, of6: IpAddr| -> Outcome<u64> {
        stage.world.settle()?;
        Ok(bytes(stage, of, 7001)? + bytes(stage, of6, 7001)?)
    };
    let (before, moment) = (
        got(addresses::API, addresses::API6)?,
        agent
            .map(|agent| stage.daemon()?.moment(agent))
            .transpose()?,
    );
    let output = run(GOOD)?;
    ensure!(
        got(addresses::API, addresses::API6)? > before,
        "{GOOD} is not reached: {output:?}"
    );
    if let Some(moment) = &moment {
        let records = stage.daemon()?.since(moment)?.violations;
        ensure!(
            records.is_empty(),
            "there are records of {GOOD}: {records:?}"
        );
    }
    let internet = stage.internet()?;
    let before = (
        got(addresses::ELSEWHERE, addresses::ELSEWHERE6)?,
        internet.says(&stage.world, "elsewhere")?,
    );
    let output = run(BAD)?;
    let after = (
        got(addresses::ELSEWHERE, addresses::ELSEWHERE6)?,
        internet.says(&stage.world, "elsewhere")?,
    );
    let Some(moment) = moment else {
        ensure!(
            after.0 > before.0 && after.1 > before.1,
            "untagged, {BAD} is not reached: {output:?}"
        );
        return Ok(());
    };
    ensure!(!output.status.success(), "it succeeds: {output:?}");
    ensure!(after == before, "something arrives: {before:?} {after:?}");
    are_of(&stage.daemon()?.since(&moment)?.violations, BAD)
}

/// The far side is no real one: whoever has said hello waits for ever.
fn ssh(stage: &Stage, agent: Option<&str>) -> Outcome {
    let ssh = installed(&["/usr/bin/ssh"])?.display().to_string();
    let words = [
        "3",
        &ssh,
        "-F",
        "/dev/null",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-p",
        "7001",
        "$name",
        "true",
    ];
    reaches(stage, agent, installed(&["/usr/bin/timeout"])?, &words)
}

fn git(stage: &Stage, agent: Option<&str>) -> Outcome {
    let (program, view) = (Git::program()?, looking(addresses::SERVER)?);
    let _server = Git::start(&stage.world)?;
    let run = |name: &str| -> Outcome<std::process::Output> {
        let mut command = command(stage, agent, program, &view)?;
        command.args(["ls-remote", &format!("git://{name}/repository")]);
        process::output(&mut command, LIMIT)
    };
    let output = run(GOOD)?;
    ensure!(output.status.success(), "git {GOOD}: {output:?}");
    let moment = agent
        .map(|agent| stage.daemon()?.moment(agent))
        .transpose()?;
    let before = stage.internet()?.says(&stage.world, "elsewhere")?;
    let output = run(BAD)?;
    let after = stage.internet()?.says(&stage.world, "elsewhere")?;
    let Some(moment) = moment else {
        ensure!(output.status.success(), "untagged, git {BAD}: {output:?}");
        return Ok(());
    };
    ensure!(!output.status.success(), "it succeeds: {output:?}");
    ensure!(after == before, "the name leaves");
    are_of(&stage.daemon()?.since(&moment)?.violations, BAD)
}

fn getent(stage: &Stage, agent: Option<&str>) -> Outcome {
    let program = installed(&["/usr/bin/getent"])?;
    // A dot at the end, and letters of either kind.
    for good in [GOOD, "api.agents.example.", "aPi.AGENTS.exaMple"] {
        let output = look_up(stage, agent, program, &["ahosts", good])?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(
            text.contains("198.51.100.10") && text.contains("2001:db8:51::10"),
            "getent {good}: {output:?}"
        );
    }
    for bad in [BAD, "www.elsewhere.example.", "WWW.elsewhere.EXAMPLE"] {
        is_found_untagged(stage, agent, bad, program, &["ahosts", bad])?;
    }
    Ok(())
}

fn dig(stage: &Stage, agent: Option<&str>) -> Outcome {
    let program = installed(&["/usr/bin/dig"])?;
    for words in [
        &["+short", GOOD][..],
        &["+short", "+tcp", GOOD],
        &["+short", "+dnssec", GOOD],
        &["+short", "+bufsize=4096", GOOD],
        &["+short", "+noedns", GOOD],
        &["+short", "+cookie", GOOD],
        &["+short", "@198.51.100.53", GOOD],
        &["+short", "@2001:db8:51::53", GOOD],
    ] {
        let output = look_up(stage, agent, program, words)?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(text.contains("198.51.100.10"), "dig {words:?}: {output:?}");
    }
    for words in [
        &["+short", BAD][..],
        &["+short", "+tcp", BAD],
        &["+short", "+dnssec", BAD],
        &["+short", "@2001:db8:51::53", BAD],
    ] {
        is_found_untagged(stage, agent, BAD, program, words)?;
    }
    Ok(())
}

/// Untagged there is an address; as an agent there is none, and the name does not leave.
fn is_found_untagged(
    stage: &Stage,
    agent: Option<&str>,
    name: &str,
    program: &Path,
    words: &[&str],
) -> Outcome {
    let moment = agent
        .map(|agent| stage.daemon()?.moment(agent))
        .transpose()?;
    let before = stage.internet()?.says(&stage.world, "elsewhere")?;
    let output = look_up(stage, agent, program, words)?;
    let after = stage.internet()?.says(&stage.world, "elsewhere")?;
    let found = String::from_utf8_lossy(&output.stdout).contains("198.51.100.50");
    let Some(moment) = moment else {
        ensure!(found && after > before, "untagged, {words:?}: {output:?}");
        return Ok(());
    };
    ensure!(!found && after == before, "{words:?}: {output:?}");
    are_of(
        &stage.daemon()?.since(&moment)?.violations,
        name.trim_end_matches('.'),
    )
}

fn look_up(
    stage: &Stage,
    agent: Option<&str>,
    program: &Path,
    words: &[&str],
) -> Outcome<std::process::Output> {
    let view = looking(addresses::SERVER)?;
    let mut command = command(stage, agent, program, &view)?;
    command.args(words);
    process::output(&mut command, LIMIT)
}
