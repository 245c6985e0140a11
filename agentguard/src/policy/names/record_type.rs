//! Types of records that an agent may ask for.

use super::super::wording::alternatives;

/// A type: its mnemonic and its number (IANA, "DNS Parameters").
type Type = (&'static str, u16);

/// What may be asked of every name that may be resolved: addresses, and how to connect to them.
const ALWAYS: [Type; 4] = [("A", 1), ("AAAA", 28), ("SVCB", 64), ("HTTPS", 65)];

/// What may be asked if a rule says so. `ANY`, `NULL` and whole zones are not here: there is no use for
/// them but to carry data.
const FURTHER: [Type; 14] = [
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("SRV", 33),
    ("NAPTR", 35),
    ("DS", 43),
    ("SSHFP", 44),
    ("DNSKEY", 48),
    ("TLSA", 52),
    ("URI", 256),
    ("CAA", 257),
];

/// A set of types: bit *n* is type *n* of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordTypes(u16);

impl RecordTypes {
    /// No type.
    pub const NONE: Self = Self(0);

    /// The mnemonics of types that a rule can name.
    #[cfg(test)]
    pub(in crate::policy) fn names() -> [&'static str; FURTHER.len()] {
        FURTHER.map(|(name, _)| name)
    }

    /// As the end of "expected …".
    pub(super) fn expected() -> String {
        alternatives(&FURTHER.map(|(name, _)| name))
    }

    /// The set of one type, by its mnemonic.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let index = FURTHER.iter().position(|(known, _)| *known == name)?;
        Some(Self(1 << index))
    }

    /// The numbers of its types.
    pub fn numbers(self) -> impl Iterator<Item = u16> {
        let holds = move |index: &usize| self.0 & (1 << index) != 0;
        (0..FURTHER.len())
            .filter(holds)
            .map(|index| FURTHER[index].1)
    }

    /// Whether a type may be asked of every name that may be resolved.
    pub fn is_always_asked(number: u16) -> bool {
        ALWAYS.iter().any(|(_, known)| *known == number)
    }

    /// As [`is_always_asked`](Self::is_always_asked), by the mnemonic.
    pub(super) fn is_always_named(name: &str) -> bool {
        ALWAYS.iter().any(|(known, _)| *known == name)
    }

    /// Whether it holds no type.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// With the types of another set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

const _: () = assert!(FURTHER.len() <= 16);
