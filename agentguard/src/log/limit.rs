//! A record as a line that every shipper takes whole.

use std::io;

use serde::Serialize;
use serde_json::Serializer;

use super::{
    escape::{SafeFormatter, json_len},
    record::Record,
};

/// Bytes of a line, newline included. A default rsyslog cuts a longer message and breaks it.
pub const MAX_LINE: usize = 8000;

/// What stands before the sequence number.
const HEAD: &str = r#"{"v":1,"seq":"#;

/// Bytes of a record's own JSON: a line without head, the longest sequence number (20 digits), the
/// comma that takes the place of the opening brace, and the newline.
const MAX_BODY: usize = MAX_LINE - HEAD.len() - 20 - 1;

/// Escaped bytes that a text keeps at least, so that a long one does not erase another. All texts
/// of a record at this length fit into [`MAX_BODY`] together.
const MIN_TEXT: usize = 512;

/// Room for the name of one more field in `truncated`.
const NAME_ROOM: usize = 32;

/// The record as a JSON object without `v` and `seq`. Texts are cut, one after the other, until a
/// line with them is at most [`MAX_LINE`] bytes; `truncated` then names them.
pub fn render(mut record: Record) -> io::Result<Vec<u8>> {
    let mut body = serialize(&record)?;
    if body.len() <= MAX_BODY {
        // Thousands of them can wait.
        body.shrink_to_fit();
        return Ok(body);
    }
    for index in 0..record.texts().len() {
        let Some((name, text)) = record.texts().into_iter().nth(index) else {
            break;
        };
        let size: usize = text.chars().map(json_len).sum();
        if size <= MIN_TEXT {
            continue;
        }
        let excess = body.len() - MAX_BODY + NAME_ROOM;
        cut(text, size.saturating_sub(excess).max(MIN_TEXT));
        if !record.truncated.contains(&name) {
            record.truncated.push(name);
        }
        body = serialize(&record)?;
        if body.len() <= MAX_BODY {
            break;
        }
    }
    Ok(body)
}

/// Appends the line of a rendered record.
pub(super) fn push_line(lines: &mut Vec<u8>, seq: u64, body: &[u8]) {
    lines.extend_from_slice(HEAD.as_bytes());
    lines.extend_from_slice(seq.to_string().as_bytes());
    lines.push(b',');
    lines.extend_from_slice(body.get(1..).unwrap_or_default());
    lines.push(b'\n');
}

fn serialize(record: &Record) -> io::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(1024);
    record.serialize(&mut Serializer::with_formatter(&mut body, SafeFormatter))?;
    Ok(body)
}

/// Cuts a text to at most `max` bytes as it is escaped, between characters.
fn cut(text: &mut String, max: usize) {
    let mut size = 0;
    let end = text.char_indices().find_map(|(at, c)| {
        size += json_len(c);
        (size > max).then_some(at)
    });
    if let Some(end) = end {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use agentguard_common::event::{COMM_LEN, Event};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::{
        events::enrich::ProcessFacts,
        log::{Body, RuleRef, Violation, ViolationContext, escape::is_printable},
    };

    /// Texts of every length, out of bytes and characters of every kind.
    fn text() -> impl Strategy<Value = String> {
        any::<([u8; 6], u32, u32)>().prop_map(|(bytes, kind, length)| {
            let piece = match kind % 6 {
                0 => "\u{202e}\u{200b}\u{e0041}".to_owned(),
                1 => "\u{1b}[2J\u{9b}\u{7f}\n\"\\".to_owned(),
                2 => "aé中".to_owned(),
                3 => char::from_u32(length % 0x11_0000).into_iter().collect(),
                _ => String::from_utf8_lossy(&bytes).into_owned(),
            };
            let length = length as usize % if kind % 11 == 0 { 4097 } else { 32 };
            let mut text = piece.repeat(length.div_ceil(piece.len().max(1)));
            text.truncate(text.floor_char_boundary(length));
            text
        })
    }

    fn line(record: Record) -> String {
        let mut line = Vec::new();
        push_line(&mut line, u64::MAX, &render(record).unwrap());
        String::from_utf8(line).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn every_record_is_one_safe_line(
            texts in proptest::array::uniform8(text()),
            comm in any::<[u8; COMM_LEN]>(),
            number in any::<u64>(),
        ) {
            let [agent, owner, rule, file, exe, cmdline, cgroup, spare] = texts;
            let (agent, rule, file) = (format!("a{agent}"), format!("deny {rule}"), format!("/{file}"));
            let number32 = u32::try_from(number >> 32).unwrap();
            let event = Event {
                boot_ns: number,
                instance: number,
                policy: number32,
                pid: number32,
                tid: u32::MAX,
                uid: u32::MAX,
                protocol: 6,
                port: u16::MAX,
                operation: 1,
                address: agentguard_common::address::Address { hi: number, lo: number },
                comm,
                ..Event::default()
            };
            let process = ProcessFacts {
                ppid: Some(number32),
                exe: Some(exe),
                cmdline: Some(cmdline),
                cgroup: Some(format!("/{cgroup}/{spare}.service")),
                exited: number % 2 == 0,
                ..ProcessFacts::default()
            };
            let violation = Violation::new(&event, &ViolationContext {
                agent: &agent,
                owner: Some(&owner),
                text: b"",
                names: None,
                rule: Some(RuleRef { text: &rule, file: Path::new(&file), line: u32::MAX }),
                process: Some(&process),
                cgroup: None,
            });
            let whole = violation.clone();
            let line = line(Record {
                time: "2026-11-22T10:00:00.123456Z".to_owned(),
                boot_us: u64::MAX,
                body: Body::Violation(Box::new(violation)),
                truncated: Vec::new(),
            });

            prop_assert!(line.len() <= MAX_LINE, "{} bytes", line.len());
            let (json, newline) = line.split_at(line.len() - 1);
            prop_assert_eq!(newline, "\n");
            prop_assert!(json.chars().all(is_printable));
            let record: Value = serde_json::from_str(json).unwrap();
            prop_assert_eq!(&record["seq"], u64::MAX);
            prop_assert!(record.as_object().unwrap().values().all(|value| !value.is_null()
                && !value.is_array() && !value.is_object() && value != ""));
            let truncated = record["truncated"].as_str().unwrap_or_default();
            let truncated: Vec<_> = truncated.split(',').collect();
            for (name, text) in [
                ("cmdline", whole.cmdline),
                ("exe", whole.exe),
                ("cgroup", whole.cgroup),
                ("unit", whole.unit),
                ("comm", whole.comm),
                ("rule", whole.rule),
                ("rule_file", whole.rule_file),
                ("owner", whole.owner),
            ] {
                let text = text.unwrap_or_default();
                let kept = record[name].as_str().unwrap_or_default();
                if truncated.contains(&name) {
                    prop_assert!(text.starts_with(kept) && kept.len() < text.len());
                    prop_assert!(kept.chars().map(json_len).sum::<usize>() + 12 > MIN_TEXT);
                } else {
                    prop_assert_eq!(kept, text);
                }
            }
        }
    }

    #[test]
    fn a_text_is_cut_no_more_than_it_must() {
        let process = ProcessFacts {
            exe: Some("/usr/bin/python3".to_owned()),
            cmdline: Some("\u{1b}".repeat(4096)),
            ..ProcessFacts::default()
        };
        let violation = Violation::new(
            &Event::default(),
            &ViolationContext {
                agent: "a",
                owner: None,
                text: b"",
                names: None,
                rule: None,
                process: Some(&process),
                cgroup: None,
            },
        );
        let line = line(Record {
            time: "2026-11-22T10:00:00.123456Z".to_owned(),
            boot_us: 1,
            body: Body::Violation(Box::new(violation)),
            truncated: vec!["cmdline"],
        });
        assert!(
            (MAX_LINE - 64..=MAX_LINE).contains(&line.len()),
            "{}",
            line.len()
        );
        let record: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(record["exe"], "/usr/bin/python3");
        assert_eq!(record["truncated"], "cmdline");
    }
}
