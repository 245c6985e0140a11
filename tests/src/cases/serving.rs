//! N28: being reached instead of reaching out.

use std::net::SocketAddr;

use super::{
    scopes::{GUARDED, HOLES},
    story::{has, only, pull, refused as is_refused, worked},
    table::{no_rule, paired, permitted_unseen, refused_unseen, scenario},
};
use crate::{
    ensure,
    error::{Context, Outcome},
    harness::{Group, Interactive, Stage},
    sys,
    world::addresses::{ALLOWED4, FORBIDDEN4, NEAR4},
};

const LISTENER: (&str, &str) = (
    "listener",
    r#"[agent]
name = "listener"

[network]
listen = ["0.0.0.0:8100", "udp://0.0.0.0:8101", "10.77.0.1:8102-8104"]
"#,
);

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "serving",
    scopes: &[GUARDED, HOLES, LISTENER],
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
        scenario("N28-listen-rule", listen_rule),
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
