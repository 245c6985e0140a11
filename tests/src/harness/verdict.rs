//! Whether a record says what happened.

use std::net::SocketAddr;

use super::{Expected, Stage};
use crate::{daemon::Record, ensure, error::Outcome};

/// Compares every field that the case knows.
pub(super) fn check(
    stage: &Stage,
    agent: &str,
    verdict: &str,
    expected: &Expected,
    record: &Record,
) -> Outcome {
    let fields = [
        ("agent", agent),
        ("verdict", verdict),
        ("operation", expected.operation),
        ("destination", expected.destination),
        ("protocol", expected.protocol),
        ("reason", expected.reason),
        ("rule", expected.rule),
    ];
    for (field, value) in fields {
        let seen = record.text(field);
        ensure!(
            seen == value,
            "{field} is `{seen}` and not `{value}`: {}",
            record.0
        );
    }
    check_destination(expected, record)?;
    check_rule(agent, expected, record)?;
    check_process(stage, record)
}

fn check_destination(expected: &Expected, record: &Record) -> Outcome {
    let (address, port) = match expected.destination.parse::<SocketAddr>() {
        Ok(to) => (to.ip().to_string(), Some(u64::from(to.port()))),
        Err(_) => (expected.destination.to_owned(), None),
    };
    ensure!(
        record.text("dst_ip") == address,
        "dst_ip is not {address}: {}",
        record.0
    );
    ensure!(
        record.number("dst_port") == port,
        "dst_port is not {port:?}: {}",
        record.0
    );
    Ok(())
}

fn check_rule(agent: &str, expected: &Expected, record: &Record) -> Outcome {
    let file = record.text("rule_file");
    let named = file.ends_with(&format!("/{agent}.toml")) && record.number("rule_line") > Some(0);
    let absent = file.is_empty() && record.number("rule_line").is_none();
    let right = if expected.rule.is_empty() {
        absent
    } else {
        named
    };
    ensure!(right, "file and line of the rule are wrong: {}", record.0);
    ensure!(
        record.number("policy") > Some(0),
        "there is no policy: {}",
        record.0
    );
    Ok(())
}

fn check_process(stage: &Stage, record: &Record) -> Outcome {
    for field in ["pid", "tid"] {
        ensure!(
            record.number(field) > Some(0),
            "there is no {field}: {}",
            record.0
        );
    }
    ensure!(
        record.number("uid") == Some(0),
        "the uid is not 0: {}",
        record.0
    );
    ensure!(
        !record.text("instance").is_empty(),
        "there is no instance: {}",
        record.0
    );
    ensure!(
        !record.text("comm").is_empty(),
        "there is no comm: {}",
        record.0
    );
    let exited = record.0.get("exited").and_then(serde_json::Value::as_bool) == Some(true);
    let program = stage.program().display().to_string();
    ensure!(
        exited || record.text("exe") == program,
        "exe is not {program}: {}",
        record.0
    );
    Ok(())
}
