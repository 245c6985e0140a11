//! Two hosts: network namespaces joined by a veth pair. Nothing of it can be seen from outside.
//!
//! ```text
//!  near (the agents' host)               far (everybody else)
//!  10.77.0.1, fd77::1   agt-N-a ═══ agt-N-f   the addresses of `addresses::FAR`
//!  lo: the host's own services
//! ```

pub mod addresses;
pub mod ip;
mod netns;
mod sniffer;

pub use netns::NetNs;
pub use sniffer::{Arrival, PACKET_OUTGOING as OUTGOING, Sniffer, packet_socket};

use std::{
    fs,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    ensure,
    error::{Context, Outcome},
    far::Service,
};
use addresses::{ALLOWED4, FAR, NEAR4, NEAR6, PORTS};

/// [`World::settle`] sends its marks to it; nobody reads them.
pub const MARK_PORT: u16 = 9;

/// The two hosts, the services of both, and the counters of what arrives.
#[derive(Debug)]
pub struct World {
    /// Where agents run.
    pub near: NetNs,
    /// Where the addresses of [`addresses::FAR`] are.
    pub far: NetNs,
    /// Services of the far host on every port of [`addresses::PORTS`].
    pub services: Service,
    /// Services of the agents' own host, on loopback.
    pub host: Service,
    /// What arrives at the far host.
    pub wire: Sniffer,
    /// What arrives over loopback of the agents' host.
    pub loopback: Sniffer,
    device: String,
    peer: String,
    marks: AtomicU64,
    // Where nobody is bound the kernel answers, and that is traffic, too.
    mark_sinks: [UdpSocket; 2],
}

impl World {
    /// Makes it.
    pub fn new() -> Outcome<Self> {
        let (near, far) = (NetNs::new()?, NetNs::new()?);
        let name = format!("agt-{}", std::process::id());
        let (device, peer) = (format!("{name}-a"), format!("{name}-f"));
        for side in [&near, &far] {
            side.run(tune)?;
        }
        let netns = far.path().display().to_string();
        ip::batch(
            &near,
            &[
                "link set lo up".into(),
                format!("link add {device} type veth peer name {peer} netns {netns}"),
                format!("addr add {NEAR4}/24 dev {device}"),
                format!("addr add {NEAR6}/64 dev {device} nodad"),
                format!("link set {device} up"),
            ],
        )?;
        let mut commands = vec!["link set lo up".into(), format!("link set {peer} up")];
        commands.extend(FAR.iter().map(|(address, prefix)| {
            let nodad = if address.is_ipv6() { " nodad" } else { "" };
            format!("addr add {address}/{prefix} dev {peer}{nodad}")
        }));
        ip::batch(&far, &commands)?;
        ip::batch(
            &near,
            &[
                format!("route add default via {ALLOWED4}"),
                format!("route add default via {}", addresses::ALLOWED6),
            ],
        )?;
        let sink = |at: IpAddr| UdpSocket::bind((at, MARK_PORT)).context("bind a sink for marks");
        let mark_sinks = [far.run(|| sink(ALLOWED4))?, near.run(|| sink(LOCALHOST))?];
        let wire = Sniffer::start(&far, &peer)?;
        let loopback = Sniffer::start(&near, "lo")?;
        let services = Service::start(&far, &everywhere(), PORTS)?;
        let host = Service::start(&near, &host_addresses(), PORTS)?;
        Ok(Self {
            near,
            far,
            services,
            host,
            wire,
            loopback,
            device,
            peer,
            marks: AtomicU64::new(0),
            mark_sinks,
        })
    }

    /// The interface of the agents' side.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The interface of the far host.
    pub fn far_device(&self) -> &str {
        &self.peer
    }

    /// The number of that interface: the scope of link-local addresses.
    pub fn device_index(&self) -> Outcome<u32> {
        let name = &self.device;
        self.near
            .run(|| crate::sys::index_of(name).context("find the veth device"))
    }

    /// Packets that have arrived at an address, of the far host or of loopback.
    pub fn arrivals(&self, to: IpAddr) -> u64 {
        let wanted = |arrival: &Arrival| {
            arrival.to == to && arrival.port != MARK_PORT && !arrival.is_reset()
        };
        self.wire.count(wanted) + self.loopback.count(wanted)
    }

    /// All that has ever arrived at an address, to tell what a failure is about.
    pub fn history(&self, to: IpAddr) -> String {
        let wanted = |arrival: &Arrival| arrival.to == to && arrival.port != MARK_PORT;
        format!(
            "{:?} {:?}",
            self.wire.seen(wanted),
            self.loopback.seen(wanted)
        )
    }

    /// Packets that have arrived at a port of an address.
    pub fn arrivals_at(&self, to: SocketAddr) -> u64 {
        let wanted = |arrival: &Arrival| arrival.to == to.ip() && arrival.port == to.port();
        self.wire.count(wanted) + self.loopback.count(wanted)
    }

    /// Waits until everything that was sent before has been counted and connections are gone.
    pub fn settle(&self) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut last = None;
        loop {
            self.mark()?;
            let seen = self.total() + u64::from(self.services.open() + self.host.open() > 0);
            if last == Some(seen) && self.services.open() + self.host.open() == 0 {
                return Ok(());
            }
            last = Some(seen);
            ensure!(Instant::now() < deadline, "traffic does not come to rest");
            thread::sleep(Duration::from_millis(15));
        }
    }

    /// Waits until everything that was sent before has been counted.
    pub fn mark(&self) -> Outcome {
        let wanted = self.marks.fetch_add(1, Ordering::Relaxed) + 1;
        self.near.run(|| {
            for (from, to) in [(NEAR4, ALLOWED4), (LOCALHOST, LOCALHOST)] {
                let socket = UdpSocket::bind((from, 0)).context("make a marking socket")?;
                socket
                    .send_to(b"mark", (to, MARK_PORT))
                    .context("send a mark")?;
            }
            Ok(())
        })?;
        let deadline = Instant::now() + Duration::from_secs(20);
        for (sniffer, to) in [(&self.wire, ALLOWED4), (&self.loopback, LOCALHOST)] {
            let mark = |arrival: &Arrival| arrival.to == to && arrival.port == MARK_PORT;
            while sniffer.count(mark) < wanted {
                ensure!(Instant::now() < deadline, "the mark to {to} was not seen");
                thread::sleep(Duration::from_micros(200));
            }
        }
        debug_assert_eq!(self.mark_sinks.len(), 2);
        let missed = self.wire.missed()? + self.loopback.missed()?;
        ensure!(
            missed == 0,
            "the packet socket missed {missed} packets: nothing is proven"
        );
        Ok(())
    }

    fn total(&self) -> u64 {
        let wanted = |arrival: &Arrival| arrival.port != MARK_PORT;
        self.wire.count(wanted) + self.loopback.count(wanted)
    }
}

/// The IPv4 loopback address.
pub const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Settings of a namespace, before it has interfaces.
fn tune() -> Outcome {
    for (name, value) in [
        // Client and server; without them there is no technique to test.
        ("net/ipv4/tcp_fastopen", "3"),
        ("net/ipv4/ping_group_range", "0 2147483647"),
        // No waiting for duplicate addresses, no questions to routers.
        ("net/ipv6/conf/default/accept_dad", "0"),
        ("net/ipv6/conf/default/router_solicitations", "0"),
        // Every packet of a flood of refusals answers to its own destination.
        ("net/ipv4/icmp_ratelimit", "0"),
    ] {
        fs::write(format!("/proc/sys/{name}"), value).context(format!("set {name}"))?;
    }
    let mptcp = "/proc/sys/net/mptcp/enabled";
    if fs::exists(mptcp).context("look for MPTCP")? {
        fs::write(mptcp, "1").context("enable MPTCP")?;
    }
    Ok(())
}

/// The addresses of the far host.
fn everywhere() -> Vec<IpAddr> {
    FAR.iter().map(|(address, _)| *address).collect()
}

/// Where the services of the agents' own host listen.
fn host_addresses() -> Vec<IpAddr> {
    let other_loopback = IpAddr::from([127, 1, 2, 3]);
    vec![
        LOCALHOST,
        other_loopback,
        std::net::Ipv6Addr::LOCALHOST.into(),
        NEAR4,
        NEAR6,
    ]
}
