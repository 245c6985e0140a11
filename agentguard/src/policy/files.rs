//! The sections `[files]` and `[sockets]`: the rules, as they stand in the file.

use agentguard_common::limits::MAX_PATH_RULES;
use toml::de::DeTable;

use super::{
    document::{Document, Placed},
    file_rules::{FileRule, PathList, RuleList},
    item::ItemForm,
};

/// Keys of `[files]`.
pub(super) const FILE_KEYS: &[&str] = &["read", "write", "exec", "deny"];
/// Keys of `[sockets]`.
pub(super) const SOCKET_KEYS: &[&str] = &["connect"];
/// Keys of a rule of `[files]` that is a table.
pub(super) const FILE_RULE_KEYS: &[&str] = &["path", "mode"];
/// Keys of a rule of `[sockets]` that is a table.
pub(super) const SOCKET_RULE_KEYS: &[&str] = &["to", "mode"];

const FILES: &str = "[files]";
const SOCKETS: &str = "[sockets]";

/// Why the rules about files and sockets are not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Too many of them.
    #[error(
        "the scope has {rules} rules about files and sockets, its profiles' included; expected at most {MAX_PATH_RULES}; merge paths with * and **"
    )]
    Rules {
        /// How many it has.
        rules: usize,
    },
}

/// The rules of a file. At most [`MAX_PATH_RULES`] are returned: more are reported.
pub(super) fn rules<'a>(document: &mut Document<'a>, root: &DeTable<'a>) -> RuleList {
    let mut items = Vec::new();
    for (key, section, keys, example) in [
        ("files", FILES, FILE_KEYS, "a table, as in [files]"),
        ("sockets", SOCKETS, SOCKET_KEYS, "a table, as in [sockets]"),
    ] {
        let Some(table) = document.table(root, key, example) else {
            continue;
        };
        document.keys(table.value, section, keys);
        for list in PathList::ALL
            .into_iter()
            .filter(|list| keys.contains(&list.name()))
        {
            let found = document.array(table.value, section, list.name(), array_example(list));
            items.extend(found.iter().map(|item| (item.span().start, list, item)));
        }
    }
    items.sort_by_key(|(at, ..)| *at);
    if let Some((at, ..)) = items.get(MAX_PATH_RULES) {
        document.report(*at, FileError::Rules { rules: items.len() });
    }
    let mut texts = String::new();
    // A file is shorter than 4 GiB.
    let end = |texts: &str| u32::try_from(texts.len()).unwrap_or(u32::MAX);
    let mut rules: Vec<_> = items
        .into_iter()
        .take(MAX_PATH_RULES)
        .filter_map(|(at, list, item)| {
            let (text, mode) = form(list).read(document, item)?;
            check(document, list, text)?;
            let place = document.place(at);
            let start = end(&texts);
            texts.extend([list.name(), " ", text.value]);
            Some(FileRule {
                list,
                mode,
                text: (start, end(&texts)),
                line: place.line,
                column: place.column,
            })
        })
        .collect();
    rules.shrink_to_fit();
    RuleList {
        rules,
        texts: texts.into(),
    }
}

/// Reports a text that is no pattern.
fn check(document: &mut Document<'_>, list: PathList, text: Placed<&str>) -> Option<()> {
    match list.pattern(text.value) {
        Ok(_) => Some(()),
        Err((inside, error)) => {
            document.report(document.inside(text, inside), error);
            None
        }
    }
}

const fn array_example(list: PathList) -> &'static str {
    match list {
        PathList::Connect => "an array of sockets, as in [\"/run/postgresql/.s.PGSQL.5432\"]",
        _ => "an array of paths, as in [\"/srv/papers/**\"]",
    }
}

/// How an item of a list is written.
const fn form(list: PathList) -> ItemForm {
    const MISSING: &str = "\"path\" in an item of [files]";
    const EXPECTED: &str =
        "a string, or a table as in { path = \"/srv/papers/**\", mode = \"observe\" }";
    let (section, example) = match list {
        PathList::Read => ("an item of \"read\"", "path = \"/srv/papers/**\""),
        PathList::Write => (
            "an item of \"write\"",
            "path = \"/var/lib/research-bot/**\"",
        ),
        PathList::Exec => ("an item of \"exec\"", "path = \"/usr/bin/python3*\""),
        PathList::Deny => ("an item of \"deny\"", "path = \"**/.env\""),
        PathList::Connect => {
            return ItemForm {
                key: "to",
                keys: SOCKET_RULE_KEYS,
                section: "an item of \"connect\"",
                missing: (
                    "\"to\" in an item of \"connect\"",
                    "to = \"/run/postgresql/.s.PGSQL.5432\"",
                ),
                expected: "a string, or a table as in { to = \"/run/postgresql/.s.PGSQL.5432\", mode = \"observe\" }",
            };
        }
    };
    ItemForm {
        key: "path",
        keys: FILE_RULE_KEYS,
        section,
        missing: (MISSING, example),
        expected: EXPECTED,
    }
}
