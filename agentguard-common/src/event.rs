//! The record that a hook puts into the ring buffer for each refusal.

use crate::address::Address;

/// Length of a task's name in the kernel (`TASK_COMM_LEN`).
pub const COMM_LEN: usize = 16;

/// What an agent tried. The discriminants are ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// `connect(2)`, or a send that connects (TCP Fast Open).
    Connect = 1,
    /// A datagram with a destination: `sendto(2)`, `sendmsg(2)`, `sendmmsg(2)`.
    Send = 2,
    /// `bind(2)` to a port.
    Bind = 3,
    /// `socket(2)` of a type or protocol that no rule can allow.
    Socket = 4,
    /// A packet that left a socket although no call named its destination: a connection that is
    /// open, an answer to a peer, a routed header.
    Packet = 5,
}

impl Operation {
    /// The operation of an ABI number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Connect),
            2 => Some(Self::Send),
            3 => Some(Self::Bind),
            4 => Some(Self::Socket),
            5 => Some(Self::Packet),
            _ => None,
        }
    }

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Bind => "bind",
            Self::Socket => "socket",
            Self::Packet => "packet",
        }
    }
}

/// One refusal (or what would have been one).
///
/// Numbers are in host byte order. Fields of a task are 0 where no task of the agent was running
/// (a retransmission, for instance).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// Nanoseconds since boot, suspend included (`CLOCK_BOOTTIME`).
    pub boot_ns: u64,
    /// When the process started, on the clock of `boot_ns`. With `pid` it names one process for
    /// good.
    pub started_ns: u64,
    /// Cgroup id of the task, or of the socket if the task is another's.
    pub cgroup: u64,
    /// [`Tag::instance`](crate::identity::Tag::instance).
    pub instance: u64,
    /// Destination; the local address of a bind; zero for [`Operation::Socket`].
    pub address: Address,
    /// The agent's slot.
    pub agent: u32,
    /// Version of the policy that decided; 0 if there was none.
    pub policy: u32,
    /// Process id (`tgid`) in the initial pid namespace.
    pub pid: u32,
    /// Thread id in the initial pid namespace.
    pub tid: u32,
    /// User id in the initial user namespace.
    pub uid: u32,
    /// Address family of the socket (`AF_…`).
    pub family: u16,
    /// Type of the socket (`SOCK_…`).
    pub socket_type: u16,
    /// Protocol of the socket (`IPPROTO_…`; 262 is MPTCP).
    pub protocol: u16,
    /// Destination port, or the local one of a bind.
    pub port: u16,
    /// The rule that decided, or [`NO_RULE`](crate::rules::NO_RULE).
    pub rule: u16,
    /// [`Operation`].
    pub operation: u8,
    /// [`Action`](crate::decision::Action).
    pub action: u8,
    /// [`Reason`](crate::decision::Reason).
    pub reason: u8,
    /// Zero.
    pub reserved: u8,
    /// Zero.
    pub reserved2: u16,
    /// Name of the thread, padded with zeros. The agent chooses it.
    pub comm: [u8; COMM_LEN],
}

const _: () = {
    assert!(size_of::<Event>() == 104);
    assert!(align_of::<Event>() == 8);
};
