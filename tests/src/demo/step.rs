//! One thing that the agent does.

use super::{
    paint::Paint,
    story::AGENT,
    trace::{Seen, Trace},
};
use crate::daemon::Record;

/// A step of the agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// In a few words.
    pub(super) what: &'static str,
    /// Where it shows.
    pub(super) trace: Trace,
    /// What becomes of it under agentguard. Without, every step works.
    pub(super) expected: Expected,
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// It does what it is to do, and nothing is recorded.
    Works,
    /// It does nothing, and there is exactly one record.
    Refused {
        /// The error that the agent gets.
        error: &'static str,
        /// Fields of the record, beside those that are the same for all of them.
        record: &'static [(&'static str, &'static str)],
    },
}

/// What became of a step.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    /// The error that the agent got, if any.
    pub(super) error: Option<String>,
    /// What is seen from outside.
    pub(super) seen: Seen,
    /// What agentguard has recorded.
    pub(super) records: Vec<Record>,
}

impl Step {
    /// What is not as expected.
    pub(super) fn judge(&self, expected: Expected, ended: &Ended) -> Result<(), String> {
        let Ended {
            error,
            seen,
            records,
        } = ended;
        let wrong = |why: String| Err(format!("“{}”: {why}", self.what));
        match expected {
            Expected::Works => {
                if let Some(error) = error {
                    return wrong(format!(
                        "it should have worked, and not failed with {error}"
                    ));
                }
                if !seen.happened {
                    return wrong(format!("it should have worked, but {}", seen.text));
                }
                if !records.is_empty() {
                    return wrong(format!("nothing should have been recorded: {records:?}"));
                }
            }
            Expected::Refused {
                error: wanted,
                record: fields,
            } => {
                if seen.happened {
                    return wrong(format!("it should have been refused, but {}", seen.text));
                }
                if error.as_deref() != Some(wanted) {
                    return wrong(format!("it should have failed with {wanted}: {error:?}"));
                }
                let [record] = records.as_slice() else {
                    return wrong(format!("there should be exactly one record: {records:?}"));
                };
                let common = [
                    ("verdict", "refused"),
                    ("agent", AGENT),
                    ("reason", "no-rule"),
                ];
                for (field, value) in fields.iter().chain(&common) {
                    if record.text(field) != *value {
                        return wrong(format!(
                            "its record should say {field} {value}: {}",
                            record.0
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// The step and what became of it, in a line.
    pub(super) fn line(&self, ended: &Ended) -> String {
        let verdict = match (&self.expected, &ended.error) {
            (_, Some(_)) if ended.seen.happened => Paint::Red.on("FAILED "),
            (_, Some(_)) => Paint::Red.on("REFUSED"),
            (Expected::Works, None) => Paint::Green.on("works  "),
            (Expected::Refused { .. }, None) => Paint::Yellow.on("HAPPENS"),
        };
        let error = ended
            .error
            .as_deref()
            .map_or(String::new(), |error| format!("{error}: "));
        format!("  {verdict}  {:<32}  {error}{}", self.what, ended.seen.text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::story::TOLD, *};

    fn refused() -> Ended {
        let record = json!({
            "verdict": "refused",
            "agent": "research-bot",
            "operation": "open",
            "access": "read",
            "path": "/srv/customers/customers.json",
            "reason": "no-rule",
        });
        Ended {
            error: Some("EACCES".into()),
            seen: Seen {
                happened: false,
                text: "it was not read".into(),
            },
            records: vec![Record(record)],
        }
    }

    fn worked() -> Ended {
        Ended {
            error: None,
            seen: Seen {
                happened: true,
                text: "it was read".into(),
            },
            records: Vec::new(),
        }
    }

    /// Why the first step that is refused is not as expected.
    fn why(expected: Expected, change: impl FnOnce(&mut Ended), of: fn() -> Ended) -> String {
        let mut ended = of();
        TOLD[0].judge(expected, &ended).unwrap();
        change(&mut ended);
        TOLD[0].judge(expected, &ended).unwrap_err()
    }

    #[test]
    fn a_refusal_is_an_error_and_one_record_and_nothing_else() {
        let expected = TOLD[0].expected;
        let why = |change: fn(&mut Ended)| why(expected, change, refused);
        let happened = why(|ended| ended.seen.happened = true);
        assert!(happened.contains("should have been refused"), "{happened}");
        let silent = why(|ended| ended.error = None);
        assert!(silent.contains("should have failed"), "{silent}");
        let other = why(|ended| ended.error = Some("EPERM".into()));
        assert!(other.contains("should have failed with EACCES"), "{other}");
        let none = why(|ended| ended.records.clear());
        assert!(none.contains("exactly one record"), "{none}");
        let two = why(|ended| ended.records.push(ended.records[0].clone()));
        assert!(two.contains("exactly one record"), "{two}");
        let observed = why(|ended| ended.records[0].0["verdict"] = json!("observed"));
        assert!(observed.contains("verdict refused"), "{observed}");
        let path = why(|ended| ended.records[0].0["path"] = json!("/srv"));
        assert!(path.contains("path /srv/customers"), "{path}");
    }

    #[test]
    fn work_shows_and_is_not_recorded() {
        let why = |change: fn(&mut Ended)| why(Expected::Works, change, worked);
        let error = why(|ended| ended.error = Some("EACCES".into()));
        assert!(error.contains("not failed with EACCES"), "{error}");
        let idle = why(|ended| ended.seen.happened = false);
        assert!(idle.contains("should have worked"), "{idle}");
        let recorded = why(|ended| ended.records = refused().records);
        assert!(recorded.contains("nothing should"), "{recorded}");
    }
}
