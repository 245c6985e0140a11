//! Limits that kernel and user space agree on. Going over one is an error at load, never a
//! truncation.

/// Network rules in one scope.
pub const MAX_RULES: usize = 256;

/// Agents that one daemon can hold, those retired since its start included.
pub const MAX_AGENTS: u32 = 4096;

/// Banks of compiled scopes that can be alive at once. One more than [`MAX_AGENTS`] would ever
/// need: a bank is freed when the last scope in it is replaced.
pub const MAX_BANKS: u32 = 4096;

/// Rows in one bank: what the row field of a [`ScopeWord`](crate::scope::ScopeWord) can number.
pub const MAX_BANK_ROWS: u32 = 1 << 18;

/// Steps of the binary search in a section.
pub const SEARCH_STEPS: u32 = 11;

/// Rows in one section of a compiled scope: what [`SEARCH_STEPS`] steps can search.
pub const MAX_SECTION_ROWS: u32 = 1 << SEARCH_STEPS;

/// Bytes of the key for a declared cgroup path. A path has at most two fewer: it ends with a NUL,
/// and what fills the key is taken for a longer path that was cut.
pub const MAX_CGROUP_PATH: usize = 256;

/// Bytes of the key for a declared systemd unit's name, which has at most two fewer.
pub const MAX_UNIT_NAME: usize = 256;

/// Slices that can exist at once.
pub const MAX_SLICES: u32 = 65_536;

/// Depth below the root at which a cgroup can be declared.
///
/// When the tag table is full the kernel looks for the tag in the ancestors, down to this depth.
pub const MAX_CGROUP_DEPTH: u32 = 32;

/// Instances of `agentguard run`, of all agents together, that can be alive at once.
pub const MAX_INSTANCES: u32 = 16_384;

/// Units that can be declared in all scopes; as many cgroups can be declared besides.
pub const MAX_DECLARED: u32 = MAX_AGENTS * 4;

/// Declared units and cgroups that can exist at once. They have room in the table of instances that
/// `run` cannot take: one that is made always finds some.
pub const MAX_DECLARED_INSTANCES: u32 = 2 * MAX_DECLARED;

/// Cgroups of agents that the tag table holds by default. More are confined too, by a slower way.
pub const DEFAULT_MAX_CGROUPS: u32 = 65_536;

/// Bytes of the event ring buffer. A power of two and a multiple of the page size.
pub const RING_BYTES: u32 = 4 << 20;

/// Positions of the path patterns of one scope. A pattern takes one more than it has components.
pub const MAX_POSITIONS: usize = 1024;

/// Components of a path. A deeper one is refused.
pub const MAX_DEPTH: u64 = 128;

/// Bytes of a component: the kernel's `NAME_MAX` (`include/uapi/linux/limits.h`).
pub const MAX_COMPONENT: usize = 255;

/// States of the automaton that matches the globs of one scope.
pub const MAX_GLOB_STATES: usize = 4096;

/// Rules about paths and sockets in one scope, those of its profiles included.
pub const MAX_PATH_RULES: usize = 1024;

/// Superblocks that the host has mounted.
pub const MAX_SUPERBLOCKS: u32 = 4096;

/// Parts of superblocks that are mounted by themselves.
pub const MAX_PARTS: u32 = 4096;

/// Components of all mount points together. The table has room for twice as many, so that new ones are
/// written beside the old.
pub const MAX_NODES: u32 = 8192;

/// Literals of the path patterns of all scopes together.
pub const MAX_LITERALS: u32 = 1 << 18;

/// Bytes of a literal that most are no longer than: they are looked up by a shorter key.
pub const SHORT_COMPONENT: usize = 24;

/// Scopes with path rules that can be alive at once, as of [`MAX_BANKS`].
pub const MAX_PATH_TABLES: u32 = 4096;

/// Addresses that can be known at once by the names in one scope.
pub const MAX_LEARNED: u32 = 16_384;
/// As [`MAX_LEARNED`], of names.
pub const MAX_LEARNED_NAMES: u32 = 16_384;

/// Scopes with rules by name that can be alive at once, as of [`MAX_BANKS`].
pub const MAX_NAME_TABLES: u32 = MAX_BANKS;

/// Bytes of the key for a name, which has at most 253 (RFC 1035, section 2.3.4).
pub const MAX_SERVER_NAME: usize = 256;

/// Pairs of a network namespace and an agent that the daemon can answer in.
pub const MAX_RESOLVERS: u32 = 32_768;

/// Ends of questions that are remembered; the oldest are forgotten.
pub const MAX_ASKERS: u32 = 8192;

/// Bytes of the ring buffer of [arrivals](crate::names::Arrival). A power of two and a multiple of the
/// page size.
pub const ARRIVAL_BYTES: u32 = 64 << 10;
