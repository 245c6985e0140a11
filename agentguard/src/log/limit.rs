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
