//! Two network namespaces and a veth pair between them, without anything that listens in: a packet
//! socket would be part of every measurement.

use std::{fs, net::Ipv4Addr};

use crate::{
    error::{Context, Outcome},
    world::{NetNs, ip},
};

/// Where the workers are.
const NEAR: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 1);
/// Where the servers are.
pub(super) const FAR: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 2);

/// The two hosts.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) near: NetNs,
    pub(super) far: NetNs,
}

impl Link {
    pub(super) fn new() -> Outcome<Self> {
        let (near, far) = (NetNs::new()?, NetNs::new()?);
        far.run(|| {
            // The server closes first, and a run opens some 100 000 connections.
            let setting = "/proc/sys/net/ipv4/tcp_max_tw_buckets";
            fs::write(setting, "2000000").context(format!("set {setting}"))
        })?;
        let (device, peer) = ("bench-a", "bench-f");
        let netns = far.path().display().to_string();
        ip::batch(
            &near,
            &[
                "link set lo up".into(),
                format!("link add {device} type veth peer name {peer} netns {netns}"),
                format!("addr add {NEAR}/24 dev {device}"),
                format!("link set {device} up"),
            ],
        )?;
        ip::batch(
            &far,
            &[
                "link set lo up".into(),
                format!("addr add {FAR}/24 dev {peer}"),
                format!("link set {peer} up"),
            ],
        )?;
        Ok(Self { near, far })
    }
}
