//! The `[match]` section: whose processes are the agent's.

use agentguard_common::limits::{MAX_CGROUP_DEPTH, MAX_CGROUP_PATH, MAX_UNIT_NAME};
use toml::de::DeTable;

use super::{document::Document, scope::Matches};

/// Keys of the section.
pub(super) const KEYS: &[&str] = &["units", "cgroups"];

const SECTION: &str = "[match]";
/// Units, and cgroups, that one scope can declare.
const MAX_ITEMS: usize = 256;
const SUFFIXES: [&str; 4] = [".service", ".slice", ".scope", ".socket"];
/// Bytes of one component of a path (`NAME_MAX`).
const MAX_COMPONENT: usize = 255;

/// Why a unit or a cgroup cannot be declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchError {
    /// It is no unit that has processes.
    #[error(
        "{0:?} is no unit with processes; expected a name that ends in .service, .slice, .scope or .socket"
    )]
    UnitSuffix(String),
    /// It has characters that no unit's name has.
    #[error(
        "{0:?} is no unit name; expected a name of letters, digits and : - _ . \\ @, without a path or a pattern"
    )]
    UnitName(String),
    /// A template, which has no processes itself.
    #[error(
        "{0:?} is a template and has no processes; name an instance, as in \"worker@1.service\""
    )]
    UnitTemplate(String),
    /// The name is too long.
    #[error("the unit name has {bytes} bytes; expected at most {limit}", limit = MAX_UNIT_NAME - 2)]
    UnitLength {
        /// Its length.
        bytes: usize,
    },
    /// The path does not begin at the root of the hierarchy.
    #[error("{found:?} is no absolute cgroup path; {mend}")]
    CgroupRelative {
        /// The path.
        found: String,
        /// What to write.
        mend: String,
    },
    /// The root is every process of the host.
    #[error("\"/\" is every process of the host; name a cgroup beneath it")]
    CgroupRoot,
    /// The path is not in its shortest form.
    #[error("{found:?} is not in its shortest form; write {right:?}")]
    CgroupForm {
        /// The path.
        found: String,
        /// The path in its shortest form.
        right: String,
    },
    /// The path cannot be one.
    #[error(
        "{0:?} cannot be a cgroup path: it has \"..\", a control character or a component of more than {MAX_COMPONENT} bytes"
    )]
    CgroupComponent(String),
    /// The path is too long.
    #[error("the cgroup path has {bytes} bytes; expected at most {limit}", limit = MAX_CGROUP_PATH - 2)]
    CgroupLength {
        /// Its length.
        bytes: usize,
    },
    /// The path is too deep.
    #[error("the cgroup path has {components} components; expected at most {MAX_CGROUP_DEPTH}")]
    CgroupDepth {
        /// Its components.
        components: usize,
    },
    /// Too many of them.
    #[error("{key:?} has {items} items; expected at most {MAX_ITEMS}")]
    Items {
        /// The key.
        key: &'static str,
        /// Its items.
        items: usize,
    },
}

/// Where each declaration stands, in the order of [`Matches`].
#[derive(Default)]
pub(super) struct MatchOffsets {
    pub(super) units: Vec<usize>,
    pub(super) cgroups: Vec<usize>,
}

pub(super) fn matches<'a>(
    document: &mut Document<'a>,
    root: &DeTable<'a>,
) -> (Matches, MatchOffsets) {
    let Some(section) = document.table(root, "match", "a table, as in [match]") else {
        return (Matches::default(), MatchOffsets::default());
    };
    document.keys(section.value, SECTION, KEYS);
    let (units, unit_offsets) = list(
        document,
        section.value,
        "units",
        "an array of strings, as in [\"research-bot.service\"]",
        unit,
    );
    let (cgroups, cgroup_offsets) = list(
        document,
        section.value,
        "cgroups",
        "an array of strings, as in [\"/agents.slice/research\"]",
        cgroup,
    );
    let offsets = MatchOffsets {
        units: unit_offsets,
        cgroups: cgroup_offsets,
    };
    (Matches { units, cgroups }, offsets)
}

fn list<'a>(
    document: &mut Document<'a>,
    table: &DeTable<'a>,
    key: &'static str,
    example: &'static str,
    check: fn(&str) -> Result<(), MatchError>,
) -> (Vec<String>, Vec<usize>) {
    let items = document.strings(table, SECTION, key, example);
    if let Some(first) = items.get(MAX_ITEMS) {
        let items = items.len();
        document.report(first.at, MatchError::Items { key, items });
    }
    let mut found = (Vec::new(), Vec::new());
    for text in items.into_iter().take(MAX_ITEMS) {
        match check(text.value) {
            Ok(()) => {
                found.0.push(text.value.to_owned());
                found.1.push(text.at);
            }
            Err(error) => document.report(text.at, error),
        }
    }
    found
}

fn unit(name: &str) -> Result<(), MatchError> {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    if !name.bytes().all(character) {
        return Err(MatchError::UnitName(name.to_owned()));
    }
    let Some(stem) = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)) else {
        return Err(MatchError::UnitSuffix(name.to_owned()));
    };
    if stem.is_empty() || stem.starts_with('@') {
        return Err(MatchError::UnitName(name.to_owned()));
    }
    if stem.ends_with('@') {
        return Err(MatchError::UnitTemplate(name.to_owned()));
    }
    if name.len() > MAX_UNIT_NAME - 2 {
        return Err(MatchError::UnitLength { bytes: name.len() });
    }
    Ok(())
}

fn cgroup(path: &str) -> Result<(), MatchError> {
    let found = || path.to_owned();
    let Some(relative) = path.strip_prefix('/') else {
        let mend = match path.strip_prefix("sys/fs/cgroup") {
            _ if path.is_empty() => "expected a path as in \"/agents.slice/research\"".to_owned(),
            Some(rest) => format!("write {rest:?}"),
            None => format!("write {:?}", format!("/{path}")),
        };
        return Err(MatchError::CgroupRelative {
            found: found(),
            mend,
        });
    };
    if path.bytes().all(|byte| byte == b'/') {
        return Err(MatchError::CgroupRoot);
    }
    if let Some(rest) = path.strip_prefix("/sys/fs/cgroup/") {
        let right = format!("/{rest}");
        return Err(MatchError::CgroupForm {
            found: found(),
            right,
        });
    }
    let components = || {
        relative
            .split('/')
            .filter(|component| !matches!(*component, "" | "."))
    };
    let impossible = |component: &str| {
        component == ".." || component.len() > MAX_COMPONENT || component.contains(char::is_control)
    };
    if path.len() > MAX_CGROUP_PATH - 2 {
        return Err(MatchError::CgroupLength { bytes: path.len() });
    }
    if components().any(impossible) {
        return Err(MatchError::CgroupComponent(found()));
    }
    let right = components().fold(String::new(), |path, component| path + "/" + component);
    if right != path {
        return Err(MatchError::CgroupForm {
            found: found(),
            right,
        });
    }
    let components = components().count();
    if components > MAX_CGROUP_DEPTH as usize {
        return Err(MatchError::CgroupDepth { components });
    }
    Ok(())
}
