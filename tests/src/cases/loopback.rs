//! N29: the way out through somebody else on the same host.

use std::{
    net::{TcpListener, UdpSocket},
    time::Duration,
};

use super::{
    scopes::{GUARDED, SERVER},
    story::{has, is_emulated, only, processors, refused as is_refused, try_on, worked},
    table::{no_rule, paired, permitted, permitted_unseen, refused, scenario},
};
use crate::{
    daemon::Record,
    ensure,
    error::{Context, Outcome},
    harness::{Group, Interactive, Stage},
    world::LOCALHOST,
};

const PROXY_USER: (&str, &str) = (
    "proxy-user",
    r#"[agent]
name = "proxy-user"

[network]
allow = ["127.0.0.1:7001", "[::1]:7001"]
"#,
);

const ALONE: (&str, &str) = (
    "alone",
    r#"[agent]
name = "alone"

[network]
deny = ["127.0.0.0/8", "::1"]
"#,
);

const LOCAL6: std::net::IpAddr = std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "loopback",
    scopes: &[GUARDED, SERVER, PROXY_USER, ALONE],
    layout: None,
    internet: false,
    cases: &[
        refused("N29-service-of-the-host", "server", &["tcp", "127.0.0.1:7001"], LOCALHOST, "connect", no_rule("connect", "127.0.0.1:7001", "tcp")),
        refused("N29-service-of-the-host-v6", "server", &["tcp", "[::1]:7001"], LOCAL6, "connect", no_rule("connect", "[::1]:7001", "tcp")),
        refused("N29-service-of-the-host-udp", "server", &["udp", "127.0.0.1:7001"], LOCALHOST, "sendto", no_rule("send", "127.0.0.1:7001", "udp")),
        permitted("N29-service-by-rule", "proxy-user", &["tcp", "127.0.0.1:7001"], LOCALHOST),
        permitted("N29-service-by-rule-v6", "proxy-user", &["tcp", "[::1]:7001"], LOCAL6),
        refused("N29-rule-is-for-one-port", "proxy-user", &["tcp", "127.0.0.1:7002"], LOCALHOST, "connect", no_rule("connect", "127.0.0.1:7002", "tcp")),
        permitted_unseen("same-agent-v4", "guarded", &["loopback-pair", "127.0.0.1:0"]),
        permitted_unseen("same-agent-v6", "guarded", &["loopback-pair", "[::1]:0"]),
        deny_closes_same_agent(),
        paired("N29-other-agent", server_untagged, other_agent),
        scenario("same-agent-other-instance", other_instance),
        scenario("same-agent-datagrams", datagrams),
        scenario("same-agent-datagrams-again", datagrams_again),
        scenario("N29-port-taken-over-by-the-host", taken_over),
        scenario("N29-datagram-port-taken-over-by-the-host", datagrams_taken_over),
        paired("N29-port-taken-over-while-connecting", pending_untagged, pending),
    ],
};

/// `deny` also closes the way between processes of one agent. The port is chosen by the kernel, so the
/// record's destination is not known: the case is a story.
const fn deny_closes_same_agent() -> crate::harness::Case {
    scenario("deny-closes-same-agent", |stage| {
        let daemon = stage.daemon()?;
        let moment = daemon.moment("alone")?;
        let reading = stage.try_tagged(daemon, "alone", &["loopback-pair", "127.0.0.1:0"])?;
        is_refused(&reading, "connect")?;
        let happened = daemon.since(&moment)?;
        has(
            only(&happened)?,
            &[("reason", "rule"), ("rule", "deny 127.0.0.0/8")],
        )
    })
}

fn server_untagged(stage: &Stage) -> Outcome {
    let server = stage.begin_untagged(&["listen", "127.0.0.1:8200"])?;
    worked(&stage.try_untagged(&["tcp", "127.0.0.1:8200"])?)?;
    server.finish().map(drop)
}

/// The development server of another agent.
fn other_agent(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let server = stage.begin_tagged(daemon, "server", &["listen", "127.0.0.1:8200"])?;
    let moment = daemon.moment("guarded")?;
    is_refused(
        &stage.try_tagged(daemon, "guarded", &["tcp", "127.0.0.1:8200"])?,
        "connect",
    )?;
    ensure!(
        server.finish()?.number("accepted")? == 0,
        "the connection came about"
    );
    let happened = daemon.since(&moment)?;
    has(
        only(&happened)?,
        &[("operation", "connect"), ("destination", "127.0.0.1:8200")],
    )
}

/// Two runs of one agent.
fn other_instance(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("server")?;
    let server = stage.begin_tagged(daemon, "server", &["listen", "127.0.0.1:8200"])?;
    worked(&stage.try_tagged(daemon, "server", &["tcp", "127.0.0.1:8200"])?)?;
    worked(&server.finish()?)?;
    let records = daemon.since(&moment)?.violations;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}

fn datagrams(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("server")?;
    let server = stage.begin_tagged(daemon, "server", &["answer-udp", "127.0.0.1:8200"])?;
    worked(&stage.try_tagged(daemon, "server", &["udp-exchange", "127.0.0.1:8200"])?)?;
    worked(&server.report()?)?;
    let records = daemon.since(&moment)?.violations;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}

/// The peer is gone for a moment, in which it is not there.
fn datagrams_again(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("server")?;
    let technique = ["loopback-udp-again", "127.0.0.1:8200"];
    let reading = stage.try_tagged(daemon, "server", &technique)?;
    let is_refused = |(_, result): &&(String, String)| result != "ok";
    let refused: Vec<_> = reading.steps.iter().filter(is_refused).collect();
    ensure!(
        refused == [&("send-to-nobody".to_owned(), "EPERM".to_owned())],
        "not that one send is refused: {}",
        reading.summary()
    );
    let happened = daemon.since(&moment)?;
    has(
        only(&happened)?,
        &[("operation", "packet"), ("destination", "127.0.0.1:8200")],
    )
}

/// An agent sends to itself; then somebody else has the port, and the same socket sends on.
fn datagrams_taken_over(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    // It answers once, and ends.
    let server = stage.begin_tagged(daemon, "server", &["answer-udp", "127.0.0.1:8200"])?;
    let client = stage.begin_tagged(daemon, "server", &["udp-hold", "127.0.0.1:8200"])?;
    worked(&server.report()?)?;
    let host = stage.world.near.run(|| {
        let host = UdpSocket::bind("127.0.0.1:8200").context("take the port over")?;
        host.set_read_timeout(Some(Duration::from_millis(300)))
            .context("set a limit")?;
        Ok(host)
    })?;
    let taken = host.recv(&mut [0; 16]).ok();
    ensure!(taken.is_none(), "the host gets {taken:?} bytes");
    let reading = client.finish()?;
    ensure!(
        reading.number("refused")? > 0,
        "the sends were not refused: {:?}",
        reading.facts
    );
    Ok(())
}

/// A connection is begun to a listener that then is gone, and the host takes its port. Whether the first
/// packet, sent again, comes to the host.
fn is_accepted(stage: &Stage, probe: Interactive) -> Outcome<bool> {
    let at = format!("127.0.0.1:{}", probe.detail);
    let accepted = stage.world.near.run(|| {
        let host = TcpListener::bind(&at).context("take the port over")?;
        host.set_nonblocking(true).context("do not wait")?;
        // The kernel sends the packet again after a second, and after two more.
        let patience = if is_emulated() { 4000 } else { 1500 };
        std::thread::sleep(Duration::from_millis(patience));
        Ok(host.accept().is_ok())
    })?;
    let reading = probe.finish()?;
    ensure!(
        reading.first_error() == Some(("connect-pending", "EINPROGRESS")),
        "no connection is pending: {}",
        reading.summary()
    );
    Ok(accepted)
}

fn pending_untagged(stage: &Stage) -> Outcome {
    let probe = stage.begin_untagged(&["loopback-pending", "127.0.0.1:0"])?;
    ensure!(is_accepted(stage, probe)?, "untagged, nothing is accepted");
    Ok(())
}

fn pending(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("guarded")?;
    let probe = stage.begin_tagged(daemon, "guarded", &["loopback-pending", "127.0.0.1:0"])?;
    let at = format!("127.0.0.1:{}", probe.detail);
    ensure!(!is_accepted(stage, probe)?, "the host accepts a connection");
    let records = daemon.since(&moment)?.violations;
    let refused = |record: &&Record| record.text("destination") == at;
    ensure!(
        records.iter().filter(refused).count() == 1,
        "not one record of {at}: {records:?}"
    );
    Ok(())
}

/// The agent listened on a port and connected to it; now somebody else does.
fn taken_over(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let server = stage.begin_tagged(daemon, "guarded", &["listen", "127.0.0.1:0"])?;
    let to = format!("127.0.0.1:{}", server.detail);
    for processor in processors()? {
        let reading = try_on(stage, processor, daemon, "guarded", &["tcp", &to])?;
        worked(&reading)?;
    }
    server.finish()?;
    let host = stage
        .world
        .near
        .run(|| TcpListener::bind(&to).context("take the port over"))?;
    for processor in processors()? {
        let moment = daemon.moment("guarded")?;
        let reading = try_on(stage, processor, daemon, "guarded", &["tcp", &to])?;
        is_refused(&reading, "connect")?;
        has(
            only(&daemon.since(&moment)?)?,
            &[("operation", "connect"), ("destination", &to)],
        )?;
    }
    drop(host);
    Ok(())
}
