//! What TLS was told on a connection, kept with its socket: the packet that said it is gone when the scope changes.

use agentguard_common::{
    names::ServerName,
    tls::{Fold, Kind, NAME_WORDS, Span, Spelling},
};
use aya_ebpf::{
    bindings::{__sk_buff, BPF_F_NO_PREALLOC},
    cty::c_void,
    helpers::generated::bpf_skb_load_bytes,
    macros::btf_map,
};

use super::storage::SocketStorage;
use crate::verifier::forget;

/// The value of a socket's storage. All zeros is what it begins with.
#[repr(C)]
pub struct Server {
    /// The [`Kind`] plus one; 0 as long as nothing was said.
    kind: u32,
    length: u32,
    /// In lower case, if there is one.
    name: ServerName,
}

/// Nothing is inherited: what is accepted is no client.
#[btf_map]
static SERVERS: SocketStorage<Server, { BPF_F_NO_PREALLOC as usize }> = SocketStorage::new();

/// What was said on a socket. The kernel holds the socket's lock, or its owner's, whenever the programs look at it.
#[derive(Clone, Copy)]
pub struct Told(pub *mut Server);

impl Told {
    /// Of a socket, if there is room for it already. `sk` is a socket pointer that the verifier knows.
    #[inline(always)]
    pub fn of(sk: *mut c_void) -> Option<Self> {
        SERVERS.get(sk).map(Self)
    }

    /// Of a socket. `None` if there is no memory.
    #[inline(always)]
    pub fn make(sk: *mut c_void) -> Option<Self> {
        SERVERS.make(sk).map(Self)
    }

    /// Whether anything was said.
    #[inline(always)]
    pub fn is_known(self) -> bool {
        // SAFETY: the pointer is to the socket's storage; the member is one word.
        unsafe { (&raw const (*self.0).kind).read_volatile() != 0 }
    }

    /// Number of the kind of what was said.
    #[inline(always)]
    pub fn kind(self) -> u8 {
        // SAFETY: as above.
        unsafe { (&raw const (*self.0).kind).read_volatile() as u8 }.wrapping_sub(1)
    }

    /// The name that was said.
    #[inline(always)]
    pub fn name(self) -> *const ServerName {
        // SAFETY: as above.
        unsafe { &raw const (*self.0).name }
    }

    /// How many bytes the name has.
    #[inline(always)]
    pub fn length(self) -> u32 {
        // SAFETY: as above.
        unsafe { (&raw const (*self.0).length).read_volatile() }
    }

    /// Forgets what was said.
    #[inline(always)]
    pub fn forget(self) {
        // SAFETY: as above.
        unsafe { (&raw mut (*self.0).kind).write_volatile(0) }
    }

    /// Notes what was said, with the name that is in the packet at `span`.
    #[inline(always)]
    pub fn note(self, skb: *mut __sk_buff, kind: Kind, span: Span) {
        let kind = if self.read_name(skb, span) || !matches!(kind, Kind::Name) {
            kind
        } else {
            Kind::BadName
        };
        // SAFETY: as above.
        unsafe { (&raw mut (*self.0).kind).write_volatile(kind as u32 + 1) }
    }

    /// Reads the name, in lower case. `false` if it is not spelled like a name.
    #[inline(always)]
    fn read_name(self, skb: *mut __sk_buff, span: Span) -> bool {
        // SAFETY: the pointer is to the socket's storage, and the name has so many words. The accesses are volatile:
        // of others the compiler would make calls that go byte by byte.
        unsafe {
            let words = (&raw mut (*self.0).name).cast::<u64>();
            for index in 0..NAME_WORDS {
                words.add(index).write_volatile(0);
            }
            (&raw mut (*self.0).length).write_volatile(span.length);
            if span.length == 0 {
                return false;
            }
            // Linux 6.1 does not see that what is not 0 is at least 1.
            let length = (forget(span.length - 1) & 0xff) + 1;
            if bpf_skb_load_bytes(skb.cast(), span.at, words.cast(), length) != 0 {
                return false;
            }
            let mut fold = Fold::default();
            for index in 0..NAME_WORDS {
                let word = words.add(index);
                word.write_volatile(fold.word(word.read_volatile()));
            }
            matches!(fold.spelling(length), Spelling::Name)
        }
    }
}
