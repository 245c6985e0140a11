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
    internet: false,
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
    ("bprm_check_security", 1_000),
    ("cgroup_attach_task", 6_000),
    ("cgroup_mkdir", 4_000),
    ("cgroup_release", 1_000),
    ("cgroup_rmdir", 1_000),
    ("chattr", 62_000),
    ("chattr_compat", 62_000),
    ("connect4", 61_000),
    ("connect6", 154_000),
    ("egress", 218_000),
    ("file_fcntl", 6_000),
    ("file_ioctl", 16_000),
    ("file_ioctl_compat", 16_000),
    ("file_mprotect", 62_000),
    ("file_open", 261_000),
    ("file_receive", 220_000),
    ("file_truncate", 62_000),
    ("fs_context_parse_param", 8_000),
    ("getpeername4", 1_000),
    ("getpeername6", 1_000),
    ("inode_free_security", 1_000),
    ("inode_remove_acl", 77_000),
    ("inode_removexattr", 77_000),
    ("inode_set_acl", 77_000),
    ("inode_setattr", 77_000),
    ("inode_setattr_6_2", 60_000),
    ("inode_setxattr", 77_000),
    ("kernel_load_data", 6_000),
    ("kernel_read_file", 6_000),
    ("mmap_file", 62_000),
    ("move_mount", 8_000),
    ("netlink_send", 8_000),
    ("note_tasks", 1_000),
    ("path_chmod", 62_000),
    ("path_chown", 62_000),
    ("path_chroot", 62_000),
    ("path_link", 152_000),
    ("path_mkdir", 77_000),
    ("path_mknod", 92_000),
    ("path_rename", 490_000),
    ("path_rmdir", 77_000),
    ("path_symlink", 77_000),
    ("path_truncate", 62_000),
    ("path_unlink", 77_000),
    ("ptrace_access_check", 10_000),
    ("ptrace_traceme", 7_000),
    ("recvmsg4", 1_000),
    ("recvmsg6", 1_000),
    ("sb_kern_mount", 13_000),
    ("sb_mount", 8_000),
    ("sb_pivotroot", 8_000),
    ("sb_remount", 13_000),
    ("sb_umount", 8_000),
    ("sched_process_exec", 8_000),
    ("sched_process_fork", 5_000),
    ("self_test", 1_000),
    ("sendmsg4", 85_000),
    ("sendmsg6", 134_000),
    ("sock_create", 5_000),
    ("socket_create", 8_000),
    ("socket_sendmsg", 49_000),
    ("socket_setsockopt", 16_000),
    ("task_alloc", 7_000),
    ("task_kill", 9_000),
    ("unix_may_send", 128_000),
    ("unix_stream_connect", 128_000),
    ("userns_create", 6_000),
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
