//! Declarations that contradict each other, in one file or across files.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

use super::{
    error::{Place, PolicyError, Problem},
    scope::Scope,
};

/// Why two declarations cannot both hold. `first` is where the other one stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConflictError {
    /// Two scopes for one agent.
    #[error(
        "the agent {name:?} is declared already at {first}; give one of them another name, or merge the files"
    )]
    Agent {
        /// The agent.
        name: String,
        /// Where it was declared first.
        first: String,
    },
    /// One unit twice.
    #[error("the unit {unit:?} is declared already at {first}; remove one of the two")]
    Unit {
        /// The unit.
        unit: String,
        /// Where it was declared first.
        first: String,
    },
    /// One cgroup twice.
    #[error("the cgroup {path:?} is declared already at {first}; remove one of the two")]
    Cgroup {
        /// The path.
        path: String,
        /// Where it was declared first.
        first: String,
    },
    /// A cgroup beneath another that is declared.
    #[error(
        "the cgroup {path:?} lies beneath {outer:?}, which is declared at {first}; declare cgroups side by side"
    )]
    Nested {
        /// The inner path.
        path: String,
        /// The outer path.
        outer: String,
        /// Where the outer one is declared.
        first: String,
    },
}

/// A scope and where its declarations stand.
pub(super) struct Declared {
    pub(super) scope: Scope,
    pub(super) name: Place,
    /// One for each unit.
    pub(super) units: Vec<Place>,
    /// One for each cgroup.
    pub(super) cgroups: Vec<Place>,
}

impl Declared {
    fn units(&self) -> impl Iterator<Item = (&str, Site<'_>)> {
        self.sites(&self.scope.matches.units, &self.units)
    }

    fn cgroups(&self) -> impl Iterator<Item = (&str, Site<'_>)> {
        self.sites(&self.scope.matches.cgroups, &self.cgroups)
    }

    fn sites<'a>(
        &'a self,
        names: &'a [String],
        places: &'a [Place],
    ) -> impl Iterator<Item = (&'a str, Site<'a>)> {
        let site = |place: &Place| Site {
            scope: &self.scope,
            place: *place,
        };
        names
            .iter()
            .map(String::as_str)
            .zip(places.iter().map(site))
    }
}

/// Where something is declared.
#[derive(Clone, Copy)]
struct Site<'a> {
    scope: &'a Scope,
    place: Place,
}

impl Site<'_> {
    fn text(self) -> String {
        let Place { line, column } = self.place;
        format!("{}:{line}:{column}", self.scope.file.display())
    }

    fn error(self, problem: ConflictError) -> PolicyError {
        PolicyError {
            file: self.scope.file.clone(),
            place: Some(self.place),
            problem: Problem::Conflict(problem),
        }
    }
}

/// Every conflict, reported at the later of the two declarations.
pub(super) fn check(all: &[Declared]) -> Vec<PolicyError> {
    let mut errors = Vec::new();
    let names = all.iter().map(|declared| {
        let site = Site {
            scope: &declared.scope,
            place: declared.name,
        };
        (declared.scope.agent.name.as_str(), site)
    });
    unique(names, &mut errors, |name, first| ConflictError::Agent {
        name,
        first,
    });
    unique(
        all.iter().flat_map(Declared::units),
        &mut errors,
        |unit, first| ConflictError::Unit { unit, first },
    );
    let cgroups = unique(
        all.iter().flat_map(Declared::cgroups),
        &mut errors,
        |path, first| ConflictError::Cgroup { path, first },
    );
    for (path, site) in all.iter().flat_map(Declared::cgroups) {
        let mut ancestors = path.match_indices('/').map(|(end, _)| &path[..end]);
        let outer = ancestors.find_map(|outer| cgroups.get_key_value(outer));
        if let Some((outer, first)) = outer {
            errors.push(site.error(ConflictError::Nested {
                path: path.to_owned(),
                outer: (*outer).to_owned(),
                first: first.text(),
            }));
        }
    }
    errors
}

/// Reports what is declared twice; returns where each is declared first.
fn unique<'a, K: Eq + Hash + Copy + Into<String>>(
    declared: impl Iterator<Item = (K, Site<'a>)>,
    errors: &mut Vec<PolicyError>,
    conflict: impl Fn(String, String) -> ConflictError,
) -> HashMap<K, Site<'a>> {
    let mut seen = HashMap::new();
    for (name, site) in declared {
        match seen.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(site);
            }
            Entry::Occupied(entry) => {
                let first: &Site<'_> = entry.get();
                errors.push(site.error(conflict(name.into(), first.text())));
            }
        }
    }
    seen
}
