//! The hosts of the story, in two network namespaces: the agent's, and everybody else's.

use std::{
    net::{IpAddr, Ipv4Addr, UdpSocket},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::services;
use crate::{
    ensure,
    error::{Context, Outcome},
    world::{Arrival, NetNs, Sniffer, ip},
};

/// The agent's host.
const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The API that the agent works with, HTTP on port 80.
pub(super) const API: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// The database that the agent works with, port 5432.
pub(super) const DATABASE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 20);
/// The attacker, HTTP on port 80.
pub(super) const ATTACKER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);
/// Where clouds hand credentials to every process of a host.
pub(super) const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Port of a service of the agent's own host, on loopback.
pub(super) const OWN_SERVICE: u16 = 9200;

/// Port of the marks that [`Hosts::settle`] sends.
const MARK: u16 = 9;

/// The hosts, and the counters of what arrives at them.
#[derive(Debug)]
pub(super) struct Hosts {
    /// Where the agent runs.
    pub(super) near: NetNs,
    wire: Sniffer,
    loopback: Sniffer,
    marks: AtomicU64,
    // Without them the kernel would answer the marks, and that is traffic, too.
    _sinks: [UdpSocket; 2],
    // Its interfaces and addresses live as long as it does.
    _far: NetNs,
}

impl Hosts {
    pub(super) fn new() -> Outcome<Self> {
        let (near, far) = (NetNs::new()?, NetNs::new()?);
        let netns = far.path().display().to_string();
        ip::batch(
            &near,
            &[
                "link set lo up".into(),
                format!("link add demo-a type veth peer name demo-f netns {netns}"),
                format!("addr add {OWN}/24 dev demo-a"),
                "link set demo-a up".into(),
            ],
        )?;
        let mut commands = vec!["link set lo up".into(), "link set demo-f up".into()];
        commands.push(format!("addr add {API}/24 dev demo-f"));
        for address in [DATABASE, ATTACKER, METADATA] {
            commands.push(format!("addr add {address}/32 dev demo-f"));
        }
        ip::batch(&far, &commands)?;
        ip::batch(&near, &[format!("route add default via {API}")])?;
        let sink = |at: Ipv4Addr| UdpSocket::bind((at, MARK)).context("bind a sink for marks");
        let sinks = [
            far.run(|| sink(API))?,
            near.run(|| sink(Ipv4Addr::LOCALHOST))?,
        ];
        services::start(&near, &far)?;
        Ok(Self {
            wire: Sniffer::start(&far, "demo-f")?,
            loopback: Sniffer::start(&near, "lo")?,
            near,
            marks: AtomicU64::new(0),
            _sinks: sinks,
            _far: far,
        })
    }

    /// Packets that have arrived at an address, of whatever protocol.
    pub(super) fn arrivals(&self, to: Ipv4Addr) -> Outcome<u64> {
        self.settle()?;
        let wanted = |arrival: &Arrival| arrival.to == IpAddr::V4(to) && arrival.port != MARK;
        Ok(self.wire.count(wanted) + self.loopback.count(wanted))
    }

    /// Waits until everything that was sent before has been counted.
    fn settle(&self) -> Outcome {
        let wanted = self.marks.fetch_add(1, Ordering::Relaxed) + 1;
        self.near.run(|| {
            for (from, to) in [(OWN, API), (Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST)] {
                let socket = UdpSocket::bind((from, 0)).context("make a marking socket")?;
                socket.send_to(b"mark", (to, MARK)).context("send a mark")?;
            }
            Ok(())
        })?;
        let deadline = Instant::now() + Duration::from_secs(10);
        let is_mark = |arrival: &Arrival| arrival.port == MARK;
        for sniffer in [&self.wire, &self.loopback] {
            while sniffer.count(is_mark) < wanted {
                ensure!(
                    Instant::now() < deadline,
                    "a packet that must arrive was not seen"
                );
                thread::sleep(Duration::from_micros(200));
            }
            ensure!(
                sniffer.missed()? == 0,
                "packets were not counted: nothing is proven"
            );
        }
        Ok(())
    }
}
