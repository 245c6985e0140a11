//! Descriptors that come from other processes: over a Unix socket, or taken with `pidfd_getfd(2)`.

use agentguard_common::{
    event::Operation, process::Limits, scope::ScopeWord, socket::AF_UNIX, verdict::Verdict,
};
use aya_ebpf::{
    helpers::generated::{bpf_probe_read_kernel, bpf_sock_from_file},
    macros::lsm,
    programs::LsmContext,
};

use super::unix::may_reach;
use crate::{
    events::{Attempt, settle},
    files::{REFUSED, open},
    identity::{self, Owner},
    kernel::{Dentry, File, Socket, UnixSocket},
    network::scope::word,
    process::limits,
};

/// What the kernel calls a ring of `io_uring(7)`. A ring can have a thread of its maker's that works for who
/// has the ring, and open files that nobody is asked for.
const RING: [u8; 16] = *b"[io_uring]\0\0\0\0\0\0";
const RING_LENGTH: u32 = 10;

/// The descriptor does not arrive. The rest of the message does.
#[lsm(hook = "file_receive")]
pub fn file_receive(ctx: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    let word = word(owner.tag.agent);
    if word != ScopeWord::NONE && !word.confines_files() {
        return 0;
    }
    // SAFETY: the verifier checks the pointer (Linux 5.11).
    let socket = unsafe { bpf_sock_from_file(ctx.arg(0)) };
    let is_permitted = if socket.is_null() {
        receive_file(&owner, word, File::new(ctx.arg(0)))
    } else {
        receive_socket(&owner, word, Socket::of(socket.cast()))
    };
    if is_permitted { 0 } else { REFUSED }
}

/// A socket that was made elsewhere is no way around what is decided when one is made or connected.
#[inline(always)]
fn receive_socket(owner: &Owner, word: ScopeWord, socket: Socket) -> bool {
    if socket.is_null() {
        return refuse(owner, word);
    }
    if identity::of(socket.cgroup()).is_some_and(|tag| tag.agent == owner.tag.agent) {
        return true;
    }
    if socket.family() != AF_UNIX {
        return refuse(owner, word);
    }
    let Some(unix) = UnixSocket::of(socket) else {
        return refuse(owner, word);
    };
    let peer = unix.peer();
    peer.is_null() || may_reach(owner, peer, Operation::Receive)
}

#[inline(always)]
fn receive_file(owner: &Owner, word: ScopeWord, file: File) -> bool {
    let at = file.dentry();
    if at.superblock().is_internal() && is_ring(at) {
        return refuse(owner, word);
    }
    open::is_permitted(*owner, file, open::held(file), Operation::Receive)
}

#[inline(always)]
fn is_ring(at: Dentry) -> bool {
    if at.length() != RING_LENGTH {
        return false;
    }
    let mut name = [0_u8; 16];
    // SAFETY: the destination has room; the helper checks the source.
    let failed = unsafe {
        bpf_probe_read_kernel(
            name.as_mut_ptr().cast(),
            RING_LENGTH,
            core::ptr::without_provenance(at.name() as usize),
        )
    };
    failed != 0 || u128::from_ne_bytes(name) == u128::from_ne_bytes(RING)
}

#[inline(never)]
fn refuse(owner: &Owner, word: ScopeWord) -> bool {
    let verdict = limits(word).map_or(Verdict::ERROR, Limits::never);
    settle(&Attempt::of(owner, word, Operation::Receive as u8), verdict)
}
