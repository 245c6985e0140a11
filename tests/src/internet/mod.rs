//! An Internet with names: the far host has addresses that look public, and name servers, most of whom are real ones.
//!
//! ```text
//!  near (the agents' host, and the daemon's)        far (everybody else)
//!  resolv.conf says SERVER               ═══════    SERVER, SERVER6   the scripted name server; FORGER forges
//!  127.0.0.53: dnsmasq, where a case                UNBOUND, DNSMASQ  real ones, where a case starts them
//!  starts it, which asks SERVER                     API, CDN, …       TCP and UDP echo; SHARED: openssl for two names
//! ```
//!
//! Nothing of it is reached from outside, and nothing outside from it: both hosts are network namespaces.

pub mod addresses;
mod git;
mod replies;
mod scripted;
mod servers;
mod site;
mod tunnel;
mod view;
mod wiretap;
mod zone;

pub use git::Git;
pub use scripted::{PORT as DNS_PORT, Scripted};
pub use servers::NameServer;
pub use site::Site;
pub use tunnel::Tunnel;
pub use view::{View, looking};
pub use wiretap::Wiretap;
pub use zone::{NUMBERED, TTL};

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    ensure,
    error::{Context, Outcome},
    far::Service,
    world::{
        MARK_PORT, World,
        addresses::{ALLOWED4, NEAR4, PORT},
        ip,
    },
};

/// The addresses, the scripted name server, and what everybody else serves.
#[derive(Debug)]
pub struct Internet {
    /// The name server that the daemon's resolver asks, if a case does not say otherwise.
    pub names: Scripted,
    /// What arrives from the agents' host.
    pub wire: Wiretap,
    /// TCP and UDP echo.
    pub services: Service,
    marks: AtomicU64,
}

impl Internet {
    /// Makes the far host of a world one.
    pub fn new(world: &World) -> Outcome<Self> {
        let peer = world.far_device();
        let mut commands: Vec<String> = addresses::ALL
            .iter()
            .map(|(address, prefix)| {
                let nodad = if address.is_ipv6() { " nodad" } else { "" };
                format!("addr add {address}/{prefix} dev {peer}{nodad}")
            })
            .collect();
        // Every address of these is the host's own.
        commands.push("route add local 203.0.113.0/24 dev lo".into());
        commands.push(format!("route add local {NUMBERED}/64 dev lo"));
        ip::batch(&world.far, &commands)?;
        let at = |ports: &[u16]| -> Vec<SocketAddr> {
            let all = ports.iter().copied();
            let all = all.flat_map(|port| addresses::SERVED.iter().map(move |at| (*at, port)));
            all.map(SocketAddr::from).collect()
        };
        // On TCP, the services of the world are on its port at every address.
        let (streams, mut datagrams) = (at(addresses::PORTS), at(addresses::PORTS));
        datagrams.extend(at(&[PORT]));
        Ok(Self {
            names: Scripted::start(&world.far)?,
            wire: Wiretap::start(&world.far, peer)?,
            services: Service::at(&world.far, &streams, &datagrams)?,
            marks: AtomicU64::new(0),
        })
    }

    /// In how many packets that arrived by now these bytes were.
    pub fn says(&self, world: &World, text: &str) -> Outcome<u64> {
        let number = self.marks.fetch_add(1, Ordering::Relaxed);
        let mark = format!("mark-{number}-of-the-wire");
        world.near.run(|| {
            let socket = UdpSocket::bind((NEAR4, 0)).context("make a marking socket")?;
            let sent = socket.send_to(mark.as_bytes(), (ALLOWED4, MARK_PORT));
            sent.context("send a mark").map(drop)
        })?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.wire.count(&mark)? == 0 {
            ensure!(Instant::now() < deadline, "a mark was not seen");
            thread::sleep(Duration::from_millis(1));
        }
        self.wire.count(text)
    }

    /// The name server's address, as the daemon takes it.
    pub fn upstream() -> String {
        SocketAddr::new(addresses::SERVER, DNS_PORT).to_string()
    }
}

/// An address and the port of name servers.
pub const fn name_server(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, DNS_PORT)
}
