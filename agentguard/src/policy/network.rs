//! The `[network]` section: the rules.

use agentguard_common::limits::MAX_RULES;
use toml::de::{DeTable, DeValue};

use super::{
    destination::{Destination, Hosts},
    destination_error::DestinationError,
    document::{Document, Placed},
    grammar,
    item::ItemForm,
    names::{self, NameKeys},
    scope::{List, Rule},
};

/// Keys of the section.
pub(super) const KEYS: &[&str] = &["allow", "deny", "listen"];
/// Keys of a rule of `allow` that is a table.
pub(super) const RULE_KEYS: &[&str] = &["to", "mode", "private", "tls", "types"];
/// Keys of a rule of `deny` that is a table.
pub(super) const DENY_KEYS: &[&str] = &["to", "mode"];
/// Keys of a rule of `listen` that is a table.
pub(super) const LISTEN_KEYS: &[&str] = &["at", "mode"];

const SECTION: &str = "[network]";
const EXPECTED: &str = "a string, or a table as in { to = \"10.0.0.0/8:443\", mode = \"observe\" }";

const ALLOW: ItemForm = ItemForm {
    key: "to",
    keys: RULE_KEYS,
    section: "an item of \"allow\"",
    missing: (
        "\"to\" in an item of \"allow\" or \"deny\"",
        "to = \"10.0.0.0/8:443\"",
    ),
    expected: EXPECTED,
};
const DENY: ItemForm = ItemForm {
    keys: DENY_KEYS,
    section: "an item of \"deny\"",
    missing: (
        "\"to\" in an item of \"allow\" or \"deny\"",
        "to = \"10.20.6.0/24\"",
    ),
    ..ALLOW
};
const LISTEN: ItemForm = ItemForm {
    key: "at",
    keys: LISTEN_KEYS,
    section: "an item of \"listen\"",
    missing: ("\"at\" in an item of \"listen\"", "at = \"127.0.0.1:8080\""),
    expected: EXPECTED,
};

/// Why the rules are not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Too many of them.
    #[error(
        "the scope has {rules} network rules; expected at most {MAX_RULES}; merge prefixes or ports into wider rules"
    )]
    Rules {
        /// How many it has.
        rules: usize,
    },
}

/// The rules, numbered as they stand in the file, and their texts.
pub(super) fn rules<'a>(document: &mut Document<'a>, root: &DeTable<'a>) -> (Vec<Rule>, Box<str>) {
    let mut texts = String::new();
    let Some(section) = document.table(root, "network", "a table, as in [network]") else {
        return Default::default();
    };
    document.keys(section.value, SECTION, KEYS);
    let mut items = Vec::new();
    for list in [List::Allow, List::Deny, List::Listen] {
        let example = match list {
            List::Listen => "an array of local addresses, as in [\"127.0.0.1:8080\"]",
            _ => "an array of destinations, as in [\"10.0.0.0/8:443\"]",
        };
        let found = document.array(section.value, SECTION, list.name(), example);
        items.extend(found.iter().map(|item| (item.span().start, list, item)));
    }
    items.sort_by_key(|(at, ..)| *at);
    if let Some((at, ..)) = items.get(MAX_RULES) {
        document.report(*at, NetworkError::Rules { rules: items.len() });
    }
    // A scope file is shorter than 4 GiB.
    let end = |texts: &str| u32::try_from(texts.len()).unwrap_or(u32::MAX);
    let mut rules: Vec<_> = (0_u16..)
        .zip(items.into_iter().take(MAX_RULES))
        .filter_map(|(number, (at, list, item))| {
            let form = match list {
                List::Allow => ALLOW,
                List::Deny => DENY,
                List::Listen => LISTEN,
            };
            let (text, mode) = form.read(document, item)?;
            let destination = destination(document, list, text)?;
            let keys = match (list, item.get_ref()) {
                (List::Allow, DeValue::Table(table)) => names::keys(document, table, &destination),
                _ => NameKeys::default(),
            };
            if list == List::Allow {
                wildcard(document, text, &destination, keys);
            }
            let place = document.place(at);
            let start = end(&texts);
            texts.extend([list.name(), " ", text.value]);
            Some(Rule {
                number,
                list,
                mode,
                destination,
                keys,
                text: (start, end(&texts)),
                line: place.line,
                column: place.column,
            })
        })
        .collect();
    rules.shrink_to_fit();
    (rules, texts.into())
}

fn destination(document: &mut Document<'_>, list: List, text: Placed<&str>) -> Option<Destination> {
    match grammar::destination(text.value, list) {
        Ok(destination) => Some(destination),
        Err((inside, error)) => {
            document.report(document.inside(text, inside), error);
            None
        }
    }
}

/// Reports a wildcard that permits names of strangers. A `deny` rule may be as wide as it likes.
fn wildcard(
    document: &mut Document<'_>,
    text: Placed<&str>,
    destination: &Destination,
    keys: NameKeys,
) {
    let Hosts::Name(name) = &destination.hosts else {
        return;
    };
    if let Err(error) = names::check_wildcard(name, keys.private) {
        let inside = text.value.find('*').unwrap_or_default();
        document.report(document.inside(text, inside), DestinationError::Name(error));
    }
}
