//! The kernel's hooks that programs are attached to by name, and which kernels have them.

/// The programs on tracepoints; each has its tracepoint's name. All but [`EXEC_TRACEPOINT`] are there
/// always.
pub const TRACEPOINTS: [&str; 6] = [
    "cgroup_mkdir",
    "cgroup_rmdir",
    "cgroup_release",
    "cgroup_attach_task",
    "sched_process_fork",
    EXEC_TRACEPOINT,
];

/// The program on the tracepoint of programs that are executed.
pub const EXEC_TRACEPOINT: &str = "sched_process_exec";
/// The program that is run for each task.
pub const TASK_PROGRAM: &str = "note_tasks";
/// The program that is run for each file of the daemon.
pub const SELF_TEST_PROGRAM: &str = "self_test";
/// The programs that are run for each of something, and what the kernel calls that.
pub const ITERATORS: [(&str, &str); 2] = [(TASK_PROGRAM, "task"), (SELF_TEST_PROGRAM, "task_file")];

/// A program on a security hook.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// The program's name.
    pub program: &'static str,
    /// The hook's name (`include/linux/lsm_hook_defs.h`).
    pub name: &'static str,
    /// Which kernels have the hook as this program knows it.
    kernels: Kernels,
}

#[derive(Clone, Copy, Debug)]
enum Kernels {
    /// All that agentguard supports.
    All,
    /// Those that have it at all.
    Some,
    /// Those on which it has so many arguments.
    WithArguments(u32),
}

const fn hook(name: &'static str) -> Hook {
    Hook {
        program: name,
        name,
        kernels: Kernels::All,
    }
}

/// On some kernels only.
const fn optional(name: &'static str) -> Hook {
    Hook {
        kernels: Kernels::Some,
        ..hook(name)
    }
}

/// The programs that guard every agent: processes, namespaces, the kernel, and kinds of sockets.
pub const GUARD_HOOKS: [Hook; 22] = [
    hook("task_alloc"),
    hook("bprm_check_security"),
    hook("task_kill"),
    hook("ptrace_access_check"),
    hook("ptrace_traceme"),
    hook("bpf"),
    hook("kernel_read_file"),
    hook("kernel_load_data"),
    hook("file_ioctl"),
    // Linux 6.8: before, it is `file_ioctl`.
    optional("file_ioctl_compat"),
    hook("userns_create"),
    hook("sb_mount"),
    hook("sb_umount"),
    hook("sb_pivotroot"),
    hook("move_mount"),
    hook("fs_context_parse_param"),
    hook("sb_kern_mount"),
    hook("sb_remount"),
    hook("file_fcntl"),
    hook("socket_create"),
    hook("socket_setsockopt"),
    hook("netlink_send"),
];

/// The programs that decide about Unix sockets; they are attached if a scope confines these.
pub const SOCKET_HOOKS: [Hook; 3] = [
    // First: what is known of an inode must be forgotten as long as anything is kept.
    hook("inode_free_security"),
    hook("unix_stream_connect"),
    hook("unix_may_send"),
];

/// The programs that decide about files, and need [those](SOCKET_HOOKS) about sockets; they are attached if a scope
/// confines files.
pub const FILE_HOOKS: [Hook; 25] = [
    hook("file_open"),
    hook("mmap_file"),
    hook("file_mprotect"),
    hook("path_mknod"),
    hook("path_mkdir"),
    hook("path_symlink"),
    hook("path_unlink"),
    hook("path_rmdir"),
    hook("path_link"),
    hook("path_rename"),
    hook("path_truncate"),
    // Linux 6.2: before, it is `path_truncate`.
    optional("file_truncate"),
    hook("path_chmod"),
    hook("path_chown"),
    hook("path_chroot"),
    hook("inode_setxattr"),
    hook("inode_removexattr"),
    // Linux 6.2: before, they are extended attributes.
    optional("inode_set_acl"),
    optional("inode_remove_acl"),
    Hook {
        kernels: Kernels::WithArguments(3),
        ..hook("inode_setattr")
    },
    // Up to Linux 6.2.
    Hook {
        program: "inode_setattr_6_2",
        kernels: Kernels::WithArguments(2),
        ..hook("inode_setattr")
    },
    Hook {
        program: "chattr",
        ..hook("file_ioctl")
    },
    Hook {
        program: "chattr_compat",
        ..optional("file_ioctl_compat")
    },
    hook("file_receive"),
    hook("socket_sendmsg"),
];

impl Hook {
    /// Whether the program is for a kernel on which the hook has so many arguments; `None` if it has no such
    /// hook. A kernel that lacks what all should have shall fail to load it, by its name.
    pub fn is_for(&self, arguments: Option<u32>) -> bool {
        match self.kernels {
            Kernels::All => true,
            Kernels::Some => arguments.is_some(),
            Kernels::WithArguments(count) => arguments == Some(count),
        }
    }
}

/// The names of all security hooks that programs are for.
pub fn security_hooks() -> impl Iterator<Item = &'static str> {
    all().map(|hook| hook.name)
}

/// The hook that a program is for.
pub fn hook_of(program: &str) -> Option<&'static str> {
    all().find(|hook| hook.program == program).map(|it| it.name)
}

fn all() -> impl Iterator<Item = Hook> {
    GUARD_HOOKS
        .into_iter()
        .chain(SOCKET_HOOKS)
        .chain(FILE_HOOKS)
}
