//! N04: a peer that announces another address, to which the kernel then goes on its own.

use std::{net::SocketAddr, time::Duration};

use super::{
    scopes::HOLES,
    story::{refused as is_refused, stopped, worked},
    table::paired,
};
use crate::{
    ensure,
    error::{Context, Error, Outcome},
    harness::{Group, Stage},
    sys,
    world::{
        NetNs,
        addresses::{ALLOWED4, FORBIDDEN4},
        ip,
    },
};

const PORT: u16 = 7100;

pub(super) const GROUP: Group = Group {
    name: "mptcp",
    scopes: &[HOLES],
    layout: None,
    internet: false,
    cases: &[paired("N04-announced-address", control, scenario)],
};

/// The far host speaks MPTCP on one port and announces the forbidden address; both sides accept
/// such announcements.
fn announce(stage: &Stage) -> Outcome<std::os::fd::OwnedFd> {
    let limits = "limits set subflow 4 add_addr_accepted 4";
    let world = &stage.world;
    let mptcp = |side: &NetNs, command: &str| ip::batch(side, &[format!("mptcp {command}")]);
    mptcp(&world.near, limits)?;
    mptcp(&world.far, limits)?;
    // The second case finds it there already.
    drop(mptcp(
        &world.far,
        &format!("endpoint add {FORBIDDEN4} signal"),
    ));
    world.far.run(|| {
        let listener = sys::socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP)
            .map_err(|error| Error::Skipped(format!("this kernel has no MPTCP: {error}")))?;
        sys::set_flag(&listener, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        sys::bind(&listener, &SocketAddr::new(ALLOWED4, PORT).into()).context("bind MPTCP")?;
        sys::listen(&listener)?;
        sys::timeouts(&listener, Duration::from_secs(3))?;
        Ok(listener)
    })
}

/// Answers on the connections that the technique makes.
fn serve(listener: &std::os::fd::OwnedFd) {
    let mut buffer = [0; 64];
    for _ in 0..2 {
        let Ok(peer) = sys::accept(listener) else {
            return;
        };
        while let Ok(len @ 1..) = sys::recv(&peer, &mut buffer) {
            if sys::send_to(&peer, &buffer[..len], 0, None).is_err() {
                break;
            }
        }
    }
}

const TECHNIQUE: &[&str] = &["mptcp-subflow", "10.77.0.2:7100"];

fn control(stage: &Stage) -> Outcome {
    let listener = announce(stage)?;
    stage.world.settle()?;
    let before = stage.world.arrivals(FORBIDDEN4);
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&listener));
        worked(&stage.try_untagged(TECHNIQUE)?)
    })?;
    drop(listener);
    stage.world.settle()?;
    ensure!(
        stage.world.arrivals(FORBIDDEN4) > before,
        "untagged, the kernel does not follow the announcement"
    );
    Ok(())
}

/// The agent may reach the announcing host by every protocol, and not the announced one.
fn scenario(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let listener = announce(stage)?;
    let fields = [
        ("operation", "socket"),
        ("protocol", "mptcp"),
        ("reason", "protocol"),
    ];
    stopped(stage, daemon, "holes", &fields, || {
        is_refused(&stage.try_tagged(daemon, "holes", TECHNIQUE)?, "socket")?;
        drop(listener);
        Ok(())
    })
    .map(drop)
}
