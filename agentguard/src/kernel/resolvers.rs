//! Where the daemon answers agents' questions to name servers, and who asks.

use std::net::{IpAddr, SocketAddr};

use agentguard_common::{
    address::Address,
    names::{Arrival, Asker, AskerKey, ResolverAddress, ResolverKey},
    protocol::Protocol,
    socket::{AF_INET, AF_INET6},
};
use aya::{
    Ebpf,
    maps::{HashMap, MapData, RingBuf},
};

use super::{
    load_error::LoadError,
    tables::{TableError, failed, fits, forgiving, found, take},
};

/// The kernel's tables of resolvers and askers.
pub struct Resolvers {
    resolvers: HashMap<MapData, ResolverKey, ResolverAddress>,
    askers: HashMap<MapData, AskerKey, Asker>,
}

impl Resolvers {
    /// Takes the tables out of a loaded object.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self {
            resolvers: take(ebpf, "RESOLVERS")?,
            askers: take(ebpf, "ASKERS")?,
        })
    }

    /// From now on questions of an agent in the network namespace with this cookie, of the family of
    /// `address`, go there. `false` if there is no room, which there is for
    /// [`MAX_RESOLVERS`](agentguard_common::limits::MAX_RESOLVERS).
    pub fn set(&mut self, netns: u64, agent: u32, address: SocketAddr) -> Result<bool, TableError> {
        let value = ResolverAddress {
            address: from_ip(address.ip()),
            port: address.port(),
            reserved: [0; 3],
        };
        fits(
            self.resolvers
                .insert(key(netns, agent, address.is_ipv4()), value, 0),
        )
        .map_err(failed("say where questions to name servers go"))
    }

    /// Questions of an agent in a network namespace are refused from now on.
    pub fn clear(&mut self, netns: u64, agent: u32) -> Result<(), TableError> {
        for is_v4 in [true, false] {
            forgiving(self.resolvers.remove(&key(netns, agent, is_v4))).map_err(failed(
                "say that questions to name servers are not answered",
            ))?;
        }
        Ok(())
    }

    /// Who asks from the address `client` in a network namespace, by UDP or TCP. `None` if it is nobody
    /// whose question was sent here.
    pub fn asker(
        &self,
        netns: u64,
        client: SocketAddr,
        protocol: Protocol,
    ) -> Result<Option<Asker>, TableError> {
        let key = AskerKey {
            netns,
            address: from_ip(client.ip()),
            port: client.port(),
            protocol: protocol as u8,
            reserved: [0; 5],
        };
        found::<Asker>(self.askers.get(&key, 0)).map_err(failed("find out who asks"))
    }
}

fn key(netns: u64, agent: u32, is_v4: bool) -> ResolverKey {
    ResolverKey {
        netns,
        agent,
        family: u32::from(if is_v4 { AF_INET } else { AF_INET6 }),
    }
}

fn from_ip(ip: IpAddr) -> Address {
    match ip {
        IpAddr::V4(v4) => Address::from_v4(v4.into()),
        IpAddr::V6(v6) => {
            let bits = u128::from(v6);
            let low = bits & u128::from(u64::MAX);
            // Each half fits.
            Address::from_v6(
                u64::try_from(bits >> 64).unwrap_or_default(),
                u64::try_from(low).unwrap_or_default(),
            )
        }
    }
}

/// Takes the ring buffer of arrivals out of a loaded object; [`arrival`] reads what is in it.
pub fn take_arrivals(ebpf: &mut Ebpf) -> Result<RingBuf<MapData>, LoadError> {
    take(ebpf, "ARRIVALS")
}

/// An arrival, from its bytes in the ring buffer. `None` if they are too few.
pub fn arrival(bytes: &[u8]) -> Option<Arrival> {
    let bytes = bytes.get(..size_of::<Arrival>())?;
    // SAFETY: so many bytes are there, and every bit pattern is an arrival.
    Some(unsafe { bytes.as_ptr().cast::<Arrival>().read_unaligned() })
}
