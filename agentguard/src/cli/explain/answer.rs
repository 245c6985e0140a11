//! An answer, as it is shown.

use std::io::{self, Write};

use crate::{
    cli::{ExitCode, output::printable},
    policy::{Explained, Explanation},
};

/// Writes an answer, as text or as one line of JSON.
pub fn render(answer: &Explanation, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, answer)?;
        return writeln!(out);
    }
    write!(
        out,
        "{}: {} {}",
        answer.verdict.name(),
        answer.agent,
        answer.operation
    )?;
    // `exec` and `connect-unix` say it already.
    let access = answer
        .access
        .as_ref()
        .filter(|_| answer.operation == "open");
    for part in [
        answer.protocol.as_ref(),
        answer.destination.as_ref(),
        access,
        answer.path.as_ref(),
    ]
    .into_iter()
    .flatten()
    {
        write!(out, " {}", visible(part))?;
    }
    writeln!(out)?;
    match (&answer.rule, &answer.rule_file, answer.rule_line) {
        (Some(rule), Some(file), Some(line)) => {
            writeln!(out, "  rule: {} ({}:{line})", visible(rule), visible(file))?;
        }
        _ if answer.reason == "no-rule" => writeln!(out, "  rule: none allows it")?,
        _ => writeln!(out, "  reason: {}", answer.reason)?,
    }
    if let Some(note) = &answer.note {
        writeln!(out, "  note: {}", visible(note))?;
    }
    Ok(())
}

/// A part of a line: what stands in a path or a scope never reaches a terminal raw.
fn visible(part: &str) -> String {
    printable(part).replace('\n', "\u{fffd}")
}

/// The exit code of an answer.
pub const fn exit_code(answer: &Explanation) -> ExitCode {
    match answer.verdict {
        Explained::Permitted => ExitCode::Done,
        Explained::Refused => ExitCode::Refused,
        Explained::Observed => ExitCode::Observed,
    }
}
