//! The capabilities that BPF needs.

use procfs::process::Process;

use super::protection::Protection;

/// Bits of `CapEff`.
const CAP_NET_ADMIN: (u64, &str) = (1 << 12, "CAP_NET_ADMIN");
const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_PERFMON: (u64, &str) = (1 << 38, "CAP_PERFMON");
const CAP_BPF: (u64, &str) = (1 << 39, "CAP_BPF");

/// Whether this process may load and attach the programs.
pub(super) fn check() -> Protection {
    const NAME: &str = "privileges";
    let effective = match Process::myself().and_then(|process| process.status()) {
        Ok(status) => status.capeff,
        Err(error) => {
            let detail = format!("/proc/self/status: {error}");
            return Protection::unsupported(NAME, detail, "mount /proc");
        }
    };
    let missing = missing_capabilities(effective);
    if missing.is_empty() {
        return Protection::active(NAME, "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
    }
    let who = if nix::unistd::geteuid().is_root() {
        "root without"
    } else {
        "not root, and without"
    };
    Protection::unsupported(
        NAME,
        format!("{who} {}", missing.join(", ")),
        "run this as root, or with these capabilities",
    )
}

fn missing_capabilities(effective: u64) -> Vec<&'static str> {
    [CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN]
        .into_iter()
        .filter(|&(bit, _)| {
            // CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON, not CAP_NET_ADMIN.
            let sufficient = if bit == CAP_NET_ADMIN.0 {
                bit
            } else {
                bit | CAP_SYS_ADMIN
            };
            effective & sufficient == 0
        })
        .map(|(_, name)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sys_admin_includes_bpf_but_not_the_network() {
        assert_eq!(missing_capabilities(CAP_SYS_ADMIN), ["CAP_NET_ADMIN"]);
        assert_eq!(
            missing_capabilities(CAP_NET_ADMIN.0),
            ["CAP_BPF", "CAP_PERFMON"]
        );
        assert!(missing_capabilities(CAP_SYS_ADMIN | CAP_NET_ADMIN.0).is_empty());
        assert!(missing_capabilities(CAP_BPF.0 | CAP_PERFMON.0 | CAP_NET_ADMIN.0).is_empty());
    }
}
