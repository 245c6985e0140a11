//! Writing to standard output.

use std::io::{self, Write};

use serde::Serialize;

use super::Error;

/// Text for a terminal: control characters other than line feeds are replaced. What stands in a
/// scope or a path never reaches a terminal raw.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// Prints text for people.
pub(super) fn print(text: &str) -> Result<(), Error> {
    write(printable(text).as_bytes())
}

/// Prints a value as JSON.
pub(super) fn print_json<T: Serialize>(value: &T) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| Error::Output(error.into()))?;
    text.push(b'\n');
    write(&text)
}

/// Prints a script, which is ours to the last byte.
pub(super) fn print_script(script: &[u8]) -> Result<(), Error> {
    write(script)
}

fn write(bytes: &[u8]) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(Error::Output)
}
