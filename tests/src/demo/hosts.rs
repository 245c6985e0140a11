//! The hosts of the story, in two network namespaces: the agent's, and everybody else's.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::services::{self, Received};
use crate::{
    ensure,
    error::{Context, Outcome},
    world::{Arrival, NetNs, Sniffer, ip},
};

/// The agent's host.
const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The model that the agent works with, HTTP on port 80.
pub(super) const MODEL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// What the model answers.
pub(super) const ANSWER: &str = "Tides follow the moon.\n";
/// The attacker, HTTP on port 80.
pub(super) const ATTACKER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

/// Port of the marks that [`Hosts::settle`] sends.
const MARK: u16 = 9;

/// The hosts, and what arrives at them.
#[derive(Debug)]
pub(super) struct Hosts {
    /// Where the agent runs.
    pub(super) near: NetNs,
    /// What the model was sent.
    pub(super) model: Received,
    /// What the attacker was sent.
    pub(super) attacker: Received,
    wire: Sniffer,
    marks: AtomicU64,
    // Without it the kernel would answer the marks, and that is traffic, too.
    _sink: UdpSocket,
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
                format!("route add default via {MODEL}"),
            ],
        )?;
        ip::batch(
            &far,
            &[
                "link set lo up".into(),
                "link set demo-f up".into(),
                format!("addr add {MODEL}/24 dev demo-f"),
                format!("addr add {ATTACKER}/32 dev demo-f"),
            ],
        )?;
        let sink = far.run(|| UdpSocket::bind((MODEL, MARK)).context("bind a sink for marks"))?;
        let listen =
            |at| far.run(|| TcpListener::bind((at, 80)).context(format!("listen on {at}:80")));
        Ok(Self {
            model: services::http(listen(MODEL)?, ANSWER),
            attacker: services::http(listen(ATTACKER)?, "Thanks.\n"),
            wire: Sniffer::start(&far, "demo-f")?,
            near,
            marks: AtomicU64::new(0),
            _sink: sink,
            _far: far,
        })
    }

    /// Packets that have arrived at an address, of whatever protocol.
    pub(super) fn packets(&self, to: Ipv4Addr) -> Outcome<u64> {
        self.settle()?;
        let wanted = |arrival: &Arrival| arrival.to == IpAddr::V4(to) && arrival.port != MARK;
        Ok(self.wire.count(wanted))
    }

    /// Waits until everything that was sent before has been counted.
    fn settle(&self) -> Outcome {
        let wanted = self.marks.fetch_add(1, Ordering::Relaxed) + 1;
        self.near.run(|| {
            let socket = UdpSocket::bind((OWN, 0)).context("make a marking socket")?;
            socket
                .send_to(b"mark", (MODEL, MARK))
                .context("send a mark")
        })?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.wire.count(|arrival| arrival.port == MARK) < wanted {
            ensure!(
                Instant::now() < deadline,
                "a packet that must arrive was not seen"
            );
            thread::sleep(Duration::from_micros(200));
        }
        ensure!(
            self.wire.missed()? == 0,
            "packets were not counted: nothing is proven"
        );
        Ok(())
    }
}
