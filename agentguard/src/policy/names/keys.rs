//! Keys of a rule by name: `private`, `tls` and `types`.

use agentguard_common::protocol::Protocol;
use toml::de::{DeTable, DeValue};

use super::{
    super::{
        destination::{Destination, Hosts},
        document::{Document, Placed},
    },
    record_type::RecordTypes,
};

/// Keys that only rules by name have.
const KEYS: [&str; 3] = ["private", "tls", "types"];

const SECTION: &str = "an item of \"allow\"";

/// What a rule by name says of it besides ports and protocols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameKeys {
    /// Whether addresses of the own network may be among the answers: private, loopback, link-local
    /// and the like. A name of the Internet that has such an address is an attack.
    pub private: bool,
    /// Where the server name of a TLS connection is checked.
    pub tls: TlsCheck,
    /// What may be asked of the name besides its addresses.
    pub types: RecordTypes,
}

/// Where the server name in the first message of a TLS connection must be one that the rule matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsCheck {
    /// On TCP port 443.
    #[default]
    Https,
    /// On every TCP port.
    Every,
    /// Nowhere: whoever shares the address is reached, too.
    Never,
}

/// Why a key of a rule by name is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The rule is by address.
    #[error(
        "{key:?} is for rules by name, and this one is by address; remove it, or write a name in \"to\""
    )]
    ByAddress {
        /// The key.
        key: &'static str,
    },
    /// `tls` has another value than it can have.
    #[error(
        "\"tls\" cannot be {found}; expected true (check the server name on every TCP port) or \"any\" (on none); without the key it is checked on port 443"
    )]
    Tls {
        /// What stands there, as it is written.
        found: String,
    },
    /// `tls` where there is no TCP.
    #[error(
        "\"tls\" is about TCP, and this rule is for another protocol; remove it, or write the scheme tcp or any"
    )]
    NoTcp,
    /// No type, or none that a rule can permit.
    #[error("{found:?} is no record type that a rule can permit; expected {expected}{hint}", expected = RecordTypes::expected())]
    Type {
        /// What stands there.
        found: String,
        /// The type that may be meant, as the end of a sentence.
        hint: String,
    },
    /// A type that needs no permission.
    #[error(
        "{found:?} may be asked of every name that a rule permits; remove it: \"types\" are further ones"
    )]
    Always {
        /// What stands there.
        found: String,
    },
}

/// Reads the keys of a rule of `allow` that is a table.
pub(in crate::policy) fn keys<'a>(
    document: &mut Document<'a>,
    table: &DeTable<'a>,
    destination: &Destination,
) -> NameKeys {
    let mut keys = NameKeys::default();
    if !matches!(destination.hosts, Hosts::Name(_)) {
        for key in KEYS {
            if let Some(value) = table.get(key) {
                document.report(value.span().start, KeyError::ByAddress { key });
            }
        }
        return keys;
    }
    keys.private = boolean(document, table, "private");
    keys.tls = tls(document, table, destination);
    keys.types = types(document, table);
    keys
}

fn boolean<'a>(document: &mut Document<'a>, table: &DeTable<'a>, key: &'static str) -> bool {
    match table.get(key).map(|value| (value, value.get_ref())) {
        None => false,
        Some((_, DeValue::Boolean(value))) => *value,
        Some((value, other)) => {
            let what = format!("{key:?} in {SECTION}");
            document.wrong_type(value, what, "true or false", other);
            false
        }
    }
}

fn tls<'a>(
    document: &mut Document<'a>,
    table: &DeTable<'a>,
    destination: &Destination,
) -> TlsCheck {
    let Some(value) = table.get("tls") else {
        return TlsCheck::default();
    };
    let at = value.span().start;
    if !destination.speaks(Protocol::Tcp) {
        document.report(at, KeyError::NoTcp);
        return TlsCheck::default();
    }
    let found = match value.get_ref() {
        DeValue::Boolean(true) => return TlsCheck::Every,
        DeValue::String(text) if text == "any" => return TlsCheck::Never,
        DeValue::Boolean(false) => "false".to_owned(),
        DeValue::String(text) => format!("{text:?}"),
        other => {
            let what = format!("\"tls\" in {SECTION}");
            document.wrong_type(value, what, "true or \"any\"", other);
            return TlsCheck::default();
        }
    };
    document.report(at, KeyError::Tls { found });
    TlsCheck::default()
}

fn types<'a>(document: &mut Document<'a>, table: &DeTable<'a>) -> RecordTypes {
    let example = "an array of record types, as in [\"TXT\"]";
    let mut types = RecordTypes::NONE;
    for Placed { value, at } in document.strings(table, SECTION, "types", example) {
        let found = value.to_owned();
        match RecordTypes::of_name(value) {
            Some(one) => types = types.with(one),
            None if RecordTypes::is_always_named(value) => {
                document.report(at, KeyError::Always { found });
            }
            None => {
                let upper = value.to_ascii_uppercase();
                let hint = RecordTypes::of_name(&upper)
                    .map(|_| format!("; did you mean {upper:?}?"))
                    .unwrap_or_default();
                document.report(at, KeyError::Type { found, hint });
            }
        }
    }
    types
}
