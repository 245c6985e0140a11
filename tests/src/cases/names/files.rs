//! D17: what a host's files and a program's variables say of names.

use std::time::Duration;

use super::scopes::NAMED;
use crate::{
    cases::{
        story::{has, installed},
        table::paired,
    },
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    host::process,
    internet::{View, addresses},
};

const LIMIT: Duration = Duration::from_mins(1);
const RESOLVER: &str = "nameserver 198.51.100.53\n";

pub(in crate::cases) const GROUP: Group = Group {
    name: "names-files",
    scopes: &[NAMED],
    layout: None,
    internet: true,
    cases: &[
        paired(
            "D17-hosts",
            |stage| hosts(stage, false),
            |stage| hosts(stage, true),
        ),
        paired(
            "D17-hostaliases",
            |stage| aliases(stage, false),
            |stage| aliases(stage, true),
        ),
        paired(
            "D17-resolver-options",
            |stage| options(stage, false),
            |stage| options(stage, true),
        ),
    ],
};

/// Runs curl, which must reach an address untagged, and must not as an agent. Answers what is recorded of it.
fn curl(
    stage: &Stage,
    view: &View,
    tagged: bool,
    url: &str,
    variables: &[(&str, &str)],
) -> Outcome<Vec<crate::daemon::Record>> {
    let program = installed(&["/usr/bin/curl"])?;
    let daemon = if tagged { Some(stage.daemon()?) } else { None };
    let mut command = match daemon {
        Some(daemon) => daemon.run_as("named", &stage.world.near, program),
        None => stage.world.near.command(program),
    };
    command.args(["-4", "-s", "-m", "10", "-o", "/dev/null", url]);
    command
        .env_remove("http_proxy")
        .envs(variables.iter().copied());
    view.show(&mut command);
    let moment = daemon.map(|daemon| daemon.moment("named")).transpose()?;
    stage.world.settle()?;
    let before = stage.world.arrivals(addresses::ELSEWHERE);
    let output = process::output(&mut command, LIMIT)?;
    stage.world.settle()?;
    let arrived = stage.world.arrivals(addresses::ELSEWHERE) - before;
    let (Some(daemon), Some(moment)) = (daemon, moment) else {
        ensure!(arrived > 0, "untagged, nothing arrives: {output:?}");
        return Ok(Vec::new());
    };
    ensure!(
        arrived == 0 && !output.status.success(),
        "it arrives: {output:?}"
    );
    Ok(daemon.since(&moment)?.violations)
}

/// A permitted name is elsewhere, says a file: nobody has learned that.
fn hosts(stage: &Stage, tagged: bool) -> Outcome {
    let view = View::new(RESOLVER, "198.51.100.50 api.agents.example\n")?;
    let records = curl(stage, &view, tagged, "http://api.agents.example:7001/", &[])?;
    one(tagged, &records, |record| {
        let fields = [
            ("operation", "connect"),
            ("destination", "198.51.100.50:7001"),
            ("reason", "no-rule"),
        ];
        has(record, &fields)
    })
}

/// A short name is another one, says a variable.
fn aliases(stage: &Stage, tagged: bool) -> Outcome {
    let view = View::new(RESOLVER, "")?;
    let scratch = crate::host::Scratch::new()?;
    let file = scratch.path().join("aliases");
    std::fs::write(&file, "api www.elsewhere.example\n")?;
    let variables = [("HOSTALIASES", file.display().to_string())];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let records = curl(stage, &view, tagged, "http://api:7001/", &variables)?;
    one(tagged, &records, is_elsewhere)
}

/// What is appended to a short name, says a variable.
fn options(stage: &Stage, tagged: bool) -> Outcome {
    let view = View::new(RESOLVER, "")?;
    let variables = [
        ("LOCALDOMAIN", "elsewhere.example"),
        ("RES_OPTIONS", "ndots:2 use-vc"),
    ];
    let records = curl(stage, &view, tagged, "http://www:7001/", &variables)?;
    // Then it asks for the name as it is written.
    let as_written = [("operation", "resolve"), ("name", "www")];
    let (appended, written): (Vec<_>, Vec<_>) = records
        .into_iter()
        .partition(|record| has(record, &as_written).is_err());
    one(tagged, &appended, is_elsewhere)?;
    ensure!(written.len() < 2, "it is recorded twice: {written:?}");
    Ok(())
}

/// There is one record as an agent, and it is so.
fn one(
    tagged: bool,
    records: &[crate::daemon::Record],
    is_so: impl Fn(&crate::daemon::Record) -> Outcome,
) -> Outcome {
    match (tagged, records) {
        (false, []) => Ok(()),
        (true, [record]) => is_so(record),
        _ => crate::error::failed(format!("the records are {records:?}")),
    }
}

fn is_elsewhere(record: &crate::daemon::Record) -> Outcome {
    has(
        record,
        &[("operation", "resolve"), ("name", "www.elsewhere.example")],
    )
}
