//! Whether a record says what happened.

use std::net::SocketAddr;

use super::{Expected, FileExpected, NameExpected, ObjectExpected, Stage};
use crate::{daemon::Record, ensure, error::Outcome};

/// Compares every field that the case knows.
pub(super) fn check(
    stage: &Stage,
    agent: &str,
    verdict: &str,
    expected: &Expected,
    record: &Record,
) -> Outcome {
    check_fields(
        record,
        &[
            ("agent", agent),
            ("verdict", verdict),
            ("operation", expected.operation),
            ("destination", expected.destination),
            ("protocol", expected.protocol),
            ("path", ""),
            ("access", ""),
            ("reason", expected.reason),
            ("rule", expected.rule),
        ],
    )?;
    check_destination(expected, record)?;
    check_rule(agent, expected.rule, record)?;
    check_process(stage, record)
}

/// Likewise, for a record about a file.
pub(super) fn check_file(
    stage: &Stage,
    agent: &str,
    verdict: &str,
    expected: &FileExpected,
    record: &Record,
) -> Outcome {
    let (mut path, rule) = (stage.expand(expected.path), stage.expand(expected.rule));
    if let Some(beginning) = path.strip_suffix('*')
        && record.text("path").starts_with(beginning)
    {
        record.text("path").clone_into(&mut path);
    }
    check_fields(
        record,
        &[
            ("agent", agent),
            ("verdict", verdict),
            ("operation", expected.operation),
            ("path", &path),
            ("access", expected.access),
            ("destination", ""),
            ("protocol", ""),
            ("reason", expected.reason),
            ("rule", &rule),
        ],
    )?;
    check_rule(agent, &rule, record)?;
    check_process(stage, record)
}

/// The fields that a record about an object may have, and has only where the case says so.
const OBJECT_FIELDS: &[&str] = &[
    "destination",
    "dst_ip",
    "dst_port",
    "path",
    "access",
    "family",
    "socket_type",
    "protocol",
    "option",
    "target_pid",
    "signal",
    "command",
];

/// Likewise, for a record about a socket or a process.
pub(super) fn check_object(
    stage: &Stage,
    agent: &str,
    verdict: &str,
    expected: &ObjectExpected,
    record: &Record,
) -> Outcome {
    let rule = stage.expand(expected.rule);
    check_fields(
        record,
        &[
            ("agent", agent),
            ("verdict", verdict),
            ("operation", expected.operation),
            ("reason", expected.reason),
            ("rule", &rule),
        ],
    )?;
    for field in OBJECT_FIELDS {
        let mut said = expected.fields.iter();
        let wanted = said.find(|(name, _)| name == field);
        let wanted = wanted.map(|(_, value)| stage.expand(value));
        let seen = record.0.get(field).map(|seen| match seen.as_str() {
            Some(text) => text.to_owned(),
            None => seen.to_string(),
        });
        let matches = match (wanted.as_deref(), seen.as_deref()) {
            (Some(wanted), Some(seen)) => match wanted.strip_suffix('*') {
                Some(beginning) => seen.starts_with(beginning),
                None => seen == wanted,
            },
            (None, None) => true,
            _ => false,
        };
        ensure!(
            matches,
            "{field} is {seen:?} and not {wanted:?}: {}",
            record.0
        );
    }
    check_rule(agent, &rule, record)?;
    check_process(stage, record)
}

/// Likewise, for a record about a name, or about what a name was found to be. A name is in it as it was asked.
pub(super) fn check_name(
    stage: &Stage,
    agent: &str,
    verdict: &str,
    expected: &NameExpected,
    record: &Record,
) -> Outcome {
    check_fields(
        record,
        &[
            ("agent", agent),
            ("verdict", verdict),
            ("operation", expected.operation),
            ("reason", expected.reason),
            ("rule", expected.rule),
        ],
    )?;
    for (field, value) in expected.fields {
        let seen = record.0.get(field).map(|seen| match seen.as_str() {
            Some(text) => text.to_owned(),
            None => seen.to_string(),
        });
        ensure!(
            seen.as_deref().is_some_and(|seen| {
                // An address can have several names.
                seen.eq_ignore_ascii_case(value)
                    || *field == "name" && seen.split(' ').any(|name| name == *value)
            }),
            "{field} is {seen:?} and not {value}: {}",
            record.0
        );
    }
    check_rule(agent, expected.rule, record)?;
    check_process(stage, record)
}

fn check_fields(record: &Record, fields: &[(&str, &str)]) -> Outcome {
    for (field, value) in fields {
        let seen = record.text(field);
        ensure!(
            seen == *value,
            "{field} is `{seen}` and not `{value}`: {}",
            record.0
        );
    }
    Ok(())
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

fn check_rule(agent: &str, rule: &str, record: &Record) -> Outcome {
    let file = record.text("rule_file");
    let named = file.ends_with(&format!("/{agent}.toml")) && record.number("rule_line") > Some(0);
    let absent = file.is_empty() && record.number("rule_line").is_none();
    let right = if rule.is_empty() { absent } else { named };
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
    let exe = record.text("exe");
    // What was only observed has been executed by now.
    let is_executed = record.text("verdict") == "observed"
        && record.text("access") == "exec"
        && exe == record.text("path");
    ensure!(
        exited || exe == program || is_executed,
        "exe is not {program}: {}",
        record.0
    );
    Ok(())
}
