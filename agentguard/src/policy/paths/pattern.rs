//! Patterns of paths, as an operator writes them.

use std::str::FromStr;

use agentguard_common::limits::{MAX_COMPONENT, MAX_DEPTH};

use super::PatternError;

/// A pattern: `/`, or components that each have a slash before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    components: Vec<Component>,
}

/// What stands between two slashes of a pattern. Every character but `*` stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Its components; `/` has none.
    pub fn components(&self) -> &[Component] {
        &self.components
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.contains('\0') {
            return Err(PatternError::Nul);
        }
        let whole = || text.to_owned();
        let Some(rest) = text.strip_prefix('/') else {
            return Err(PatternError::Relative { text: whole() });
        };
        if rest.is_empty() {
            return Ok(Self {
                components: Vec::new(),
            });
        }
        if text.contains("//") {
            return Err(PatternError::EmptyComponent { text: whole() });
        }
        if rest.ends_with('/') {
            return Err(PatternError::TrailingSlash { text: whole() });
        }
        let components = rest
            .split('/')
            .map(component)
            .collect::<Result<Vec<_>, _>>()?;
        let names = components
            .iter()
            .filter(|component| **component != Component::AnyDepth)
            .count();
        if names as u64 > MAX_DEPTH {
            return Err(PatternError::Deep { names });
        }
        Ok(Self { components })
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
