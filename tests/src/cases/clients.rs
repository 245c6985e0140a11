//! N34: programs that do not ask a proxy.

use std::{path::Path, process::Command, time::Duration};

use super::{
    scopes::GUARDED,
    story::{FORBIDDEN, has, installed, only, refused as is_refused, stopped, worked},
    table::paired,
};
use crate::{
    daemon::Daemon,
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    host::process,
    world::addresses::FORBIDDEN4,
};

const LIMIT: Duration = Duration::from_secs(30);
const URL: &str = "http://10.77.0.3:7001/";
const SCRIPT: &str = "import socket; s = socket.create_connection(('10.77.0.3', 7001), 3); s.sendall(b'x'); s.recv(1)";
/// `CURLE_COULDNT_CONNECT`.
const CURL_CANNOT_CONNECT: i32 = 7;

pub(super) const GROUP: Group = Group {
    name: "clients",
    scopes: &[GUARDED],
    layout: None,
    internet: false,
    cases: &[
        paired("N34-plain-socket", plain_untagged, plain),
        paired(
            "N34-curl-noproxy",
            |stage| works(stage, curl()?, &["-s", "--noproxy", "*", URL]),
            |stage| {
                fails(
                    stage,
                    curl()?,
                    &["-s", "--noproxy", "*", URL],
                    CURL_CANNOT_CONNECT,
                )
            },
        ),
        paired(
            "N34-python",
            |stage| works(stage, python()?, &["-c", SCRIPT]),
            |stage| fails(stage, python()?, &["-c", SCRIPT], 1),
        ),
        paired(
            "curl-allowed",
            |stage| works(stage, curl()?, &["-s", URL]),
            curl_allowed,
        ),
    ],
};

fn curl() -> Outcome<&'static Path> {
    installed(&["/usr/bin/curl"])
}

fn python() -> Outcome<&'static Path> {
    installed(&["/usr/bin/python3", "/usr/local/bin/python3"])
}

/// Proxy variables that lead to an allowed host.
fn with_proxy(mut command: Command) -> Command {
    for variable in [
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ] {
        command.env(variable, "http://10.77.0.2:7001");
    }
    command
}

fn plain_untagged(stage: &Stage) -> Outcome {
    let mut command = with_proxy(stage.untagged(&["tcp", FORBIDDEN]));
    ensure!(
        process::output(&mut command, LIMIT)?.status.success(),
        "untagged, it fails"
    );
    worked(&stage.try_untagged(&["tcp", FORBIDDEN])?)
}

fn plain(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("guarded")?;
    let mut command = with_proxy(stage.tagged(daemon, "guarded", &["tcp", FORBIDDEN]));
    let output = process::output(&mut command, LIMIT)?;
    is_refused(
        &crate::probe::Reading::parse(&String::from_utf8_lossy(&output.stdout))?,
        "connect",
    )?;
    has(
        only(&daemon.since(&moment)?)?,
        &[("operation", "connect"), ("destination", FORBIDDEN)],
    )
}

/// Untagged, the program reaches the forbidden host.
fn works(stage: &Stage, program: &Path, arguments: &[&str]) -> Outcome {
    stage.world.settle()?;
    let before = stage.world.arrivals(FORBIDDEN4);
    let mut command = stage.world.near.command(program);
    command.args(arguments).env_remove("http_proxy");
    let output = process::output(&mut command, LIMIT)?;
    ensure!(output.status.success(), "untagged, it fails: {output:?}");
    stage.world.settle()?;
    ensure!(
        stage.world.arrivals(FORBIDDEN4) > before,
        "untagged, nothing arrives"
    );
    Ok(())
}

fn agent(stage: &Stage, daemon: &Daemon, program: &Path, arguments: &[&str]) -> Command {
    let mut command = daemon.run_as("guarded", &stage.world.near, program);
    command.args(arguments);
    command
}

fn fails(stage: &Stage, program: &Path, arguments: &[&str], code: i32) -> Outcome {
    let daemon = stage.daemon()?;
    let fields = [("operation", "connect"), ("destination", FORBIDDEN)];
    stopped(stage, daemon, "guarded", &fields, || {
        let mut command = with_proxy(agent(stage, daemon, program, arguments));
        let output = process::output(&mut command, LIMIT)?;
        ensure!(
            output.status.code() == Some(code),
            "it should end with {code}: {output:?}"
        );
        Ok(())
    })
    .map(drop)
}

fn curl_allowed(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("guarded")?;
    let mut command = agent(stage, daemon, curl()?, &["-s", "http://10.77.0.2:7001/"]);
    let output = process::output(&mut command, LIMIT)?;
    ensure!(output.stdout == b"ok\n", "curl says {output:?}");
    let records = daemon.since(&moment)?.violations;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}
