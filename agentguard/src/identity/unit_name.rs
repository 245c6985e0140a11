//! What systemd calls the cgroup of a unit.
//!
//! A name that could be one of the kernel's own files in a cgroup (`memory.max`, `cgroup.procs`) gets
//! an underscore before it, and so does one that begins like that (`cg_escape` in
//! `src/basic/cgroup-util.c` of systemd): the cgroup of `memory.service` is `_memory.service`.

/// The words before the dot that make systemd escape a name: the controllers of every kernel and
/// systemd so far, and `cgroup`. Names that begin with `bpf-` are for systemd's own controllers.
const RESERVED: &[&str] = &[
    "blkio",
    "cgroup",
    "cpu",
    "cpuacct",
    "cpuset",
    "debug",
    "devices",
    "dmem",
    "freezer",
    "hugetlb",
    "io",
    "memory",
    "misc",
    "net_cls",
    "net_prio",
    "perf_event",
    "pids",
    "rdma",
];

/// The names that the cgroup of a unit can have. Where it depends on systemd's version there are two;
/// no other unit's cgroup can have either.
pub fn cgroup_names(unit: &str) -> impl Iterator<Item = String> {
    let escaped = format!("_{unit}");
    let word = unit.split('.').next().unwrap_or_default();
    let (plain, escaped) = if unit.starts_with(['_', '.']) {
        (None, Some(escaped))
    } else if RESERVED.contains(&word) || word.starts_with("bpf-") {
        (Some(unit.to_owned()), Some(escaped))
    } else {
        (Some(unit.to_owned()), None)
    };
    plain.into_iter().chain(escaped)
}

/// The unit whose cgroup has this name.
pub fn unit_of_cgroup(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_file_of_the_kernel_is_escaped() {
        let names = |unit: &str| cgroup_names(unit).collect::<Vec<_>>();
        assert_eq!(names("bot.service"), ["bot.service"]);
        assert_eq!(names("cpubot.service"), ["cpubot.service"]);
        assert_eq!(names("io.service"), ["io.service", "_io.service"]);
        assert_eq!(names("memory.slice"), ["memory.slice", "_memory.slice"]);
        assert_eq!(names("_bot.service"), ["__bot.service"]);
        assert_eq!(unit_of_cgroup("_io.service"), "io.service");
        assert_eq!(unit_of_cgroup("__bot.service"), "_bot.service");
        assert_eq!(unit_of_cgroup("bot.service"), "bot.service");
    }
}
