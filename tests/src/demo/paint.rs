//! Colours, on a terminal that wants them.

use std::{
    io::IsTerminal,
    sync::atomic::{AtomicBool, Ordering},
};

/// Columns that a record takes.
const WIDTH: usize = 100;

static PLAIN: AtomicBool = AtomicBool::new(false);

/// From now on nothing is coloured: the terminal of a virtual machine cannot tell where its output goes.
pub fn plain() {
    PLAIN.store(true, Ordering::Relaxed);
}

/// A way to set text apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Paint {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

impl Paint {
    /// The text in this colour; unchanged where nobody sees colours or somebody minds them.
    pub(super) fn on(self, text: &str) -> String {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if unwanted || PLAIN.load(Ordering::Relaxed) || !std::io::stdout().is_terminal() {
            return text.to_owned();
        }
        let code = match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Prints the heading of a part.
pub(super) fn heading(text: &str) {
    println!("\n{}", Paint::Bold.on(text));
}

/// Prints what a program wrote or a file says, set in.
pub(super) fn quote(text: &str) {
    for line in text.trim_end().lines() {
        println!("{}", format!("    {line}").trim_end());
    }
}

/// Prints a record, whose fields nobody could read in one line.
pub(super) fn quote_record(text: &str) {
    let mut line = String::new();
    for field in text.trim_end().split_inclusive(",\"") {
        if line.len() + field.len() > WIDTH {
            quote(line.trim_end_matches('"'));
            line = String::from(" \"");
        }
        line.push_str(field);
    }
    quote(&line);
}

/// Prints a command line that the reader could type.
pub(super) fn prompt(command: &str) {
    println!("  {}", Paint::Dim.on(&format!("$ {command}")));
}
