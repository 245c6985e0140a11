//! What is remembered with a socket: whose it is, and the last verdict on it.
//!
//! The calls that name a destination leave their verdict here, and the packet hook needs only to
//! see that the packet goes where the verdict was for, under the scope that is still in force.
//! Several threads can send on one socket, so a verdict and its destination are read and written
//! under a lock: half of one and half of another could let a packet through.

use agentguard_common::{
    address::Address,
    decision::{Action, Endpoint},
    identity::Tag,
    limits::MAX_AGENTS,
    scope::ScopeWord,
};
use aya_ebpf::{
    bindings::{
        BPF_F_CLONE, BPF_F_NO_PREALLOC, BPF_SK_STORAGE_GET_F_CREATE, bpf_map_type, bpf_spin_lock,
    },
    cty::c_void,
    helpers::generated::{bpf_sk_storage_get, bpf_spin_lock as lock, bpf_spin_unlock as unlock},
    macros::btf_map,
};

/// The value of a socket's storage.
#[repr(C)]
pub struct Socket {
    lock: bpf_spin_lock,
    /// The agent's slot plus one, so that a fresh value is nobody's.
    owner: u32,
    instance: u64,
    /// The scope of the verdict.
    word: u64,
    address: Address,
    port: u16,
    protocol: u8,
    action: u8,
    /// Not 0 if the agent connected the socket: its packets are no answers to a peer.
    outbound: u32,
}

/// A socket storage map, which aya's type cannot describe: an accepted socket must inherit its
/// listener's owner (`BPF_F_CLONE`, Linux 5.4).
#[repr(C)]
pub struct SocketStorage {
    r#type: *const [i32; bpf_map_type::BPF_MAP_TYPE_SK_STORAGE as usize],
    key: *const i32,
    value: *const Socket,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; (BPF_F_NO_PREALLOC | BPF_F_CLONE) as usize],
}

// SAFETY: the members are types for the loader, and are never read.
unsafe impl Sync for SocketStorage {}

#[btf_map]
static SOCKETS: SocketStorage = SocketStorage {
    r#type: core::ptr::null(),
    key: core::ptr::null(),
    value: core::ptr::null(),
    max_entries: core::ptr::null(),
    map_flags: core::ptr::null(),
};

/// A socket's storage.
#[derive(Clone, Copy)]
pub struct Cache(*mut Socket);

impl Cache {
    /// The storage of a socket, if it has one. `sk` is a socket pointer that the verifier knows.
    #[inline(always)]
    pub fn of(sk: *mut c_void) -> Option<Self> {
        Self::get(sk, core::ptr::null_mut(), 0)
    }

    /// The storage of an agent's socket, made if there is none. `None` if there is no memory.
    #[inline(always)]
    pub fn of_agent(sk: *mut c_void, tag: Tag) -> Option<Self> {
        let mut fresh = Socket {
            lock: bpf_spin_lock { val: 0 },
            owner: tag.agent + 1,
            instance: tag.instance,
            word: ScopeWord::NONE.0,
            address: Address::MIN,
            port: 0,
            protocol: 0,
            action: 0,
            outbound: 0,
        };
        Self::get(
            sk,
            (&raw mut fresh).cast(),
            u64::from(BPF_SK_STORAGE_GET_F_CREATE),
        )
    }

    #[inline(always)]
    fn get(sk: *mut c_void, initial: *mut c_void, flags: u64) -> Option<Self> {
        let map = (&raw const SOCKETS).cast_mut().cast();
        // SAFETY: the map is a socket storage of `Socket`, and the verifier checks `sk`.
        let socket = unsafe { bpf_sk_storage_get(map, sk, initial, flags) };
        (!socket.is_null()).then_some(Self(socket.cast()))
    }

    /// Whose socket it is.
    #[inline(always)]
    pub fn owner(self) -> Option<Tag> {
        // SAFETY: the pointer is to the socket's storage; the members are set when it is made.
        let (owner, instance) = unsafe { ((*self.0).owner, (*self.0).instance) };
        if owner == 0 || owner > MAX_AGENTS {
            return None;
        }
        Some(Tag {
            instance,
            agent: owner - 1,
            reserved: 0,
        })
    }

    /// Whether the agent connected the socket.
    #[inline(always)]
    pub fn is_outbound(self) -> bool {
        // SAFETY: the pointer is to the socket's storage; the member is one word.
        unsafe { core::ptr::read_volatile(&raw const (*self.0).outbound) != 0 }
    }

    /// Notes that the agent connects the socket.
    #[inline(always)]
    pub fn set_outbound(self) {
        // SAFETY: as above.
        unsafe { core::ptr::write_volatile(&raw mut (*self.0).outbound, 1) }
    }

    /// The verdict on a destination under the scope `word`, if it is the last one.
    #[inline(always)]
    pub fn verdict(self, word: ScopeWord, to: &Endpoint) -> Option<Action> {
        // SAFETY: the pointer is to the socket's storage, and the lock is its own.
        let (same, action) = unsafe {
            let socket = self.0;
            lock(&raw mut (*socket).lock);
            let same = ((*socket).word ^ word.0)
                | ((*socket).address.hi ^ to.address.hi)
                | ((*socket).address.lo ^ to.address.lo)
                | u64::from((*socket).port ^ to.port)
                | u64::from((*socket).protocol ^ to.protocol as u8);
            let action = (*socket).action;
            unlock(&raw mut (*socket).lock);
            (same == 0, action)
        };
        if !same {
            return None;
        }
        // The enumeration's numbers; anything else cannot be, and is a refusal.
        Some(match action {
            0 => Action::Permit,
            1 => Action::Observe,
            _ => Action::Refuse,
        })
    }

    /// Remembers the verdict on a destination.
    #[inline(always)]
    pub fn remember(self, word: ScopeWord, to: &Endpoint, action: Action) {
        // SAFETY: as above.
        unsafe {
            let socket = self.0;
            lock(&raw mut (*socket).lock);
            (*socket).word = word.0;
            (*socket).address.hi = to.address.hi;
            (*socket).address.lo = to.address.lo;
            (*socket).port = to.port;
            (*socket).protocol = to.protocol as u8;
            (*socket).action = action as u8;
            unlock(&raw mut (*socket).lock);
        }
    }
}
