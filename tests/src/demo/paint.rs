//! Colours, on a terminal that wants them.

use std::io::IsTerminal;

/// A way to set text apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Paint {
    Bold,
    Dim,
    Red,
    Green,
}

impl Paint {
    /// The text in this colour; unchanged where nobody sees colours or somebody minds them.
    pub(super) fn on(self, text: &str) -> String {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if unwanted || !std::io::stdout().is_terminal() {
            return text.to_owned();
        }
        let code = match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Prints the heading of a part.
pub(super) fn heading(text: &str) {
    println!("\n{}", Paint::Bold.on(text));
}

/// Prints what a program wrote, set in.
pub(super) fn quote(text: &str) {
    for line in text.lines().filter(|line| !line.is_empty()) {
        println!("    {line}");
    }
}

/// Prints a command line that the reader could type.
pub(super) fn prompt(command: &str) {
    println!("  {}", Paint::Dim.on(&format!("$ {command}")));
}
