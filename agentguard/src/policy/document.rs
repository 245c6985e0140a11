//! A TOML document in which everything has a place, and which collects errors.

use std::path::Path;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    error::{Place, PolicyError, Problem},
    lines::Lines,
    wording::{alternatives, suggestion},
};

/// Errors that are reported for one file.
const MAX_ERRORS: usize = 100;

/// Why a file is not the TOML that a scope is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// It is not TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// A key that scopes do not have.
    #[error("unknown key {key:?} in {section}; expected {expected}{hint}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands.
        section: &'static str,
        /// The keys that can stand there.
        expected: String,
        /// The key that may be meant, as the end of a sentence.
        hint: String,
    },
    /// A value of another type.
    #[error("{what} is {found}; expected {expected}")]
    WrongType {
        /// The key and its section.
        what: String,
        /// The type that it should have, with an example.
        expected: &'static str,
        /// The type that it has.
        found: &'static str,
    },
    /// A key that every scope has.
    #[error("{what} is missing; add {example}")]
    Missing {
        /// The key and its section.
        what: &'static str,
        /// What to write.
        example: &'static str,
    },
    /// More errors than are reported.
    #[error("{0} more errors; mend the first ones and check again")]
    More(usize),
}

/// A value that stands somewhere.
#[derive(Clone, Copy)]
pub(super) struct Placed<T> {
    /// The value.
    pub(super) value: T,
    /// The byte at which it begins.
    pub(super) at: usize,
}

/// A text that is parsed, and what was found to be wrong with it.
pub(super) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    lines: Lines<'a>,
    errors: Vec<(usize, Problem)>,
}

impl<'a> Document<'a> {
    /// Parses a text. Nothing means that it is not TOML, which is then reported.
    pub(super) fn parse(file: &'a Path, text: &'a str) -> (Self, Option<DeTable<'a>>) {
        let mut document = Self {
            file,
            text,
            lines: Lines::new(text),
            errors: Vec::new(),
        };
        // What remains of a document with a syntax error would give misleading errors of its own.
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return (document, Some(table.into_inner()));
        }
        for error in errors {
            let span = error.span().unwrap_or_default();
            let message = syntax(error.message(), text.get(span.clone()).unwrap_or_default());
            document.report(span.start, FormError::Syntax(message));
        }
        (document, None)
    }

    /// Reports an error at a byte of the text.
    pub(super) fn report(&mut self, at: usize, problem: impl Into<Problem>) {
        self.errors.push((at, problem.into()));
    }

    /// The place of a byte.
    pub(super) fn place(&self, at: usize) -> Place {
        self.lines.place(at)
    }

    /// What was reported, in the order of the file.
    pub(super) fn into_errors(mut self) -> Vec<PolicyError> {
        // By place; the parser closes every level of a nesting at the same one.
        self.errors.sort_by_key(|(at, _)| *at);
        self.errors
            .dedup_by_key(|(at, problem)| (*at, problem.to_string()));
        if self.errors.len() > MAX_ERRORS {
            let more = self.errors.len() - MAX_ERRORS;
            self.errors.truncate(MAX_ERRORS);
            self.report(self.text.len(), FormError::More(more));
        }
        self.errors
            .into_iter()
            .map(|(at, problem)| PolicyError {
                file: self.file.to_owned(),
                place: Some(self.lines.place(at)),
                problem,
            })
            .collect()
    }

    /// Reports the keys that are not known.
    pub(super) fn keys(
        &mut self,
        table: &DeTable<'_>,
        section: &'static str,
        known: &'static [&'static str],
    ) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let error = FormError::UnknownKey {
                    key: name.to_owned(),
                    section,
                    expected: alternatives(known),
                    hint: suggestion(name, known),
                };
                self.report(key.span().start, error);
            }
        }
    }

    /// The table of a key of the document.
    pub(super) fn table<'t>(
        &mut self,
        root: &'t DeTable<'a>,
        key: &'static str,
        example: &'static str,
    ) -> Option<Placed<&'t DeTable<'a>>> {
        let value = root.get(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Placed {
                value: table,
                at: value.span().start,
            }),
            other => {
                self.wrong_type(value, format!("{key:?}"), example, other);
                None
            }
        }
    }

    /// The text of a key.
    pub(super) fn string<'t>(
        &mut self,
        table: &'t DeTable<'a>,
        section: &'static str,
        key: &'static str,
    ) -> Option<Placed<&'t str>> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Placed {
                value: text.as_ref(),
                at: value.span().start,
            }),
            other => {
                let what = format!("{key:?} in {section}");
                self.wrong_type(value, what, "a string, as in \"text\"", other);
                None
            }
        }
    }

    /// The items of the array of a key.
    pub(super) fn array<'t>(
        &mut self,
        table: &'t DeTable<'a>,
        section: &'static str,
        key: &'static str,
        example: &'static str,
    ) -> &'t [Spanned<DeValue<'a>>] {
        let Some(value) = table.get(key) else {
            return &[];
        };
        match value.get_ref() {
            DeValue::Array(items) => items,
            other => {
                self.wrong_type(value, format!("{key:?} in {section}"), example, other);
                &[]
            }
        }
    }

    /// The strings in the array of a key. What else is in it is reported.
    pub(super) fn strings<'t>(
        &mut self,
        table: &'t DeTable<'a>,
        section: &'static str,
        key: &'static str,
        example: &'static str,
    ) -> Vec<Placed<&'t str>> {
        let mut found = Vec::new();
        for item in self.array(table, section, key, example) {
            match item.get_ref() {
                DeValue::String(text) => found.push(Placed {
                    value: text.as_ref(),
                    at: item.span().start,
                }),
                other => {
                    let what = format!("an item of {key:?} in {section}");
                    self.wrong_type(item, what, "a string", other);
                }
            }
        }
        found
    }

    /// Reports a value of another type.
    pub(super) fn wrong_type(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        what: String,
        expected: &'static str,
        found: &DeValue<'_>,
    ) {
        let found = match found {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        let error = FormError::WrongType {
            what,
            expected,
            found,
        };
        self.report(value.span().start, error);
    }

    /// Where the byte `inside` of a string's value stands in the text. In a string with escapes
    /// or of several lines that is where the string begins.
    pub(super) fn inside(&self, string: Placed<&str>, inside: usize) -> usize {
        let verbatim = self
            .text
            .get(string.at + 1..string.at + 1 + string.value.len());
        if verbatim == Some(string.value) {
            string.at + 1 + inside
        } else {
            string.at
        }
    }
}

/// A message of the TOML parser, on one line, and the text that it is about.
fn syntax(message: &str, about: &str) -> String {
    let lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let message = lines.collect::<Vec<_>>().join("; ");
    if about.is_empty() || about.len() > 80 {
        message
    } else {
        format!("{message}: {about:?}")
    }
}
