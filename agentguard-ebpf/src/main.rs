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
//! | opens a file or directory, or to execute it | `lsm/file_open` | `files/open.rs` |
//!
//! Every program asks the same three questions: whose is it (`identity`), what does the scope say
//! (`network/scope.rs`, with the decision of `agentguard-common`), and what is recorded
//! (`events.rs`). An error anywhere is a refusal, but only for an agent: a process without a tag
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
mod verifier;

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Nothing here panics; if LLVM kept a call, the verifier refuses the endless loop.
    loop {}
}
