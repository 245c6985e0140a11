//! Text that an attacker chose, made safe for terminals.
//!
//! A command line can hold escape sequences that rewrite the analyst's screen, characters that turn
//! the direction of the text, and characters that show nothing at all. None of them is ever written
//! raw, neither into the log nor by `tail`.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use serde_json::ser::Formatter;

/// Whether a character can be shown as it is: it has a shape of its own, and no effect on others.
pub fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // Hangul fillers and the empty Braille pattern are letters and symbols to Unicode, but show
        // nothing.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' => false,
        // `escape_debug` knows controls, format characters (bidi, zero width), combining marks,
        // private and unassigned code points.
        c => !c.is_ascii() && c.escape_debug().len() == 1,
    }
}

/// Text for a terminal: what is not printable is written as `\u{…}`.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_printable(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out
}

/// A line of JSON for a terminal, still the same JSON: what is not printable is escaped if it is in
/// a string, and a space if it is between tokens.
pub fn printable_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            c if is_printable(c) => out.push(c),
            // Valid JSON has these between tokens only.
            '\t' | '\r' | '\n' => out.push(' '),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

/// Bytes that a character takes in a JSON string of the log.
pub(super) fn json_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if is_printable(c) => c.len_utf8(),
        c => 6 * c.len_utf16(),
    }
}

/// Compact JSON in which nothing unprintable is raw.
pub(super) struct SafeFormatter;

impl Formatter for SafeFormatter {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| !is_printable(c)) {
            let (run, tail) = rest.split_at(at);
            writer.write_all(run.as_bytes())?;
            let mut chars = tail.chars();
            if let Some(c) = chars.next() {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_not_printable() {
        let hidden = "\0\u{1b}\u{7f}\u{80}\u{9b}\u{9f}\u{ad}\u{200b}\u{200d}\u{200f}\u{202a}\u{202e}\
                      \u{2028}\u{2029}\u{2060}\u{2066}\u{2069}\u{61c}\u{feff}\u{301}\u{fe0f}\
                      \u{e0041}\u{3164}\u{115f}\u{2800}\u{a0}\u{3000}\u{e000}\u{fff9}\n\r\t";
        for c in hidden.chars() {
            assert!(!is_printable(c), "{}", c.escape_unicode());
        }
        for c in " ~aZ09\"\\éßøЖ中한あ😀€\u{fffd}".chars() {
            assert!(is_printable(c), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn terminals_get_escapes() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}é"), "a\\u{1b}[2Jb\\u{202e}é");
    }

    #[test]
    fn json_stays_the_same_json() {
        let json = "{\"a\":\t\"\u{202e}x\u{e0041}\u{7f}\"}";
        let safe = printable_json(json);
        assert!(safe.chars().all(is_printable), "{safe}");
        let (before, after): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(json).unwrap(),
            serde_json::from_str(&safe).unwrap(),
        );
        assert_eq!(before, after);
    }
}
