//! Parts of messages.

/// `a, b or c`.
pub(super) fn alternatives(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// `; did you mean "name"?`, or nothing if no name is like the one that was found.
pub(super) fn suggestion(found: &str, names: &[&str]) -> String {
    let found = found.to_ascii_lowercase();
    names
        .iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&found, name), name))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| format!("; did you mean {name:?}?"))
        .unwrap_or_default()
}
