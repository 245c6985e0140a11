//! Profiles: named rules that ship with agentguard.
//!
//! They are files of `packaging/profiles`, in the syntax of scopes, and part of the program: what a scope
//! means does not depend on what else is on a host.

use std::{path::Path, sync::LazyLock};

use agentguard_common::{limits::MAX_PATH_RULES, process::ProcessFlags};
use toml::de::DeTable;

use super::{
    document::{Document, Placed},
    file_rules::{ProfileUse, RuleList},
    files::{self, FileError},
    process,
    wording::{alternatives, suggestion},
};

/// Sections of a profile.
const SECTIONS: &[&str] = &["files", "sockets", "process"];

const BASE: &str = include_str!("../../../packaging/profiles/base.toml");
const GIT: &str = include_str!("../../../packaging/profiles/git.toml");
const NODE: &str = include_str!("../../../packaging/profiles/node.toml");
const PYTHON: &str = include_str!("../../../packaging/profiles/python.toml");
const SHELL: &str = include_str!("../../../packaging/profiles/shell.toml");

/// The profiles that there are, by name, each with the name of its file in records.
const TEXTS: [(&str, &str, &str); 5] = [
    ("base", "profile base", BASE),
    ("git", "profile git", GIT),
    ("node", "profile node", NODE),
    ("python", "profile python", PYTHON),
    ("shell", "profile shell", SHELL),
];

/// Names of the profiles.
pub(super) const NAMES: [&str; 5] = {
    let mut names = [""; 5];
    let mut index = 0;
    while index < names.len() {
        names[index] = TEXTS[index].0;
        index += 1;
    }
    names
};

/// A profile.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    name: &'static str,
    file: &'static str,
    rules: RuleList,
    process: ProcessFlags,
    /// What is wrong with it. Tests see to it that there is nothing.
    errors: Vec<String>,
}

impl Profile {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What stands in records for its file: `profile NAME`.
    pub fn file(&self) -> &'static Path {
        Path::new(self.file)
    }

    pub(super) fn rules(&self) -> &RuleList {
        &self.rules
    }

    pub(super) fn process(&self) -> ProcessFlags {
        self.process
    }

    /// One from its text; `file` stands in records for its file.
    pub(super) fn parse(name: &'static str, file: &'static str, text: &'static str) -> Self {
        let (mut document, root) = Document::parse(Path::new(file), text);
        let (rules, process) = root.map_or_else(Default::default, |root| {
            document.keys(&root, "a profile", SECTIONS);
            (
                files::rules(&mut document, &root),
                process::process(&mut document, &root),
            )
        });
        Self {
            name,
            file,
            rules,
            process,
            errors: document
                .into_errors()
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

static PROFILES: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    let parse = |(name, file, text)| Profile::parse(name, file, text);
    TEXTS.into_iter().map(parse).collect()
});

/// Every profile, by name.
pub fn profiles() -> &'static [Profile] {
    &PROFILES
}

/// Why a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// There is none of this name.
    #[error("{found:?} is no profile; expected {names}{hint}", names = alternatives(&NAMES))]
    Unknown {
        /// What stands there.
        found: String,
        /// The name that may be meant, as the end of a sentence.
        hint: String,
    },
    /// It is named twice.
    #[error("the profile {0:?} is named twice; remove one of the two")]
    Twice(&'static str),
    /// It is not what it should be.
    #[error("this is a defect of agentguard: {0}")]
    Broken(String),
}

/// The profiles that a scope names, if it says anything about profiles. `own` is how many rules of its own
/// it has.
pub(super) fn uses<'a>(
    document: &mut Document<'a>,
    agent: &DeTable<'a>,
    own: usize,
) -> Option<Vec<ProfileUse>> {
    const KEY: &str = "profiles";
    let example = "an array of names, as in [\"base\", \"python\"]";
    agent.get(KEY)?;
    let mut found: Vec<ProfileUse> = Vec::new();
    let mut rules = own;
    for Placed { value, at } in document.strings(agent, "[agent]", KEY, example) {
        let Some(profile) = profiles().iter().find(|profile| profile.name == value) else {
            let (found, hint) = (value.to_owned(), suggestion(value, &NAMES));
            document.report(at, ProfileError::Unknown { found, hint });
            continue;
        };
        for error in &profile.errors {
            document.report(at, ProfileError::Broken(error.clone()));
        }
        if found.iter().any(|it| it.profile.name == profile.name) {
            document.report(at, ProfileError::Twice(profile.name));
            continue;
        }
        rules += profile.rules.rules.len();
        if own <= MAX_PATH_RULES && rules > MAX_PATH_RULES {
            document.report(at, FileError::Rules { rules });
            break;
        }
        let place = document.place(at);
        found.push(ProfileUse { profile, place });
    }
    Some(found)
}
