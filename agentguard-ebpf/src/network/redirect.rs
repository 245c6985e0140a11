//! What is remembered with a socket that asks a name server: whom it meant, and who asks. It asks the
//! daemon's resolver instead.
//!
//! Answers of the resolver are shown as the name server's. A datagram socket can ask several: of each
//! family the last one is remembered, for which an answer to an earlier question then passes.

use agentguard_common::{
    address::Address,
    decision::Endpoint,
    names::{Asker, ResolverAddress},
};
use aya_ebpf::{
    bindings::{BPF_F_NO_PREALLOC, bpf_spin_lock},
    cty::c_void,
    helpers::generated::{bpf_spin_lock as lock, bpf_spin_unlock as unlock},
    macros::btf_map,
};

use super::storage::SocketStorage;

/// The value of a socket's storage. Several threads can ask by one socket, so it is read and written
/// under the lock.
#[repr(C)]
struct Redirected {
    lock: bpf_spin_lock,
    reserved: u32,
    /// Cookie of the socket's network namespace, which it has for good.
    netns: u64,
    v4: Way,
    v6: Way,
    asker: Asker,
}

/// From a name server to the resolver.
#[repr(C)]
struct Way {
    server: Address,
    resolver: Address,
    /// The resolver's port; 0 if nothing was asked this way.
    port: u64,
}

#[btf_map]
static REDIRECTED: SocketStorage<Redirected, { BPF_F_NO_PREALLOC as usize }> = SocketStorage::new();

/// Of a socket that asked the resolver.
#[derive(Clone, Copy)]
pub struct Redirect(*mut Redirected);

/// Runs `$do` with the way that is of the family of `$address`, under the lock.
macro_rules! with_way {
    ($redirect:expr, $address:expr, $way:ident => $do:block) => {{
        let redirected = $redirect.0;
        let is_v4 = $address.v4().is_some();
        // SAFETY: the pointer is to the socket's storage, and the lock is its own.
        unsafe {
            let $way = if is_v4 {
                &raw mut (*redirected).v4
            } else {
                &raw mut (*redirected).v6
            };
            lock(&raw mut (*redirected).lock);
            let result = $do;
            unlock(&raw mut (*redirected).lock);
            result
        }
    }};
}

impl Redirect {
    /// Of a socket, if it asked. `sk` is a socket pointer that the verifier knows.
    #[inline(always)]
    pub fn of(sk: *mut c_void) -> Option<Self> {
        REDIRECTED.get(sk).map(Self)
    }

    /// Notes that a socket asks. `None` if there is no memory.
    #[inline(always)]
    pub fn note(
        sk: *mut c_void,
        netns: u64,
        asker: &Asker,
        resolver: &ResolverAddress,
    ) -> Option<Self> {
        let this = Self(REDIRECTED.make(sk)?);
        with_way!(this, resolver.address, way => {
            (*this.0).netns = netns;
            (*this.0).asker = *asker;
            (*way).server = asker.server;
            (*way).resolver = resolver.address;
            (*way).port = u64::from(resolver.port);
        });
        Some(this)
    }

    /// Whether a packet to `to` asks the resolver.
    #[inline(always)]
    pub fn is_to(self, to: &Endpoint) -> bool {
        with_way!(self, to.address, way => {
            ((*way).resolver.hi ^ to.address.hi)
                | ((*way).resolver.lo ^ to.address.lo)
                | ((*way).port ^ u64::from(to.port))
        }) == 0
    }

    /// The name server as which the resolver at an address is shown.
    #[inline(always)]
    pub fn server(self, address: Address, port: u16) -> Option<Address> {
        let (other, server) = with_way!(self, address, way => {
            let other = ((*way).resolver.hi ^ address.hi)
                | ((*way).resolver.lo ^ address.lo)
                | ((*way).port ^ u64::from(port));
            (other, Address { hi: (*way).server.hi, lo: (*way).server.lo })
        });
        (other == 0).then_some(server)
    }

    /// Who asked last, and the cookie of the network namespace.
    #[inline(always)]
    pub fn asker(self) -> (u64, Asker) {
        // SAFETY: as above.
        unsafe {
            let redirected = self.0;
            lock(&raw mut (*redirected).lock);
            let (netns, asker) = ((*redirected).netns, (*redirected).asker);
            unlock(&raw mut (*redirected).lock);
            (netns, asker)
        }
    }
}
