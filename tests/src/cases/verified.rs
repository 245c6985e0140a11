//! What the programs take the kernel's verifier: the time that a daemon needs to start, and how far each is from
//! the million instructions at which the kernel refuses it.

use std::collections::BTreeSet;

use super::table::scenario;
use crate::{
    ensure,
    error::{Context, Outcome},
    harness::{Group, Stage},
    host::programs::{Verified, held_by, verified},
};

pub(super) const GROUP: Group = Group {
    name: "verified",
    scopes: &[],
    layout: None,
    cases: &[scenario("instructions", instructions)],
};

/// Where BPF LSM is missing, only the other programs are loaded.
const SCOPE: &str = r#"[agent]
name    = "clerk"
require = ["network"]

[files]
read = ["/etc/**"]
"#;

/// What a program that is not named below may take.
const LIMIT: u32 = 500_000;

/// What the programs may take, in instructions that the verifier follows: a quarter more than the most that was
/// seen on the kernels of the machines.
const BUDGETS: &[(&str, u32)] = &[
    ("bind4", 9_000),
    ("bind6", 9_000),
    ("bpf", 6_000),
    ("cgroup_attach_task", 4_000),
    ("cgroup_mkdir", 4_000),
    ("cgroup_release", 1_000),
    ("cgroup_rmdir", 1_000),
    ("chattr", 61_000),
    ("chattr_compat", 61_000),
    ("connect4", 36_000),
    ("connect6", 154_000),
    ("egress", 218_000),
    ("file_ioctl", 6_000),
    ("file_ioctl_compat", 6_000),
    ("file_mprotect", 61_000),
    ("file_open", 257_000),
    ("file_receive", 219_000),
    ("file_truncate", 61_000),
    ("fs_context_parse_param", 6_000),
    ("inode_free_security", 1_000),
    ("inode_remove_acl", 77_000),
    ("inode_removexattr", 77_000),
    ("inode_set_acl", 77_000),
    ("inode_setattr", 77_000),
    ("inode_setattr_6_2", 58_000),
    ("inode_setxattr", 77_000),
    ("kernel_load_data", 4_000),
    ("kernel_read_file", 4_000),
    ("mmap_file", 61_000),
    ("move_mount", 6_000),
    ("note_tasks", 1_000),
    ("path_chmod", 61_000),
    ("path_chown", 61_000),
    ("path_chroot", 61_000),
    ("path_link", 151_000),
    ("path_mkdir", 76_000),
    ("path_mknod", 90_000),
    ("path_rename", 384_000),
    ("path_rmdir", 76_000),
    ("path_symlink", 76_000),
    ("path_truncate", 61_000),
    ("path_unlink", 76_000),
    ("ptrace_access_check", 6_000),
    ("ptrace_traceme", 5_000),
    ("sb_mount", 6_000),
    ("sb_pivotroot", 6_000),
    ("sb_umount", 6_000),
    ("sched_process_fork", 3_000),
    ("sendmsg4", 36_000),
    ("sendmsg6", 134_000),
    ("sock_create", 5_000),
    ("socket_create", 8_000),
    ("socket_sendmsg", 35_000),
    ("socket_setsockopt", 16_000),
    ("task_alloc", 7_000),
    ("task_kill", 4_000),
    ("unix_may_send", 109_000),
    ("unix_stream_connect", 109_000),
    ("userns_create", 5_000),
];

fn instructions(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[("clerk", SCOPE)])?;
    let own = held_by(daemon.pid()).context("list the daemon's programs")?;
    let programs: Vec<_> = verified()?
        .into_iter()
        .filter(|program| own.contains(&program.id))
        .collect();
    let names: BTreeSet<_> = programs.iter().map(|it| it.name.as_str()).collect();
    ensure!(names.contains("egress"), "it has loaded only {names:?}");
    let mut beyond = Vec::new();
    for program in &programs {
        let budget = budget(&program.name);
        eprintln!(
            "note: {:<15} {:>7} of {budget:>7}",
            program.name, program.instructions
        );
        ensure!(
            program.instructions > 0,
            "the kernel does not say what {} took",
            program.name
        );
        if program.instructions > budget {
            beyond.push(format!("{} of {budget}", said(program)));
        }
    }
    ensure!(
        beyond.is_empty(),
        "beyond the budget: {}",
        beyond.join(", ")
    );
    Ok(())
}

fn said(program: &Verified) -> String {
    format!("{} took {}", program.name, program.instructions)
}

/// The kernel keeps 15 bytes of a name.
fn budget(name: &str) -> u32 {
    BUDGETS
        .iter()
        .find(|(whole, _)| whole.get(..15).unwrap_or(whole) == name)
        .map_or(LIMIT, |(_, budget)| *budget)
}
