//! What is remembered with a socket that asks a name server: whom it meant, and who asks. It asks the
//! daemon's resolver instead.
//!
//! Answers of the resolver are shown as the name server's. A datagram socket can ask several: of each
//! family the last one is remembered, for which an answer to an earlier question then passes.

use agentguard_common::{
    address::Address,
    decision::Endpoint,
    event::COMM_LEN,
    names::{Asker, ResolverAddress},
};
use aya_ebpf::{
    bindings::{BPF_F_NO_PREALLOC, bpf_spin_lock},
    cty::c_void,
    helpers::generated::{bpf_spin_lock as lock, bpf_spin_unlock as unlock},
    macros::btf_map,
};

use super::storage::SocketStorage;
use crate::{identity::Owner, kernel::Task};

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

    /// Notes that the running task asks by a socket. `None` if there is no memory.
    #[inline(always)]
    pub fn note(
        sk: *mut c_void,
        netns: u64,
        owner: &Owner,
        server: &Address,
        resolver: &ResolverAddress,
    ) -> Option<Self> {
        let this = Self(REDIRECTED.make(sk)?);
        let task = Task::current();
        // By calls, for which there is no time under the lock.
        let (started_ns, uid) = (task.started(), task.uid());
        with_way!(this, resolver.address, way => {
            (*this.0).netns = netns;
            (*way).server.hi = server.hi;
            (*way).server.lo = server.lo;
            (*way).resolver.hi = resolver.address.hi;
            (*way).resolver.lo = resolver.address.lo;
            (*way).port = u64::from(resolver.port);
            let asker = &raw mut (*this.0).asker;
            (*asker).instance = owner.tag.instance;
            (*asker).cgroup = owner.cgroup;
            (*asker).started_ns = started_ns;
            (*asker).server.hi = server.hi;
            (*asker).server.lo = server.lo;
            (*asker).agent = owner.tag.agent;
            (*asker).pid = task.pid();
            (*asker).tid = task.tid();
            (*asker).uid = uid;
            for index in 0..COMM_LEN {
                (&raw mut (*asker).comm)
                    .cast::<u8>()
                    .add(index)
                    .write_volatile(task.comm(index));
            }
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

    /// Cookie of the socket's network namespace.
    #[inline(always)]
    pub fn netns(self) -> u64 {
        // SAFETY: the pointer is to the socket's storage; the member is written once.
        unsafe { (*self.0).netns }
    }

    /// Who asked last. Another thread may be about to.
    #[inline(always)]
    pub fn asker(self) -> *const Asker {
        // SAFETY: the pointer is to the socket's storage.
        unsafe { &raw const (*self.0).asker }
    }
}
