//! N28: being reached instead of reaching out.

use std::net::{IpAddr, SocketAddr};

use super::{
    scopes::{GUARDED, HOLES},
    story::{
        has, only, processors, pull, pull_fast, pull_from, refused as is_refused, try_on, worked,
    },
    table::{no_rule, paired, permitted_unseen, refused_unseen, scenario},
};
use crate::{
    ensure,
    error::{Context, Outcome},
    harness::{Group, Interactive, Stage},
    sys,
    world::addresses::{ALLOWED4, FORBIDDEN4, METADATA, NEAR4, OTHER4, PORT},
};

const LISTENER: (&str, &str) = (
    "listener",
    r#"[agent]
name = "listener"

[network]
listen = ["0.0.0.0:8100", "udp://0.0.0.0:8101", "10.77.0.1:8102-8104"]
"#,
);

const ANYWHERE: (&str, &str) = (
    "anywhere",
    r#"[agent]
name = "anywhere"

[network]
listen = ["0.0.0.0:1024-65535"]
"#,
);

/// The kernel chooses no such port.
const LOW_PORTS: (&str, &str) = (
    "low-ports",
    r#"[agent]
name = "low-ports"

[network]
listen = ["0.0.0.0:1-1023"]
"#,
);

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "serving",
    scopes: &[GUARDED, HOLES, LISTENER, ANYWHERE, LOW_PORTS],
    layout: None,
    internet: false,
    cases: &[
        permitted_unseen("bind-any-port", "guarded", &["bind", "10.77.0.1:0"]),
        permitted_unseen("bind-allowed", "listener", &["bind", "0.0.0.0:8100"]),
        permitted_unseen("bind-allowed-address", "listener", &["bind", "10.77.0.1:8100"]),
        permitted_unseen("bind-allowed-udp", "listener", &["bind-udp", "0.0.0.0:8101"]),
        permitted_unseen("bind-allowed-range", "listener", &["bind", "10.77.0.1:8104"]),
        refused_unseen("bind-without-rule", "guarded", &["bind", "10.77.0.1:8100"], "bind", no_rule("bind", "10.77.0.1:8100", "tcp")),
        refused_unseen("bind-every-address", "guarded", &["bind", "0.0.0.0:8100"], "bind", no_rule("bind", "0.0.0.0:8100", "tcp")),
        refused_unseen("bind-udp", "guarded", &["bind-udp", "10.77.0.1:8100"], "bind", no_rule("bind", "10.77.0.1:8100", "udp")),
        refused_unseen("bind-ipv6", "guarded", &["bind", "[fd77::1]:8100"], "bind", no_rule("bind", "[fd77::1]:8100", "tcp")),
        refused_unseen("bind-every-ipv6", "listener", &["bind", "[::]:8100"], "bind", no_rule("bind", "[::]:8100", "tcp")),
        refused_unseen("bind-other-port", "listener", &["bind", "0.0.0.0:8105"], "bind", no_rule("bind", "0.0.0.0:8105", "tcp")),
        refused_unseen("bind-wider-than-rule", "listener", &["bind", "0.0.0.0:8102"], "bind", no_rule("bind", "0.0.0.0:8102", "tcp")),
        refused_unseen("bind-other-protocol", "listener", &["bind-udp", "0.0.0.0:8100"], "bind", no_rule("bind", "0.0.0.0:8100", "udp")),
        paired("N28-pulled-from-outside", pulled_untagged, pulled_from_outside),
        scenario("N28-bound-to-any-port", bound_to_any_port),
        scenario("N28-unbound-on-another-port", unbound_elsewhere),
        scenario("N28-listen-rule", listen_rule),
        scenario("N28-listen-rule-unbound", listen_rule_unbound),
        paired("N28-listen-rule-fastopen", fast_open_untagged, listen_rule_fast_open),
        scenario("N28-fastopen-without-rule", fast_open_without_rule),
        scenario("N28-fastopen-unbound", fast_open_unbound),
        scenario("N28-answered-peer-is-no-destination", answered_peer),
        scenario("N28-peer-in-allow", peer_in_allow),
        scenario("N28-peer-in-deny", peer_in_deny),
        paired("N28-datagram-answer", answer_untagged, answer_refused),
        scenario("N28-datagram-answer-on-listen-port", answer_on_listen_port),
    ],
};

/// Where a probe listens.
fn place(probe: &Interactive) -> Outcome<SocketAddr> {
    let port: u16 = probe
        .detail
        .parse()
        .map_err(std::io::Error::other)
        .context("read the port")?;
    Ok(SocketAddr::new(NEAR4, port))
}

fn pulled_untagged(stage: &Stage) -> Outcome {
    let probe = stage.begin_untagged(&["listen-unbound", "0.0.0.0:0"])?;
    let taken = pull(&stage.world, FORBIDDEN4, place(&probe)?)?;
    ensure!(
        taken.as_deref() == Some(b"secret"),
        "untagged, the peer gets {taken:?}"
    );
    probe.finish().map(drop)
}

/// Nothing is given away, and there is one record with the peer.
fn nothing_pulled(stage: &Stage, agent: &str, technique: &[&str]) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment(agent)?;
    let probe = stage.begin_tagged(daemon, agent, technique)?;
    let taken = pull(&stage.world, FORBIDDEN4, place(&probe)?)?;
    ensure!(taken.is_none(), "the peer gets {taken:?}");
    let reading = probe.finish()?;
    ensure!(
        reading.number("accepted")? == 0,
        "the connection came about: {reading:?}"
    );
    let happened = daemon.since(&moment)?;
    let record = only(&happened)?;
    has(
        record,
        &[
            ("agent", agent),
            ("operation", "packet"),
            ("verdict", "refused"),
        ],
    )?;
    has(record, &[("protocol", "tcp"), ("dst_ip", "10.77.0.3")])
}

fn pulled_from_outside(stage: &Stage) -> Outcome {
    nothing_pulled(stage, "guarded", &["listen-unbound", "0.0.0.0:0"])
}

fn bound_to_any_port(stage: &Stage) -> Outcome {
    nothing_pulled(stage, "guarded", &["listen", "10.77.0.1:0"])
}

fn peer_in_deny(stage: &Stage) -> Outcome {
    nothing_pulled(stage, "holes", &["listen", "0.0.0.0:0"])
}

fn answered(stage: &Stage, agent: &str, technique: &[&str]) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment(agent)?;
    let probe = stage.begin_tagged(daemon, agent, technique)?;
    let taken = pull(&stage.world, ALLOWED4, place(&probe)?)?;
    ensure!(
        taken.as_deref() == Some(b"secret"),
        "the peer gets {taken:?}"
    );
    worked(&probe.finish()?)?;
    let records = daemon.since(&moment)?.violations;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}

fn listen_rule(stage: &Stage) -> Outcome {
    answered(stage, "listener", &["listen", "0.0.0.0:8100"])
}

fn unbound_elsewhere(stage: &Stage) -> Outcome {
    nothing_pulled(stage, "low-ports", &["listen-unbound", "0.0.0.0:0"])
}

fn listen_rule_unbound(stage: &Stage) -> Outcome {
    answered(stage, "anywhere", &["listen-unbound", "0.0.0.0:0"])
}

const FAST_OPEN: &[&str] = &["listen-fastopen", "0.0.0.0:8100"];
/// A service of the agents' own host, which gives the cookie.
const KNOWN: SocketAddr = SocketAddr::new(NEAR4, PORT);

/// The peer is answered, and its data was taken with the first packet.
fn is_fast(stage: &Stage, probe: Interactive) -> Outcome {
    let (taken, fast) = pull_fast(&stage.world, FORBIDDEN4, KNOWN, place(&probe)?)?;
    ensure!(
        taken.as_deref() == Some(b"secret"),
        "the peer gets {taken:?}"
    );
    ensure!(fast, "the data is not taken with the first packet");
    worked(&probe.finish()?)
}

fn fast_open_untagged(stage: &Stage) -> Outcome {
    is_fast(stage, stage.begin_untagged(FAST_OPEN)?)
}

/// The first packet of such a connection that leaves is that of the accepted socket, not the listener's.
fn listen_rule_fast_open(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("listener")?;
    is_fast(stage, stage.begin_tagged(daemon, "listener", FAST_OPEN)?)?;
    let records = daemon.since(&moment)?.violations;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}

/// Nothing is given to a peer whose data is in the first packet. A peer that was not answered does not
/// try that again soon, so each case has its own.
fn nothing_pulled_fast(stage: &Stage, peer: IpAddr, agent: &str, technique: &[&str]) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment(agent)?;
    let probe = stage.begin_tagged(daemon, agent, technique)?;
    let (taken, _) = pull_fast(&stage.world, peer, KNOWN, place(&probe)?)?;
    ensure!(taken.is_none(), "the peer gets {taken:?}");
    probe.finish()?;
    let happened = daemon.since(&moment)?;
    let Some(record) = happened.violations.first() else {
        return crate::error::failed("there is no record");
    };
    has(
        record,
        &[("operation", "packet"), ("dst_ip", &peer.to_string())],
    )
}

fn fast_open_without_rule(stage: &Stage) -> Outcome {
    nothing_pulled_fast(
        stage,
        OTHER4,
        "guarded",
        &["listen-fastopen", "10.77.0.1:0"],
    )
}

/// The listener has sent nothing when the first packet leaves.
fn fast_open_unbound(stage: &Stage) -> Outcome {
    nothing_pulled_fast(
        stage,
        METADATA,
        "low-ports",
        &["listen-unbound-fastopen", "0.0.0.0:0"],
    )
}

/// That the agent may answer a peer does not mean that it may connect to it.
fn answered_peer(stage: &Stage) -> Outcome {
    const PEER: &str = "10.77.0.3:7300";
    let daemon = stage.daemon()?;
    let probe = stage.begin_tagged(daemon, "listener", &["listen", "0.0.0.0:8100"])?;
    let from = PEER.parse().map_err(std::io::Error::other)?;
    let taken = pull_from(&stage.world, from, place(&probe)?)?;
    ensure!(
        taken.as_deref() == Some(b"secret"),
        "the peer gets {taken:?}"
    );
    worked(&probe.finish()?)?;
    for processor in processors()? {
        let moment = daemon.moment("listener")?;
        is_refused(
            &try_on(stage, processor, daemon, "listener", &["tcp", PEER])?,
            "connect",
        )?;
        has(
            only(&daemon.since(&moment)?)?,
            &[("operation", "connect"), ("destination", PEER)],
        )?;
    }
    Ok(())
}

fn peer_in_allow(stage: &Stage) -> Outcome {
    answered(stage, "holes", &["listen", "0.0.0.0:0"])
}

/// A datagram from the forbidden host; what comes back.
fn ask(stage: &Stage, to: SocketAddr) -> Outcome<Option<usize>> {
    stage.world.far.run(|| {
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        sys::bind(&socket, &SocketAddr::new(FORBIDDEN4, 0).into())?;
        sys::timeouts(&socket, std::time::Duration::from_millis(500))?;
        sys::send_to(&socket, b"give", 0, Some(&to.into()))?;
        Ok(sys::recv(&socket, &mut [0; 64]).ok())
    })
}

fn answer_untagged(stage: &Stage) -> Outcome {
    let probe = stage.begin_untagged(&["answer-udp", "10.77.0.1:0"])?;
    let answer = ask(stage, place(&probe)?)?;
    ensure!(answer == Some(6), "untagged, the peer gets {answer:?}");
    worked(&probe.report()?)
}

fn answer(stage: &Stage, agent: &str, local: &str) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment(agent)?;
    let probe = stage.begin_tagged(daemon, agent, &["answer-udp", local])?;
    let to = place(&probe)?;
    let given = ask(stage, to)?;
    ensure!(given.is_none(), "the peer gets {given:?} bytes");
    is_refused(&probe.report()?, "sendto")?;
    let happened = daemon.since(&moment)?;
    has(
        only(&happened)?,
        &[
            ("operation", "send"),
            ("protocol", "udp"),
            ("dst_ip", "10.77.0.3"),
        ],
    )
}

fn answer_refused(stage: &Stage) -> Outcome {
    answer(stage, "guarded", "10.77.0.1:0")
}

fn answer_on_listen_port(stage: &Stage) -> Outcome {
    answer(stage, "listener", "0.0.0.0:8101")
}
