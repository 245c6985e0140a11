//! Whether this host has what agentguard needs, found by trying it.

use std::{fs, io};

use aya::{
    maps::MapType,
    programs::{ProgramError, ProgramType},
    sys::{SyscallError, is_map_supported, is_program_supported},
};
use nix::errno::Errno;

use super::{
    btf::BtfError,
    capabilities, cgroup2, files,
    hooks::TRACEPOINTS,
    lsm,
    protection::{Protection, State},
    types::{self, KernelTypes},
};

/// The oldest kernel that agentguard is tested on.
const OLDEST: (u32, u32) = (6, 1);

/// The program types that egress control loads. `BPF_PROG_TYPE_TRACING`, which the programs on
/// tracepoints have, cannot be tried without an id of a type; it is built together with
/// `BPF_PROG_TYPE_RAW_TRACEPOINT`.
const PROGRAMS: [(&str, ProgramType, &str); 4] = [
    ("cgroup_sock", ProgramType::CgroupSock, "CONFIG_CGROUP_BPF"),
    (
        "cgroup_sock_addr",
        ProgramType::CgroupSockAddr,
        "CONFIG_CGROUP_BPF",
    ),
    ("cgroup_skb", ProgramType::CgroupSkb, "CONFIG_CGROUP_BPF"),
    (
        "raw_tracepoint",
        ProgramType::RawTracePoint,
        "CONFIG_BPF_EVENTS",
    ),
];

/// The map types that egress control makes.
const MAPS: [(&str, MapType, &str); 6] = [
    ("hash map", MapType::Hash, "CONFIG_BPF_SYSCALL"),
    ("array map", MapType::Array, "CONFIG_BPF_SYSCALL"),
    ("array of maps", MapType::ArrayOfMaps, "CONFIG_BPF_SYSCALL"),
    ("ring buffer", MapType::RingBuf, "CONFIG_BPF_SYSCALL"),
    (
        "socket storage",
        MapType::SkStorage,
        "CONFIG_NET and CONFIG_BPF_SYSCALL",
    ),
    ("task storage", MapType::TaskStorage, "CONFIG_BPF_SYSCALL"),
];

/// Tries everything. Nothing stays loaded.
pub fn all() -> Vec<Protection> {
    let types = types::read();
    let mut found = needed(&types);
    // Without the others it could not be told what a failure means.
    let is_suitable = missing(&found).next().is_none();
    if is_suitable && let Ok(types) = &types {
        found.extend(files::probe(types).protections());
    }
    found
}

/// Tries what egress control needs.
pub fn needed(types: &Result<KernelTypes, BtfError>) -> Vec<Protection> {
    let mut found = vec![kernel(), cgroup_v2(), btf(types), tracepoints(types)];
    let privileges = capabilities::check();
    let may_try = privileges.state == State::Active;
    found.push(privileges);
    if may_try {
        found.extend(PROGRAMS.map(|(name, kind, option)| {
            let result = is_program_supported(kind).map_err(program_error);
            trial(format!("{name} programs"), result, option)
        }));
        found.extend(MAPS.map(|(name, kind, option)| {
            let result = is_map_supported(kind).map_err(syscall_error);
            trial(name.to_owned(), result, option)
        }));
    } else {
        found.push(Protection::unsupported(
            "BPF",
            "not tried: it needs the privileges above",
            "run this as root",
        ));
    }
    found
}

/// Those without which agentguard cannot enforce anything. Rules for files can do without theirs if
/// no scope requires them.
pub fn missing(found: &[Protection]) -> impl Iterator<Item = &Protection> {
    found.iter().filter(|protection| {
        protection.state == State::Unsupported
            && protection.name != files::NAME
            && protection.name != files::PROCESSES
    })
}

/// The release of the running kernel, for example `6.12.9-amd64`.
pub fn kernel_release() -> io::Result<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(release.trim_end().to_owned())
}

fn kernel() -> Protection {
    const NAME: &str = "kernel";
    let release = match kernel_release() {
        Ok(release) => release,
        Err(error) => {
            let detail = format!("/proc/sys/kernel/osrelease: {error}");
            return Protection::unsupported(NAME, detail, "mount /proc");
        }
    };
    let (major, minor) = OLDEST;
    if version(&release).is_some_and(|version| version >= OLDEST) {
        Protection::active(NAME, format!("Linux {release}"))
    } else {
        Protection::degraded(
            NAME,
            format!("Linux {release} is older than any that agentguard is tested on"),
            format!("boot Linux {major}.{minor} or newer"),
        )
    }
}

/// Version and patch level of the running kernel.
pub(super) fn kernel_version() -> Option<(u32, u32)> {
    version(&kernel_release().ok()?)
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn cgroup_v2() -> Protection {
    const NAME: &str = "cgroup v2";
    match cgroup2::find() {
        Ok(mount) if mount.read_only => Protection::unsupported(
            NAME,
            format!("{} is mounted read-only", mount.mount_point.display()),
            format!(
                "run agentguard on the host, not in a container, or \
                 `mount -o remount,rw {}`",
                mount.mount_point.display()
            ),
        ),
        Ok(mount) => Protection::active(NAME, mount.mount_point.display().to_string()),
        Err(cgroup2::Cgroup2Error::NotMounted) => Protection::unsupported(
            NAME,
            "not mounted",
            "boot with systemd.unified_cgroup_hierarchy=1, or `mkdir -p /sys/fs/cgroup/unified && \
             mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified`",
        ),
        Err(error) => Protection::unsupported(NAME, error.to_string(), "mount /proc"),
    }
}

fn btf(types: &Result<KernelTypes, BtfError>) -> Protection {
    const NAME: &str = "BTF";
    match types {
        Ok(_) => Protection::active(NAME, types::VMLINUX),
        Err(error) => Protection::unsupported(
            NAME,
            error.to_string(),
            "mount /sys, or boot a kernel that is built with CONFIG_DEBUG_INFO_BTF=y",
        ),
    }
}

/// The tracepoints by which the kernel tells of cgroups. A program is bound to one by the id of its
/// type, so that it is there if the type is.
fn tracepoints(types: &Result<KernelTypes, BtfError>) -> Protection {
    const NAME: &str = "cgroup tracepoints";
    const REMEDY: &str = "boot a kernel that is built with CONFIG_CGROUPS, CONFIG_TRACEPOINTS and \
                          CONFIG_DEBUG_INFO_BTF";
    match types.as_ref().map(KernelTypes::absent) {
        Ok(None) => Protection::active(NAME, TRACEPOINTS.join(", ")),
        Ok(Some(name)) => Protection::unsupported(NAME, format!("{name} does not exist"), REMEDY),
        Err(error) => Protection::unsupported(NAME, error.to_string(), REMEDY),
    }
}

fn trial(name: String, result: Result<bool, Refusal>, option: &str) -> Protection {
    match result {
        Ok(true) => Protection::active(name, "loaded"),
        Ok(false) => Protection::unsupported(
            name,
            "the kernel does not know it",
            format!("boot a kernel that is built with {option}"),
        ),
        Err(refusal) => Protection::unsupported(name, refusal.detail, refusal.remedy),
    }
}

/// A trial that failed for another reason than that the kernel does not know what was tried.
struct Refusal {
    detail: String,
    remedy: &'static str,
}

fn program_error(error: ProgramError) -> Refusal {
    match error {
        ProgramError::SyscallError(error) => syscall_error(error),
        error => Refusal {
            detail: error.to_string(),
            remedy: UNKNOWN,
        },
    }
}

const UNKNOWN: &str = "this failure is not known; see the kernel's log (dmesg)";

fn syscall_error(SyscallError { call, io_error }: SyscallError) -> Refusal {
    let remedy = match io_error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM | Errno::EACCES) if lsm::is_locked_down() => {
            "the kernel is locked down: boot with lockdown=integrity, or without lockdown="
        }
        Some(Errno::EPERM | Errno::EACCES) => {
            "something forbids bpf(2): a container's seccomp filter or a security module; run \
             agentguard on the host"
        }
        Some(Errno::ENOSYS) => "boot a kernel that is built with CONFIG_BPF_SYSCALL",
        _ => UNKNOWN,
    };
    Refusal {
        detail: format!("{call}: {io_error}"),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(version("6.12.9-amd64"), Some((6, 12)));
        assert_eq!(version("6.1.0-13-cloud"), Some((6, 1)));
        assert_eq!(version("7.3-rc1"), Some((7, 3)));
        assert_eq!(version("next"), None);
        assert!(version("6.12.9") >= Some(OLDEST) && version("5.15.1") < Some(OLDEST));
    }

    #[test]
    fn what_the_kernel_does_not_know_is_missing() {
        let found = [
            trial("known".into(), Ok(true), "CONFIG_A"),
            trial("unknown".into(), Ok(false), "CONFIG_B"),
        ];
        let missing: Vec<_> = missing(&found).collect();
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].name, "unknown");
        assert!(missing[0].remedy.as_ref().unwrap().contains("CONFIG_B"));
    }
}
