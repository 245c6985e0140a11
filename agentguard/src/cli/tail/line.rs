//! One line of the log, for a terminal.

use serde_json::{Map, Value};

use crate::{
    log::escape::{printable, printable_json},
    text::counted,
};

/// How lines are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style<'a> {
    pub(super) agent: Option<&'a str>,
    pub(super) json: bool,
    pub(super) color: bool,
}

/// Characters of a line that is no record which are shown.
const MAX_SHOWN: usize = 8000;

const DIM: &str = "2";
const RED: &str = "31";
const YELLOW: &str = "33";
const MAGENTA: &str = "35";

impl Style<'_> {
    /// Whether the line is shown.
    pub(super) fn shows(&self, line: &[u8]) -> bool {
        self.agent.is_none() || parse(line).is_none_or(|record| self.wants(&record))
    }

    /// The line as it is shown: safe for terminals, and without a newline. `None` if it is another
    /// agent's. A line that is not a record is shown whatever agent is asked for.
    pub(super) fn render(&self, line: &[u8]) -> Option<String> {
        let Some(record) = parse(line) else {
            return Some(self.unparseable(line));
        };
        if !self.wants(&record) {
            return None;
        }
        Some(if self.json {
            printable_json(&String::from_utf8_lossy(line))
        } else {
            self.human(&record)
        })
    }

    fn wants(&self, record: &Record) -> bool {
        self.agent.is_none() || self.agent == record.text("agent")
    }

    fn unparseable(&self, line: &[u8]) -> String {
        let text = String::from_utf8_lossy(line);
        let mut shown: String = text.chars().take(MAX_SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        let shown = printable(&shown);
        if self.json {
            Value::from_iter([("unparseable", shown)]).to_string()
        } else {
            format!("{} {shown}", self.paint(MAGENTA, "not a record:"))
        }
    }

    fn human(&self, record: &Record) -> String {
        let time = self.paint(DIM, &record.time());
        let agent = printable(record.text("agent").unwrap_or("agentguard"));
        let count = |key, noun| counted(record.number(key).unwrap_or_default(), noun);
        let rest = match record.text("kind") {
            Some("violation") => self.violation(record),
            Some("loss") => {
                let lost = self.paint(MAGENTA, "lost");
                format!(
                    "{lost} {}: the kernel's buffer was full",
                    count("lost", "event")
                )
            }
            Some("repeat") => format!("refused {} again", count("repeated", "packet")),
            Some("unwritten") => {
                let lost = self.paint(MAGENTA, "lost");
                format!(
                    "{lost} {}: the log could not be written",
                    count("unwritten", "violation")
                )
            }
            Some("daemon") => format!(
                "{} ({}) {}",
                record.shown("event"),
                count("agents", "agent"),
                record.shown("message")
            ),
            _ => printable(&Value::Object(record.0.clone()).to_string()),
        };
        format!("{time} {agent} {}", rest.trim_end())
    }

    /// What an agent can choose comes last, so that it cannot pass for another part of the line.
    fn violation(&self, record: &Record) -> String {
        let verdict = record.shown("verdict");
        let color = if verdict == "observed" { YELLOW } else { RED };
        let mut words = vec![self.paint(color, &verdict)];
        words.extend(record.attempt());
        words.push(match (record.text("rule"), record.text("reason")) {
            (Some(rule), _) => format!("({})", printable(rule)),
            (None, Some("no-rule")) => "(no rule)".to_owned(),
            (None, Some("protocol")) => "(no rule can allow it)".to_owned(),
            (None, reason) => format!("({})", printable(reason.unwrap_or("unknown"))),
        });
        if let Some(pid) = record.number("pid") {
            words.push(format!("{}[{pid}]", record.shown("comm")));
        }
        if record.0.get("exited") == Some(&Value::Bool(true)) {
            words.push("exited".to_owned());
        }
        words.push(record.shown("exe"));
        words.join(" ")
    }

    fn paint(&self, color: &str, text: &str) -> String {
        if self.color {
            format!("\u{1b}[{color}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

struct Record(Map<String, Value>);

/// A record is an object with a kind.
fn parse(line: &[u8]) -> Option<Record> {
    let record: Map<String, Value> = serde_json::from_slice(line).ok()?;
    record
        .get("kind")
        .is_some_and(Value::is_string)
        .then_some(Record(record))
}

impl Record {
    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key)?.as_u64()
    }

    fn shown(&self, key: &str) -> String {
        printable(self.text(key).unwrap_or_default())
    }

    /// What was attempted.
    fn attempt(&self) -> Vec<String> {
        let operation = self.shown("operation");
        let mut words = Vec::new();
        if let Some(path) = self.text("path") {
            // `exec` and `connect-unix` say it already.
            let access = self.shown("access");
            if !operation.starts_with(&access) {
                words.push(access);
            }
            words.push(printable(path));
        }
        let mut text = |key| words.extend(self.text(key).map(printable));
        text("family");
        text("protocol");
        text("option");
        if self.text("destination").is_some() {
            text("destination");
        } else if self.text("socket_type") != self.text("protocol") {
            text("socket_type");
        }
        for (key, before) in [
            ("command", "command "),
            ("signal", ""),
            ("target_pid", "process "),
        ] {
            words.extend(self.number(key).map(|number| format!("{before}{number}")));
        }
        words.insert(0, operation);
        words
    }

    /// Time of day in UTC.
    fn time(&self) -> String {
        self.text("time")
            .and_then(|time| time.parse::<jiff::Timestamp>().ok())
            .map_or_else(
                || "--:--:--".to_owned(),
                |time| time.strftime("%H:%M:%S").to_string(),
            )
    }
}
