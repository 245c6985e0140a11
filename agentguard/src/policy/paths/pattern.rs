//! Patterns of paths, as an operator writes them.

use std::{fmt, str::FromStr};

use agentguard_common::limits::{MAX_COMPONENT, MAX_DEPTH};

use super::PatternError;

/// A pattern: `/`, or components that each have a slash before them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    components: Vec<Component>,
}

/// What stands between two slashes of a pattern. Every character but `*` stands for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    /// One name.
    Literal(Box<[u8]>),
    /// Names that match it: a `*` in it is any bytes, also none. No two are side by side.
    Glob(Box<[u8]>),
    /// `*`: any one name.
    AnyName,
    /// `**`: any number of names, also none.
    AnyDepth,
}

impl Pattern {
    /// A pattern of these components.
    pub fn new(components: Vec<Component>) -> Self {
        Self { components }
    }

    /// Its components; `/` has none.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Parses a text. An error comes with the byte of the text at which it lies.
    pub fn parse(text: &str) -> Result<Self, (usize, PatternError)> {
        if text.is_empty() {
            return Err((0, PatternError::Empty));
        }
        if let Some(at) = text.find('\0') {
            return Err((at, PatternError::Nul));
        }
        let whole = || text.to_owned();
        // What begins with `**` begins at the root all the same.
        let rest = match text.strip_prefix('/') {
            Some(rest) => rest,
            None if text.starts_with("**/") => text,
            None => return Err((0, PatternError::Relative { text: whole() })),
        };
        if rest.is_empty() {
            return Ok(Self::new(Vec::new()));
        }
        if let Some(at) = text.find("//") {
            return Err((at + 1, PatternError::EmptyComponent { text: whole() }));
        }
        if rest.ends_with('/') {
            return Err((
                text.len() - 1,
                PatternError::TrailingSlash { text: whole() },
            ));
        }
        let mut components = Vec::new();
        let mut at = text.len() - rest.len();
        for part in rest.split('/') {
            components.push(component(part).map_err(|error| (at, error))?);
            at += part.len() + 1;
        }
        let names = components
            .iter()
            .filter(|component| **component != Component::AnyDepth)
            .count();
        if names as u64 > MAX_DEPTH {
            return Err((0, PatternError::Deep { names }));
        }
        Ok(Self::new(components))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text).map_err(|(_, error)| error)
    }
}

impl fmt::Display for Pattern {
    /// As an operator would write it. Bytes that are not UTF-8 are U+FFFD.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.components.is_empty() {
            return formatter.write_str("/");
        }
        for component in &self.components {
            let text = match component {
                Component::Literal(bytes) | Component::Glob(bytes) => {
                    String::from_utf8_lossy(bytes)
                }
                Component::AnyName => "*".into(),
                Component::AnyDepth => "**".into(),
            };
            write!(formatter, "/{text}")?;
        }
        Ok(())
    }
}

fn component(text: &str) -> Result<Component, PatternError> {
    match text {
        "." => return Err(PatternError::Dot),
        ".." => return Err(PatternError::DotDot),
        "*" => return Ok(Component::AnyName),
        "**" => return Ok(Component::AnyDepth),
        _ if text.len() > MAX_COMPONENT => {
            return Err(PatternError::LongComponent {
                start: text.chars().take(20).collect(),
                bytes: text.len(),
            });
        }
        _ if text.contains("**") => {
            return Err(PatternError::Joined {
                component: text.to_owned(),
            });
        }
        _ => {}
    }
    let bytes = text.as_bytes().into();
    Ok(if text.contains('*') {
        Component::Glob(bytes)
    } else {
        Component::Literal(bytes)
    })
}
