//! What holds an agent to its rules for files on this host.

use std::{fs, io};

use nix::errno::Errno;

use super::{
    lsm::{self, Lsm},
    lsm_remedy::{Boot, Distribution},
    protection::Protection,
    sys,
    types::KernelTypes,
};
use crate::landlock::coverage;

/// The name of this protection.
pub const NAME: &str = "files";
/// The name of the protection that no scope has to ask for.
pub const PROCESSES: &str = "processes";
/// The name of the protection that rules by name have, and that they can do without.
pub const RESOLVERS: &str = "host resolvers";

/// What this host has to enforce rules for files with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSupport {
    /// The kernel's security hooks: every agent, every rule.
    pub lsm: Lsm,
    /// Landlock: what `agentguard run` starts, and less exactly.
    pub landlock: Landlock,
}

/// Whether processes can confine themselves with Landlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landlock {
    /// They can.
    Active {
        /// The version of its ABI, from 1 on.
        abi: u32,
    },
    /// They cannot.
    Unsupported {
        /// What was found, in one line.
        detail: String,
        /// What to do about it on this host, in one line.
        remedy: String,
    },
}

/// Tries both.
pub fn probe(types: &KernelTypes) -> FileSupport {
    FileSupport {
        lsm: lsm::probe(types),
        landlock: landlock(),
    }
}

/// Whether processes can confine themselves with Landlock.
pub fn landlock() -> Landlock {
    // Where the list cannot be read there is none to begin with.
    let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    judge(
        sys::landlock_abi(),
        modules.trim_end(),
        &Boot::read(),
        &Distribution::read(),
    )
}

fn judge(
    abi: io::Result<u32>,
    modules: &str,
    boot: &Boot,
    distribution: &Distribution,
) -> Landlock {
    let error = match abi {
        Ok(abi) => return Landlock::Active { abi },
        Err(error) => error,
    };
    let (detail, remedy) = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EOPNOTSUPP) => (
            "Landlock is not among the active security modules".to_owned(),
            distribution.add_module("landlock", modules, boot),
        ),
        Some(Errno::ENOSYS) => (
            "this kernel is built without CONFIG_SECURITY_LANDLOCK".to_owned(),
            "boot a kernel that is built with CONFIG_SECURITY_LANDLOCK".to_owned(),
        ),
        _ => (
            format!("Landlock: {error}"),
            "something forbids it: a container's seccomp filter; run agentguard on the host"
                .to_owned(),
        ),
    };
    Landlock::Unsupported { detail, remedy }
}

impl FileSupport {
    /// All that depends on it, as it is shown to operators.
    pub fn protections(&self) -> [Protection; 3] {
        [self.protection(), self.processes(), self.resolvers()]
    }

    /// Whether agents that have rules by name are kept from asking the host's resolvers for other names.
    fn resolvers(&self) -> Protection {
        match &self.lsm {
            Lsm::Active { .. } => Protection::active(RESOLVERS, "BPF LSM"),
            Lsm::Unsupported { detail, remedy } => Protection::degraded(
                RESOLVERS,
                format!(
                    "only by DNS; NOT by the sockets of systemd-resolved, nscd, Avahi and D-Bus, which resolve any \
                     name; no BPF LSM: {detail}"
                ),
                remedy,
            ),
        }
    }

    /// Whether agents are kept from other processes, the kernel, and sockets that rules cannot describe.
    fn processes(&self) -> Protection {
        match &self.lsm {
            Lsm::Active { .. } => Protection::active(PROCESSES, "BPF LSM"),
            Lsm::Unsupported { detail, remedy } => Protection::degraded(
                PROCESSES,
                format!(
                    "only moving out of the agent's cgroups; NOT signals, tracing, bpf(2), modules, mounts, \
                     sockets of other families; no BPF LSM: {detail}"
                ),
                remedy,
            ),
        }
    }

    /// As it is shown to operators.
    pub fn protection(&self) -> Protection {
        let (missing, remedy) = match &self.lsm {
            Lsm::Active { .. } => return Protection::active(NAME, "BPF LSM"),
            Lsm::Unsupported { detail, remedy } => (detail, remedy),
        };
        match &self.landlock {
            Landlock::Active { abi } => Protection::degraded(
                NAME,
                format!("{}; no BPF LSM: {missing}", coverage::summary(*abi)),
                remedy,
            ),
            Landlock::Unsupported { detail, .. } => Protection::unsupported(
                NAME,
                format!("no BPF LSM: {missing}; no Landlock either: {detail}"),
                remedy,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::protection::State;

    fn support(lsm: bool, landlock: Option<u32>) -> FileSupport {
        FileSupport {
            lsm: if lsm {
                Lsm::Active {
                    modules: "capability,bpf".into(),
                }
            } else {
                Lsm::Unsupported {
                    detail: "a program is refused".into(),
                    remedy: "another kernel".into(),
                }
            },
            landlock: landlock.map_or_else(
                || judge(Err(Errno::ENOSYS.into()), "", &Boot::default(), &debian()),
                |abi| Landlock::Active { abi },
            ),
        }
    }

    fn debian() -> Distribution {
        Distribution::of("ID=debian")
    }

    #[test]
    fn it_is_as_good_as_the_best_that_the_host_has() {
        let active = support(true, Some(7)).protection();
        assert_eq!(active, Protection::active("files", "BPF LSM"));
        let degraded = support(false, Some(7)).protection();
        assert_eq!(degraded.state, State::Degraded);
        for part in [
            "Landlock",
            "only processes started by `agentguard run`",
            "a program is refused",
        ] {
            assert!(degraded.detail.contains(part), "{degraded:?}");
        }
        assert_eq!(degraded.remedy.as_deref(), Some("another kernel"));
        let unsupported = support(false, None).protection();
        assert_eq!(unsupported.state, State::Unsupported);
        assert!(unsupported.detail.contains("CONFIG_SECURITY_LANDLOCK"));
    }

    #[test]
    fn landlock_says_what_it_lacks() {
        let judge = |errno: Errno| match judge(
            Err(errno.into()),
            "capability",
            &Boot::default(),
            &debian(),
        ) {
            Landlock::Unsupported { detail, remedy } => (detail, remedy),
            Landlock::Active { .. } => panic!("{errno}"),
        };
        assert!(judge(Errno::ENOSYS).1.contains("CONFIG_SECURITY_LANDLOCK"));
        let (detail, remedy) = judge(Errno::EOPNOTSUPP);
        assert!(detail.contains("not among the active"), "{detail}");
        assert!(remedy.contains("lsm=capability,landlock"), "{remedy}");
        assert!(judge(Errno::EPERM).1.contains("something forbids it"));
    }
}
