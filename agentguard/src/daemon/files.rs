//! What holds agents to their rules for files on this host: BPF LSM, or else Landlock, which
//! `agentguard run` applies to itself.

use std::fmt;

use crate::{
    control::api::{ApiError, ErrorCode, FileConfinement},
    kernel::{
        files::{FileSupport, Landlock, NAME},
        lsm::Lsm,
        protection::Protection,
    },
    landlock::{Rules, coverage},
    policy::{Mode, Scope},
};

/// A scope that requires what this host lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking(String);

impl fmt::Display for Lacking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Scopes that require what this host lacks, one error each.
pub(super) fn lacking(scopes: &[Scope], support: &FileSupport) -> Vec<Lacking> {
    let Lsm::Unsupported { detail, remedy } = &support.lsm else {
        return Vec::new();
    };
    let demanding = scopes.iter().filter(|scope| scope.required().files);
    demanding
        .map(|scope| {
            Lacking(format!(
                "{}: agent '{}' requires \"files\", and this host has no BPF LSM: {detail}; \
                 {remedy}; or write require = [\"network\"] in [agent], which gives less \
                 (docs/without-bpf-lsm.md)",
                scope.file.display(),
                scope.agent.name,
            ))
        })
        .collect()
}

/// How the rules for files of a scope are enforced; nothing if it has none.
pub(super) fn protection(scope: &Scope, support: &FileSupport) -> Option<Protection> {
    scope.files.as_ref()?;
    let remedy = match &support.lsm {
        Lsm::Active { .. } => return Some(support.protection()),
        Lsm::Unsupported { remedy, .. } => remedy,
    };
    let abi = match &support.landlock {
        Landlock::Active { abi } => *abi,
        Landlock::Unsupported { .. } => return Some(support.protection()),
    };
    if scope.agent.mode == Mode::Observe {
        return Some(Protection::unsupported(NAME, UNOBSERVED, remedy));
    }
    let matches = &scope.matches;
    let beside = if matches.units.is_empty() && matches.cgroups.is_empty() {
        ""
    } else {
        "; NOT the units and cgroups of [match]"
    };
    let detail = format!("{}{beside}", coverage::summary(abi));
    Some(Protection::degraded(NAME, detail, remedy))
}

const UNOBSERVED: &str = "observe mode needs BPF LSM: Landlock refuses and tells nobody, so that the \
                          rules for files are not applied";

/// What a process that becomes an instance of an agent has to do itself; nothing if the scope has no
/// rules for files.
///
/// `applies` says whether it will.
pub(super) fn confinement(
    scope: &Scope,
    support: &FileSupport,
    applies: bool,
) -> Result<Option<FileConfinement>, ApiError> {
    let Some(files) = &scope.files else {
        return Ok(None);
    };
    if let Lsm::Active { .. } = support.lsm {
        return Ok(Some(FileConfinement::BpfLsm));
    }
    if scope.agent.mode == Mode::Observe {
        let why = UNOBSERVED.to_owned();
        return Ok(Some(FileConfinement::Nothing { why }));
    }
    let unsupported = |message: String| ApiError::new(ErrorCode::Unsupported, message);
    if let Landlock::Unsupported { detail, remedy } = &support.landlock {
        return Err(unsupported(format!(
            "the rules for files of '{}' cannot be enforced: there is no BPF LSM, and {detail}; \
             {remedy}",
            scope.agent.name
        )));
    }
    if !applies {
        return Err(unsupported(format!(
            "there is no BPF LSM, so that the process has to apply the rules for files of '{}' \
             itself, as `agentguard run` does",
            scope.agent.name
        )));
    }
    let failed =
        |error: &dyn fmt::Display| ApiError::new(ErrorCode::Failed, format!("the rules: {error}"));
    let rules = files.path_rules().map_err(|error| failed(&error))?;
    let rules = Rules::new(&rules).map_err(|error| failed(&error))?;
    Ok(Some(FileConfinement::Landlock(rules)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{kernel::protection::State, policy::parse};

    fn scope(text: &str) -> Scope {
        let text = format!("[agent]\nname = \"bot\"\n{text}");
        parse(Path::new("/etc/bot.toml"), &text).unwrap()
    }

    fn support(lsm: bool, landlock: bool) -> FileSupport {
        let (detail, remedy) = ("DETAIL".to_owned(), "REMEDY".to_owned());
        FileSupport {
            lsm: if lsm {
                Lsm::Active {
                    modules: "bpf".into(),
                }
            } else {
                Lsm::Unsupported {
                    detail: detail.clone(),
                    remedy: remedy.clone(),
                }
            },
            landlock: if landlock {
                Landlock::Active { abi: 7 }
            } else {
                Landlock::Unsupported { detail, remedy }
            },
        }
    }

    const FILES: &str = "[files]\nread = [\"/srv/**\"]\n";
    const NETWORK_ONLY: &str = "require = [\"network\"]\n[files]\nread = [\"/srv/**\"]\n";
    const OBSERVED: &str =
        "mode = \"observe\"\nrequire = [\"network\"]\n[files]\nread = [\"/srv/**\"]\n";
    const REQUIRED: &str = "require = [\"network\", \"files\"]\n[files]\n";

    #[test]
    fn what_a_scope_requires_must_be_there() {
        let lacking = |text: &str, lsm| lacking(&[scope(text)], &support(lsm, true));
        for text in [FILES, REQUIRED] {
            let [error] = lacking(text, false).try_into().unwrap();
            let error = error.to_string();
            for part in ["/etc/bot.toml: ", "'bot'", "DETAIL", "REMEDY", "network"] {
                assert!(error.contains(part), "{error}");
            }
            assert_eq!(lacking(text, true), []);
        }
        for text in ["", NETWORK_ONLY, OBSERVED] {
            assert_eq!(lacking(text, false), [], "{text}");
        }
    }

    #[test]
    fn an_agent_s_protection_is_what_it_gets() {
        let state = |text: &str, support: &FileSupport| {
            let protection = protection(&scope(text), support);
            protection.map(|protection| (protection.state, protection.detail))
        };
        assert_eq!(state("", &support(false, false)), None);
        let (active, detail) = state(FILES, &support(true, true)).unwrap();
        assert_eq!((active, detail.as_str()), (State::Active, "BPF LSM"));
        let (degraded, detail) = state(NETWORK_ONLY, &support(false, true)).unwrap();
        assert_eq!(degraded, State::Degraded);
        assert!(detail.contains("Landlock") && !detail.contains("[match]"));
        let declared = format!("{NETWORK_ONLY}[match]\nunits = [\"bot.service\"]\n");
        let (_, detail) = state(&declared, &support(false, true)).unwrap();
        assert!(detail.contains("NOT the units and cgroups"), "{detail}");
        let (observed, detail) = state(OBSERVED, &support(false, true)).unwrap();
        assert_eq!(observed, State::Unsupported);
        assert!(detail.contains("observe mode"), "{detail}");
        let (none, _) = state(NETWORK_ONLY, &support(false, false)).unwrap();
        assert_eq!(none, State::Unsupported);
    }

    #[test]
    fn a_process_is_told_what_to_do() {
        let confinement = |text: &str, lsm, landlock, applies| {
            confinement(&scope(text), &support(lsm, landlock), applies)
        };
        assert_eq!(confinement("", false, false, false), Ok(None));
        let lsm = Ok(Some(FileConfinement::BpfLsm));
        assert_eq!(confinement(FILES, true, true, false), lsm);
        let Ok(Some(FileConfinement::Landlock(rules))) =
            confinement(NETWORK_ONLY, false, true, true)
        else {
            panic!("Landlock is to be applied");
        };
        assert_eq!(rules.rules.len(), 1);
        let Ok(Some(FileConfinement::Nothing { .. })) = confinement(OBSERVED, false, true, true)
        else {
            panic!("nothing is to be done");
        };
        for (landlock, applies) in [(false, true), (true, false)] {
            let error = confinement(NETWORK_ONLY, false, landlock, applies).unwrap_err();
            assert_eq!(error.code, ErrorCode::Unsupported);
        }
    }
}
