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
    /// `open(2)` of a file or directory, or what does the same.
    Open = 6,
    /// `execve(2)` of a program.
    Exec = 7,
    /// Code of a file is mapped to be executed: `mmap(2)`, `mprotect(2)`.
    Map = 8,
    /// A file, directory, symbolic link or device node is made.
    Create = 9,
    /// A file or directory is removed.
    Remove = 10,
    /// A file or directory is renamed, or replaced by one that is.
    Rename = 11,
    /// A file gets another name.
    Link = 12,
    /// A file is truncated.
    Truncate = 13,
    /// Mode, owner, times or extended attributes of a file are changed.
    Attributes = 14,
    /// `chroot(2)`.
    Chroot = 15,
    /// `connect(2)` to a Unix socket.
    ConnectUnix = 16,
    /// A datagram to a Unix socket.
    SendUnix = 17,
    /// A descriptor is received from another process.
    Receive = 18,
    /// `ptrace(2)`, or what needs its rights: another's memory, descriptors, `/proc/PID`.
    Trace = 19,
    /// `kill(2)` and its like.
    Signal = 20,
    /// `bpf(2)`.
    Bpf = 21,
    /// The mounts of a namespace are changed.
    Mount = 22,
    /// A user namespace is made.
    Namespace = 23,
    /// Code is loaded into the kernel, or another kernel.
    Module = 24,
    /// Input is typed into a terminal (`TIOCSTI`).
    Terminal = 25,
    /// A process leaves the cgroups of its agent.
    Cgroup = 26,
    /// `setsockopt(2)` of an option that sends packets elsewhere.
    Option = 27,
    /// A process is made that cannot be tagged.
    Fork = 28,
    /// A message to the kernel that would change the host's interfaces, addresses, routes or rules.
    Netlink = 29,
    /// A question to a name server. The text is the name that was asked for, `socket_type` the number
    /// of the record type.
    Resolve = 30,
    /// The first message of a TLS connection. The text is the server name in it, in lower case; none
    /// if there is none, or it could not be read. `access` is the number of its
    /// [kind](crate::tls::Kind).
    Tls = 31,
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
            6 => Some(Self::Open),
            7 => Some(Self::Exec),
            8 => Some(Self::Map),
            9 => Some(Self::Create),
            10 => Some(Self::Remove),
            11 => Some(Self::Rename),
            12 => Some(Self::Link),
            13 => Some(Self::Truncate),
            14 => Some(Self::Attributes),
            15 => Some(Self::Chroot),
            16 => Some(Self::ConnectUnix),
            17 => Some(Self::SendUnix),
            18 => Some(Self::Receive),
            19 => Some(Self::Trace),
            20 => Some(Self::Signal),
            21 => Some(Self::Bpf),
            22 => Some(Self::Mount),
            23 => Some(Self::Namespace),
            24 => Some(Self::Module),
            25 => Some(Self::Terminal),
            26 => Some(Self::Cgroup),
            27 => Some(Self::Option),
            28 => Some(Self::Fork),
            29 => Some(Self::Netlink),
            30 => Some(Self::Resolve),
            31 => Some(Self::Tls),
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
            Self::Open => "open",
            Self::Exec => "exec",
            Self::Map => "map",
            Self::Create => "create",
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::Link => "link",
            Self::Truncate => "truncate",
            Self::Attributes => "attributes",
            Self::Chroot => "chroot",
            Self::ConnectUnix => "connect-unix",
            Self::SendUnix => "send-unix",
            Self::Receive => "receive",
            Self::Trace => "trace",
            Self::Signal => "signal",
            Self::Bpf => "bpf",
            Self::Mount => "mount",
            Self::Namespace => "namespace",
            Self::Module => "module",
            Self::Terminal => "terminal",
            Self::Cgroup => "cgroup",
            Self::Option => "option",
            Self::Fork => "fork",
            Self::Netlink => "netlink",
            Self::Resolve => "resolve",
            Self::Tls => "tls",
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
    /// Destination; the local address of a bind. Of an operation on another process `lo` is its
    /// process id, in the initial pid namespace. Else zero.
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
    /// Type of the socket (`SOCK_…`). Of a question to a name server, the record type.
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
    /// [`Access`](crate::path::Access) of an operation on a path.
    pub access: u8,
    /// Bytes of the object's text: the path as the host sees it, or a name. It follows the event; what is longer
    /// than [`LONG_TEXT`] is cut there.
    pub text: u16,
    /// Name of the thread, padded with zeros. The agent chooses it.
    pub comm: [u8; COMM_LEN],
}

const _: () = {
    assert!(size_of::<Event>() == 104);
    assert!(align_of::<Event>() == 8);
};

/// Bytes of most texts: a longer one takes a longer record.
pub const SHORT_TEXT: usize = 256;
/// Bytes of a text that are recorded.
pub const LONG_TEXT: usize = 4096;
/// Bytes behind a text that mean nothing: a component that ends beyond the text is written whole.
pub const TEXT_MARGIN: usize = 256;

/// An event with the text of its object.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TextEvent<const N: usize> {
    /// The event. Its `text` says how much of the text is there.
    pub event: Event,
    /// The text, and its margin.
    pub text: [u8; N],
}

/// An event with a text of at most [`SHORT_TEXT`].
pub type ShortEvent = TextEvent<{ SHORT_TEXT + TEXT_MARGIN }>;
/// An event with a text of any length.
pub type LongEvent = TextEvent<{ LONG_TEXT + TEXT_MARGIN }>;

const _: () = {
    assert!(size_of::<ShortEvent>() == 616);
    assert!(size_of::<LongEvent>() == 4456);
};
