//! The tables, as the daemon fills and the programs read them.

use agentguard_common::{
    address::Address,
    counters::Counters,
    event::Event,
    identity::{Tag, untagged},
    limits::{
        ARRIVAL_BYTES, DEFAULT_MAX_CGROUPS, MAX_AGENTS, MAX_ASKERS, MAX_BANKS, MAX_CGROUP_PATH,
        MAX_DECLARED, MAX_DECLARED_INSTANCES, MAX_INSTANCES, MAX_LEARNED, MAX_LEARNED_NAMES,
        MAX_NAME_TABLES, MAX_RESOLVERS, MAX_SLICES, MAX_UNIT_NAME, RING_BYTES,
    },
    names::{Arrival, Asker, AskerKey, Learned, ResolverAddress, ResolverKey, ServerName},
    scope::Row,
};
use aya_ebpf::{
    bindings::{BPF_F_INNER_MAP, BPF_F_NO_PREALLOC},
    btf_maps::{Array, ArrayOfMaps, HashMap, LruHashMap, PerCpuArray, RingBuf},
    macros::btf_map,
};

use crate::memo::Entry;

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;

/// A bank: scopes one behind another. Banks differ in their number of rows, which
/// `BPF_F_INNER_MAP` permits (Linux 5.10).
pub type Bank = Array<Row, 1, { BPF_F_INNER_MAP as usize }>;

/// Cgroup id → whose cgroup it is.
#[btf_map]
pub static TAGS: HashMap<u64, Tag, { DEFAULT_MAX_CGROUPS as usize }, NO_PREALLOC> = HashMap::new();

/// The cgroups at which instances begin, again. What an agent makes below them can fill [`TAGS`],
/// but not this table: its memory is set aside at load, and there is room for all instances that
/// can exist at once. One leaves it as soon as its directory is removed.
#[btf_map]
pub static INSTANCES: HashMap<u64, Tag, { (MAX_INSTANCES + MAX_DECLARED_INSTANCES) as usize }> =
    HashMap::new();

/// How many cgroups of agents found no room in [`TAGS`]; see [`untagged`].
#[btf_map]
pub static UNTAGGED: Array<u64, { untagged::ENTRIES }> = Array::new();

/// How often the daemon has changed the tag of a cgroup that exists.
#[btf_map]
pub static ENROLMENTS: Array<u64, 1> = Array::new();

/// Entries of [`KNOWN`] that each CPU has: 48 KiB.
pub const KNOWN_ENTRIES: u32 = 1024;

/// Cgroups that were looked up in [`TAGS`]. An entry that is all zeros is of no cgroup: none has the
/// id 0.
#[btf_map]
pub static KNOWN: PerCpuArray<Entry, { KNOWN_ENTRIES as usize }> = PerCpuArray::new();

/// Declared cgroup path, padded with zeros → agent.
#[btf_map]
pub static PATHS: HashMap<[u8; MAX_CGROUP_PATH], u32, { MAX_DECLARED as usize }, NO_PREALLOC> =
    HashMap::new();

/// Declared systemd unit, padded with zeros → agent.
#[btf_map]
pub static UNITS: HashMap<[u8; MAX_UNIT_NAME], u32, { MAX_DECLARED as usize }, NO_PREALLOC> =
    HashMap::new();

/// The root cgroup and the slices beneath nothing but slices: where systemd's units are. The values
/// mean nothing.
#[btf_map]
pub static SLICES: HashMap<u64, u8, { MAX_SLICES as usize }, NO_PREALLOC> = HashMap::new();

/// Agent → its [`ScopeWord`](agentguard_common::scope::ScopeWord).
#[btf_map]
pub static SCOPES: Array<u64, { MAX_AGENTS as usize }> = Array::new();

/// The banks.
#[btf_map]
pub static BANKS: ArrayOfMaps<Bank, { MAX_BANKS as usize }> = ArrayOfMaps::new();

/// A bank for the daemon to make others like: up to Linux 6.3 an array of maps takes only maps whose
/// types are described as its own are (`timer_off` in `bpf_map_meta_equal`).
#[btf_map]
pub static BANK: Bank = Bank::new();

/// Binary logarithm of the entries of [`PERMITTED`] that each CPU has: 96 KiB.
pub const PERMITTED_BITS: u32 = 11;

/// Destinations that scopes are known to permit.
#[btf_map]
pub static PERMITTED: PerCpuArray<Entry, { 1 << PERMITTED_BITS }> = PerCpuArray::new();

/// Agent → its counters.
#[btf_map]
pub static COUNTERS: Array<Counters, { MAX_AGENTS as usize }> = Array::new();

/// Refusals, on their way to the daemon.
#[btf_map]
pub static EVENTS: RingBuf<Event, { RING_BYTES as usize }> = RingBuf::new();

/// What was learned of addresses, by scope.
#[btf_map]
pub static LEARNED: ArrayOfMaps<
    HashMap<Address, Learned, { MAX_LEARNED as usize }, NO_PREALLOC>,
    { MAX_NAME_TABLES as usize },
> = ArrayOfMaps::new();

/// As [`BANK`], for [`LEARNED`].
#[btf_map]
pub static LEARNED_LIKE: HashMap<Address, Learned, 1, NO_PREALLOC> = HashMap::new();

/// What was learned of names, by scope.
#[btf_map]
pub static NAMES: ArrayOfMaps<
    HashMap<ServerName, Learned, { MAX_LEARNED_NAMES as usize }, NO_PREALLOC>,
    { MAX_NAME_TABLES as usize },
> = ArrayOfMaps::new();

/// As [`BANK`], for [`NAMES`].
#[btf_map]
pub static NAMES_LIKE: HashMap<ServerName, Learned, 1, NO_PREALLOC> = HashMap::new();

/// Where the daemon answers questions to name servers.
#[btf_map]
pub static RESOLVERS: HashMap<
    ResolverKey,
    ResolverAddress,
    { MAX_RESOLVERS as usize },
    NO_PREALLOC,
> = HashMap::new();

/// Who asks.
#[btf_map]
pub static ASKERS: LruHashMap<AskerKey, Asker, { MAX_ASKERS as usize }> = LruHashMap::new();

/// Where the daemon should answer, on the way to it.
#[btf_map]
pub static ARRIVALS: RingBuf<Arrival, { ARRIVAL_BYTES as usize }> = RingBuf::new();
