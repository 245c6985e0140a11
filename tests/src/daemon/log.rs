//! The violation log.

use std::{
    fs::File,
    io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom},
    path::Path,
};

use serde_json::Value;

use crate::{
    ensure,
    error::{Context, Error, Outcome},
};

/// The longest line that is allowed, in bytes, newline included.
const LONGEST: usize = 8000;

/// One line.
#[derive(Clone, Debug)]
pub struct Record(pub Value);

impl Record {
    /// A field that is text; empty where there is none.
    pub fn text(&self, field: &str) -> &str {
        self.0
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A field that is a number.
    pub fn number(&self, field: &str) -> Option<u64> {
        self.0.get(field).and_then(Value::as_u64)
    }

    /// Whose it is.
    pub fn agent(&self) -> &str {
        self.text("agent")
    }

    /// What every line must be: flat, short, with both clocks and a sequence number.
    fn check(line: &str) -> Outcome<Self> {
        let broken = |why: &str| Error::Failed(format!("log line {why}: {line}"));
        let value: Value =
            serde_json::from_str(line).map_err(|error| broken(&error.to_string()))?;
        let object = value
            .as_object()
            .ok_or_else(|| broken("is not an object"))?;
        ensure!(
            line.len() < LONGEST,
            "log line of {} bytes: {line}",
            line.len() + 1
        );
        for (field, value) in object {
            ensure!(
                !value.is_object() && !value.is_array() && !value.is_null(),
                "field {field} is not flat: {line}"
            );
            ensure!(value.as_str() != Some(""), "field {field} is empty: {line}");
        }
        for field in ["v", "seq", "time", "boot_us", "kind"] {
            ensure!(
                object.contains_key(field),
                "log line without {field}: {line}"
            );
        }
        Ok(Self(value))
    }
}

/// The lines of kind `violation`, one after another.
#[derive(Debug)]
pub struct Violations(Lines);

impl Violations {
    /// Those after an offset. A log that does not exist has none.
    pub fn after(path: &Path, offset: u64) -> Outcome<Self> {
        Lines::after(path, offset).map(Self)
    }
}

impl Iterator for Violations {
    type Item = Outcome<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0
            .find(|line| !matches!(line, Ok(line) if line.text("kind") != "violation"))
    }
}

/// The lines of kind `daemon` with this event.
pub(super) fn daemon_events(path: &Path, event: &str) -> Outcome<Vec<Record>> {
    let mut lines: Vec<_> = Lines::after(path, 0)?.collect::<Outcome<_>>()?;
    lines.retain(|line| line.text("kind") == "daemon" && line.text("event") == event);
    Ok(lines)
}

/// Every complete line, checked.
#[derive(Debug)]
pub(super) struct Lines {
    file: Option<BufReader<File>>,
    read: u64,
}

impl Lines {
    /// Those after an offset. A log that does not exist has none.
    pub(super) fn after(path: &Path, offset: u64) -> Outcome<Self> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self {
                    file: None,
                    read: 0,
                });
            }
            Err(error) => return Err(error).context(format!("open {}", path.display())),
        };
        file.seek(SeekFrom::Start(offset))
            .context("seek in the log")?;
        Ok(Self {
            file: Some(BufReader::with_capacity(1 << 18, file)),
            read: 0,
        })
    }

    /// Bytes of the lines that were read.
    pub(super) const fn read(&self) -> u64 {
        self.read
    }
}

impl Iterator for Lines {
    type Item = Outcome<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.file.as_mut()?;
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(count) if line.ends_with('\n') => {
                self.read += count as u64;
                Some(Record::check(line.trim_end_matches('\n')))
            }
            // The end, or a line that is being written.
            Ok(_) => None,
            Err(error) => Some(Err(error).context("read the log")),
        }
    }
}
