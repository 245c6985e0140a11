//! Messages to the kernel: an agent may ask for interfaces, addresses and routes, and changes none of the host's.

use agentguard_common::{
    event::Operation,
    process::Limits,
    socket::{NETLINK_ROUTE, changes_network},
};
use aya_ebpf::{helpers::generated::bpf_probe_read_kernel, macros::lsm, programs::LsmContext};

use crate::{
    files::walk::repeat,
    identity,
    kernel::{Socket, SocketBuffer, Task},
    process::answer,
    verifier,
};

/// Messages of one call that are looked at; a call with more is refused.
const MESSAGES: u32 = 64;

/// `struct nlmsghdr` of `include/uapi/linux/netlink.h`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Header {
    length: u32,
    /// `RTM_…`.
    message: u16,
    flags: u16,
    sequence: u32,
    port: u32,
}

const HEADER: u32 = size_of::<Header>() as u32;

/// The messages of a call, in callbacks of `bpf_loop`.
#[repr(C)]
struct Messages {
    /// Where the next is.
    next: u64,
    /// Bytes from there on.
    left: u32,
    /// Not 0 at the end of what the kernel reads.
    is_done: u32,
    /// The type of the last that was looked at.
    message: u64,
}

#[lsm(hook = "netlink_send")]
pub fn netlink_send(ctx: LsmContext) -> i32 {
    let Some(owner) = identity::task() else {
        return 0;
    };
    // In a user namespace that was made it can change networks of that one only (`netlink_net_capable`).
    if !Task::current().is_in_initial_user_namespace() {
        return 0;
    }
    let (socket, buffer) = (
        Socket::new(ctx.arg(0)),
        SocketBuffer::new(ctx.arg::<*const u8>(1)),
    );
    let mut messages = Messages {
        next: buffer.data(),
        left: buffer.length(),
        is_done: 0,
        message: 0,
    };
    let protocol = socket.protocol();
    // One of another protocol was made by somebody else. What it can do is not looked at.
    if protocol == NETLINK_ROUTE {
        repeat(MESSAGES, look_at, &mut messages);
        if verifier::forget(messages.is_done) != 0 {
            return 0;
        }
    }
    let numbers = (messages.message, u64::from(protocol));
    answer(&owner, Operation::Netlink, numbers, Limits::never)
}

/// Reads them as the kernel does (`netlink_rcv_skb` in `net/netlink/af_netlink.c`).
extern "C" fn look_at(_: u64, messages: *mut Messages) -> i64 {
    // SAFETY: the context of the loop.
    let messages = unsafe { &mut *messages };
    if messages.left < HEADER {
        messages.is_done = 1;
        return 1;
    }
    let mut header = Header {
        length: 0,
        message: u16::MAX,
        flags: 0,
        sequence: 0,
        port: 0,
    };
    // SAFETY: the header has that size; the helper checks the source.
    let failed = unsafe {
        bpf_probe_read_kernel(
            (&raw mut header).cast(),
            HEADER,
            core::ptr::without_provenance(messages.next as usize),
        )
    };
    messages.message = u64::from(header.message);
    if failed != 0 {
        return 1;
    }
    if header.length < HEADER || header.length > messages.left {
        messages.is_done = 1;
        return 1;
    }
    if changes_network(header.message) {
        return 1;
    }
    let taken = ((header.length + 3) & !3).min(messages.left);
    messages.next += u64::from(taken);
    messages.left -= taken;
    0
}
