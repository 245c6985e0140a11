//! Words for people.

/// A number of things: `1 agent`, `2 agents`. The plural is formed with `s`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
