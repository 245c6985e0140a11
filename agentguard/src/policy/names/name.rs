//! A name in a rule.

use std::{borrow::Cow, fmt};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::name_error::NameError;

/// Bytes of the longest label (RFC 1035, 2.3.4).
pub(super) const MAX_LABEL: usize = 63;
/// Bytes of the longest name without the dot at its end: 255 on the wire have a length for each label
/// and one for the root.
pub(super) const MAX_NAME: usize = 253;

/// A name, or every name beneath one.
///
/// It is in the form in which names are sent and compared: ASCII, lower case, without a dot at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// Without `*.`.
    text: Box<str>,
    is_wildcard: bool,
}

impl Name {
    /// Reads a name, or `*.` and a name. An error has the byte of the text at which it lies.
    pub fn parse(text: &str) -> Result<Self, (usize, NameError)> {
        let (written, start) = match text.strip_prefix("*.") {
            Some(rest) => (rest, 2),
            None => (text, 0),
        };
        if let Some(star) = written.find('*') {
            return Err((start + star, NameError::Star));
        }
        // What is wrong with ASCII is said first: it has a place.
        let has_place = written.is_ascii();
        let at = |inside: usize| if has_place { start + inside } else { 0 };
        if has_place {
            check(written).map_err(|(inside, error)| (at(inside), error))?;
        }
        let ascii = to_ascii(written)
            .ok_or_else(|| (at(0), NameError::Idna(written.to_owned())))?
            .into_owned();
        // Some characters become others, which names may not have.
        check(&ascii).map_err(|(inside, error)| (at(inside), error))?;
        let name = ascii.strip_suffix('.').unwrap_or(&ascii);
        if name == "localhost" || name.ends_with(".localhost") {
            return Err((at(0), NameError::Localhost(written.to_owned())));
        }
        Ok(Self {
            text: name.into(),
            is_wildcard: start != 0,
        })
    }

    /// The name; of a wildcard what stands behind `*.`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is every name beneath [`text`](Self::text), at any depth, and not that name itself.
    pub const fn is_wildcard(&self) -> bool {
        self.is_wildcard
    }

    /// Labels from the last to the first.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.text.rsplit('.')
    }

    /// Whether every name that `other` stands for is one of this one's.
    pub fn covers(&self, other: &Self) -> bool {
        match other.text.strip_suffix(&*self.text) {
            None => false,
            Some("") => self.is_wildcard == other.is_wildcard,
            Some(rest) => self.is_wildcard && rest.ends_with('.'),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_wildcard {
            formatter.write_str("*.")?;
        }
        formatter.write_str(&self.text)
    }
}

/// The form in which a name is sent: lower case, other characters than ASCII as `xn--…`.
fn to_ascii(name: &str) -> Option<Cow<'_, str>> {
    // Names in use have hyphens where the strictest reading has none (`r3---sn-a.example`), and
    // underscores; lengths and ends are checked here, with a message of their own.
    let (deny, hyphens, length) = (AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore);
    Uts46::new()
        .to_ascii(name.as_bytes(), deny, hyphens, length)
        .ok()
}

/// What is wrong with an ASCII name, and at which byte of it.
fn check(name: &str) -> Result<(), (usize, NameError)> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut start = 0;
    for label in name.split('.') {
        check_label(label).map_err(|(inside, error)| (start + inside, error))?;
        start += label.len() + 1;
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if reads_as_number(last) {
        return Err((0, NameError::Address(name.to_owned())));
    }
    if name.len() > MAX_NAME {
        let bytes = name.len();
        return Err((0, NameError::Length { bytes }));
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), (usize, NameError)> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if let Some((at, character)) = label.char_indices().find(|(_, c)| !is_known(*c)) {
        return Err((at, NameError::Character(character)));
    }
    if label.is_empty() {
        return Err((0, NameError::EmptyLabel));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err((0, NameError::Hyphen(label.to_owned())));
    }
    if label.len() > MAX_LABEL {
        let bytes = label.len();
        return Err((0, NameError::LabelLength { bytes }));
    }
    Ok(())
}

/// Whether a last label makes `inet_aton(3)`, and browsers, take the name for an IPv4 address.
fn reads_as_number(label: &str) -> bool {
    let hex = ["0x", "0X"]
        .iter()
        .find_map(|prefix| label.strip_prefix(prefix));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
