//! Patterns of Unix sockets: of their paths, or of abstract names.

use super::{Component, Pattern, PatternError};

/// Bytes of the longest abstract name: what `sun_path` holds behind its NUL (`unix(7)`).
pub(super) const MAX_ABSTRACT: usize = 107;

/// What stands before an abstract name, as in `/proc/net/unix`.
const ABSTRACT: char = '@';

/// Parses the pattern of a socket: that of a path, or `@` and an abstract name, in which `*` is any
/// bytes. An error comes with the byte of the text at which it lies.
///
/// An abstract socket is one name, which begins with `@` and may hold slashes (see
/// [`Access::Connect`](agentguard_common::path::Access::Connect)).
pub fn socket_pattern(text: &str) -> Result<Pattern, (usize, PatternError)> {
    let Some(name) = text.strip_prefix(ABSTRACT) else {
        let pattern = Pattern::parse(text)?;
        let is_abstract = match pattern.components() {
            [Component::Literal(name) | Component::Glob(name), ..] => name.starts_with(b"@"),
            _ => false,
        };
        if is_abstract {
            let text = text.to_owned();
            return Err((0, PatternError::At { text }));
        }
        return Ok(pattern);
    };
    if name.is_empty() {
        return Err((0, PatternError::NoName));
    }
    if let Some(at) = text.find('\0') {
        return Err((at, PatternError::Nul));
    }
    if let Some(at) = text.find("**") {
        let text = text.to_owned();
        return Err((at, PatternError::AbstractDepth { text }));
    }
    let bytes = name.bytes().filter(|byte| *byte != b'*').count();
    if bytes > MAX_ABSTRACT || text.len() > 2 * MAX_ABSTRACT {
        return Err((
            0,
            PatternError::LongAbstract {
                start: text.chars().take(20).collect(),
                bytes,
            },
        ));
    }
    let bytes = text.as_bytes().into();
    Ok(Pattern::new(vec![if name.contains('*') {
        Component::Glob(bytes)
    } else {
        Component::Literal(bytes)
    }]))
}
