//! agentguard's kernel side.
//!
//! The hooks, by what an agent does:
//!
//! | it | hook | file |
//! |---|---|---|
//! | makes a cgroup, removes one, lets one go | `cgroup_mkdir`, `cgroup_rmdir`, `cgroup_release` | `identity/` |
//! | makes a socket | `cgroup/sock_create` | `network/socket.rs` |
//! | connects | `cgroup/connect4`, `connect6` | `network/connect.rs` |
//! | sends a datagram | `cgroup/sendmsg4`, `sendmsg6` | `network/send.rs` |
//! | binds | `cgroup/bind4`, `bind6` | `network/bind.rs` |
//! | lets a packet out | `cgroup_skb/egress` | `network/egress.rs` |
//! | receives an answer of the resolver, asks whom it is connected to | `cgroup/recvmsg4`, `recvmsg6`, `getpeername4`, `getpeername6` | `network/translate.rs` |
//! | executes a program in another network namespace | `sched_process_exec` | `network/arrival.rs` |
//! | is born, or moved to another cgroup | `sched_process_fork`, `lsm/task_alloc`, `cgroup_attach_task` | `identity/` |
//! | opens a file or directory, or to execute it | `lsm/file_open` | `files/open.rs` |
//! | maps code | `lsm/mmap_file`, `file_mprotect` | `files/map.rs` |
//! | makes, removes, truncates | `lsm/path_mknod`, `path_mkdir`, `path_symlink`, `path_unlink`, `path_rmdir`, `path_truncate`, `file_truncate`, `path_chroot` | `files/change.rs` |
//! | renames, links | `lsm/path_rename`, `path_link` | `files/rename.rs` |
//! | changes mode, owner, times, attributes | `lsm/path_chmod`, `path_chown`, `inode_setxattr`, `inode_setattr`, … | `files/attributes.rs` |
//! | makes a socket of any family, sets its options | `lsm/socket_create`, `socket_setsockopt` | `sockets/create.rs`, `option.rs` |
//! | reaches a Unix socket | `lsm/unix_stream_connect`, `unix_may_send` | `sockets/unix.rs` |
//! | receives a descriptor, sends on a socket that it did not make | `lsm/file_receive`, `socket_sendmsg` | `sockets/receive.rs`, `send.rs` |
//! | traces, sends a signal | `lsm/ptrace_access_check`, `ptrace_traceme`, `task_kill` | `process/trace.rs`, `signal.rs` |
//! | mounts, makes a user namespace | `lsm/sb_mount`, `move_mount`, …, `userns_create` | `process/mount.rs`, `namespace.rs` |
//! | loads code into the kernel, types into a terminal | `lsm/bpf`, `kernel_read_file`, …, `file_ioctl` | `process/kernel_code.rs`, `ioctl.rs` |
//!
//! Every program asks the same three questions: whose is it (`identity`), what does the scope say
//! (`network/scope.rs`, `files/scope.rs`, `process/mod.rs`, with the decision of `agentguard-common`), and
//! what is recorded (`events/`). An error anywhere is a refusal, but only for an agent: a process without a tag
//! is never touched.

#![no_std]
#![no_main]
// Atomic addition (`atomic.rs`).
#![feature(core_intrinsics)]
#![expect(
    internal_features,
    reason = "there is no stable form of it for this target"
)]

mod atomic;
mod events;
mod files;
mod identity;
mod kernel;
mod maps;
mod memo;
mod network;
mod process;
mod self_test;
mod sockets;
mod task_storage;
mod verifier;

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Nothing here panics; if LLVM kept a call, the verifier refuses the endless loop.
    loop {}
}
