//! Whether BPF LSM works on this host, found by trying it.
//!
//! The list of active modules alone is no evidence: kernels were seen that list `bpf` and refuse its
//! programs. Nor is a program that loads: without `bpf` in the list it attaches, and is never called.

use std::{fs, io};

use nix::errno::Errno;

use super::{
    lsm_remedy::{Boot, Distribution},
    sys,
    types::KernelTypes,
};

/// The active security modules, one after another.
const LIST: &str = "/sys/kernel/security/lsm";

/// Whether programs on the kernel's security hooks work, which rules for files need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lsm {
    /// A program was loaded and attached, and is called.
    Active {
        /// The active modules, as the kernel lists them.
        modules: String,
    },
    /// They do not work.
    Unsupported {
        /// What was found, in one line.
        detail: String,
        /// What to do about it on this host, in one line.
        remedy: String,
    },
}

/// Tries it: loads a program that permits everything, on the hook `file_open`, and attaches it.
/// Nothing stays loaded.
pub fn probe(types: &KernelTypes) -> Lsm {
    judge(&Facts {
        missing: types.lsm.as_ref().err().cloned(),
        trial: types.hook("file_open").map(sys::try_lsm),
        modules: fs::read_to_string(LIST).map(|list| list.trim_end().to_owned()),
        is_locked_down: is_locked_down(),
        boot: Boot::read(),
        distribution: Distribution::read(),
    })
}

/// Whether the kernel hides its memory from root. Where it cannot be told, it does not.
pub(super) fn is_locked_down() -> bool {
    fs::read_to_string("/sys/kernel/security/lockdown")
        .is_ok_and(|modes| modes.contains("[confidentiality]"))
}

/// What was found on a host.
struct Facts {
    /// What the programs read and this kernel does not have.
    missing: Option<String>,
    /// How the trial ended; `None` if the kernel has no such hook.
    trial: Option<io::Result<()>>,
    modules: io::Result<String>,
    is_locked_down: bool,
    boot: Boot,
    distribution: Distribution,
}

/// `ENOTSUPP`, which the kernel answers and no libc knows (`include/linux/errno.h`).
const ENOTSUPP: i32 = 524;

fn judge(facts: &Facts) -> Lsm {
    let unsupported = |detail: String, remedy: String| Lsm::Unsupported { detail, remedy };
    let absent = || {
        unsupported(
            "this kernel is built without CONFIG_BPF_LSM".to_owned(),
            "boot a kernel that is built with CONFIG_BPF_LSM".to_owned(),
        )
    };
    if let Some(missing) = &facts.missing {
        let remedy = "boot a kernel that agentguard is tested on (docs/without-bpf-lsm.md)";
        return unsupported(missing.clone(), remedy.to_owned());
    }
    let error = match &facts.trial {
        None => return absent(),
        Some(Ok(())) => None,
        Some(Err(error)) => Some(error),
    };
    if let Some(error) = error {
        return match error.raw_os_error() {
            Some(number) if number == Errno::EINVAL as i32 => absent(),
            Some(ENOTSUPP) => unsupported(
                "the kernel loads BPF LSM programs and cannot attach them".to_owned(),
                "boot a kernel that is built with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"
                    .to_owned(),
            ),
            Some(number) if number == Errno::EPERM as i32 || number == Errno::EACCES as i32 => {
                let remedy = if facts.is_locked_down {
                    "the kernel is locked down: boot with lockdown=integrity, or without lockdown="
                } else {
                    "something forbids it: a container's seccomp filter, the hypervisor or the \
                     kernel itself; run agentguard on a host whose kernel permits BPF LSM programs"
                };
                unsupported(format!("a program is refused: {error}"), remedy.to_owned())
            }
            _ => unsupported(
                format!("a program does not load: {error}"),
                "this failure is not known; see the kernel's log (dmesg)".to_owned(),
            ),
        };
    }
    // Programs load, and attach, and are never called, if bpf is not among the active modules.
    match &facts.modules {
        Ok(modules) if modules.split(',').any(|module| module == "bpf") => Lsm::Active {
            modules: modules.clone(),
        },
        Ok(modules) => unsupported(
            format!("bpf is not among the active security modules ({modules})"),
            facts.distribution.add_module("bpf", modules, &facts.boot),
        ),
        Err(error) => unsupported(
            format!("cannot tell whether bpf is an active security module: {LIST}: {error}"),
            "mount -t securityfs securityfs /sys/kernel/security".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(trial: Option<Result<(), i32>>, modules: Result<&str, i32>) -> Facts {
        Facts {
            missing: None,
            trial: trial.map(|trial| trial.map_err(io::Error::from_raw_os_error)),
            modules: modules
                .map(str::to_owned)
                .map_err(io::Error::from_raw_os_error),
            is_locked_down: false,
            boot: Boot::default(),
            distribution: Distribution::of("ID=debian\n"),
        }
    }

    fn refused(facts: &Facts) -> (String, String) {
        match judge(facts) {
            Lsm::Unsupported { detail, remedy } => (detail, remedy),
            Lsm::Active { .. } => panic!("it should not be active"),
        }
    }

    #[test]
    fn it_is_active_if_a_program_loads_and_is_called() {
        let modules = "lockdown,capability,landlock,bpf";
        let active = Lsm::Active {
            modules: modules.to_owned(),
        };
        assert_eq!(judge(&facts(Some(Ok(())), Ok(modules))), active);
    }

    #[test]
    fn each_failure_has_its_remedy() {
        let listed = Ok("capability,bpf");
        for (facts, detail, remedy) in [
            (facts(None, listed), "CONFIG_BPF_LSM", "CONFIG_BPF_LSM"),
            (
                facts(Some(Err(libc::EINVAL)), listed),
                "built without CONFIG_BPF_LSM",
                "CONFIG_BPF_LSM",
            ),
            (
                facts(Some(Err(ENOTSUPP)), listed),
                "cannot attach",
                "DIRECT_CALLS",
            ),
            // A kernel whose structures are others.
            (
                Facts {
                    missing: Some("this kernel has no `file.f_path`".to_owned()),
                    ..facts(Some(Ok(())), listed)
                },
                "no `file.f_path`",
                "tested on",
            ),
            // A kernel that lists bpf and refuses its programs.
            (
                facts(Some(Err(libc::EPERM)), listed),
                "is refused",
                "something forbids it",
            ),
            (
                facts(Some(Err(libc::EACCES)), listed),
                "is refused",
                "something forbids it",
            ),
            (
                Facts {
                    is_locked_down: true,
                    ..facts(Some(Err(libc::EPERM)), listed)
                },
                "is refused",
                "lockdown=integrity",
            ),
            (
                facts(Some(Err(libc::ENOMEM)), listed),
                "Cannot allocate",
                "dmesg",
            ),
            // bpf must be a word of the list, not a part of one.
            (
                facts(Some(Ok(())), Ok("capability,bpfx")),
                "not among the active security modules (capability,bpfx)",
                "lsm=capability,bpfx,bpf",
            ),
            (
                facts(Some(Ok(())), Err(libc::ENOENT)),
                "cannot tell",
                "mount -t securityfs",
            ),
        ] {
            let found = refused(&facts);
            assert!(found.0.contains(detail), "{found:?}");
            assert!(found.1.contains(remedy), "{found:?}");
        }
    }
}
