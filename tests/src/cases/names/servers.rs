//! Real name servers behind the daemon, and the stub that many hosts have.

use super::{
    scopes::NAMED,
    steps::{allowing, bytes},
};
use crate::{
    cases::{
        story::worked,
        table::{paired, scenario},
    },
    daemon::Daemon,
    ensure,
    error::Outcome,
    harness::{Group, Stage},
    internet::{NameServer, addresses, name_server},
    probe::Reading,
};

pub(in crate::cases) const GROUP: Group = Group {
    name: "names-servers",
    scopes: &[NAMED],
    layout: None,
    internet: true,
    cases: &[
        paired(
            "unbound",
            |stage| unbound(stage, false),
            |stage| unbound(stage, true),
        ),
        paired(
            "dnsmasq",
            |stage| dnsmasq(stage, false),
            |stage| dnsmasq(stage, true),
        ),
        paired("D05-stub-on-loopback", stub_untagged, stub),
        scenario("first-server-is-silent", second_server),
    ],
};

const AGENT: &str = "asking";

/// A daemon that asks these servers.
fn daemon(stage: &Stage, servers: &[&str], rules: &[&str]) -> Outcome<Daemon> {
    let mut settings = stage.settings();
    settings.arguments.clear();
    for server in servers {
        settings
            .arguments
            .extend(["--upstream".into(), (*server).into()]);
    }
    Daemon::start(settings, &[(AGENT, &allowing(AGENT, rules))])
}

/// Asks, of the server itself or as an agent.
fn ask(stage: &Stage, daemon: Option<&Daemon>, words: &[&str]) -> Outcome<Reading> {
    let reading = match daemon {
        Some(daemon) => stage.try_tagged(daemon, AGENT, words)?,
        None => stage.try_untagged(words)?,
    };
    worked(&reading)?;
    Ok(reading)
}

/// A fact, as text.
fn fact(reading: &Reading, name: &str) -> String {
    let value = reading.facts.get(name);
    value.map_or(String::new(), |value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    })
}

/// Answers that must be the same of the server and through the resolver: transport, name, type, form, and addresses.
fn agree(
    stage: &Stage,
    daemon: Option<&Daemon>,
    server: &NameServer,
    questions: &[(&str, &str, &str, &str, &str)],
) -> Outcome {
    let at = name_server(server.address).to_string();
    for (transport, name, kind, form, addresses) in questions {
        let reading = ask(stage, daemon, &["dns", transport, &at, name, kind, form])?;
        ensure!(
            fact(&reading, "code") == "NOERROR" && fact(&reading, "addresses") == *addresses,
            "{transport} {name} {kind} {form}: {:?}",
            reading.facts
        );
    }
    Ok(())
}

fn unbound(stage: &Stage, tagged: bool) -> Outcome {
    let server = NameServer::unbound(&stage.world)?;
    let at = name_server(server.address).to_string();
    let rules = [
        "\"*.real.example:7001\"",
        "{ to = \"text.real.example:7001\", types = [\"TXT\"] }",
    ];
    let daemon = if tagged {
        Some(daemon(stage, &[&at], &rules)?)
    } else {
        None
    };
    let questions = [
        ("udp", "api.real.example", "A", "plain", "198.51.100.10"),
        ("tcp", "api.real.example", "A", "plain", "198.51.100.10"),
        ("udp", "api.real.example", "AAAA", "edns", "2001:db8:51::10"),
        ("udp", "API.real.EXAMPLE", "A", "mixed", "198.51.100.10"),
        // Four names, of two zones.
        ("udp", "alias.real.example", "A", "edns", "198.51.100.20"),
        ("udp", "a.wild.real.example", "A", "edns", "198.51.100.30"),
        ("udp", "api.real.example", "A", "signed", "198.51.100.10"),
    ];
    agree(stage, daemon.as_ref(), &server, &questions)?;
    let missing = ["dns", "udp", &at, "missing.real.example", "A"];
    let missing = ask(stage, daemon.as_ref(), &missing)?;
    ensure!(fact(&missing, "code") == "NXDOMAIN", "{:?}", missing.facts);
    // More than a datagram holds: it says so, and TCP has it all.
    let large = ["dns", "udp", &at, "large.real.example", "A", "plain"];
    let large = ask(stage, daemon.as_ref(), &large)?;
    ensure!(
        fact(&large, "truncated") == "true" && large.number("size")? <= 512,
        "{:?}",
        large.facts
    );
    let large = ["dns", "tcp", &at, "large.real.example", "A", "plain"];
    let large = ask(stage, daemon.as_ref(), &large)?;
    ensure!(
        fact(&large, "addresses").split(' ').count() == usize::from(addresses::CROWD_SIZE),
        "{:?}",
        large.facts
    );
    let text = ["dns", "udp", &at, "text.real.example", "TXT", "edns"];
    let text = ask(stage, daemon.as_ref(), &text)?;
    ensure!(fact(&text, "types") == "16", "{:?}", text.facts);
    let Some(daemon) = daemon else {
        return Ok(());
    };
    // Whatever else is in the zone.
    let before = bytes(stage, addresses::CDN, 7001)?;
    worked(&stage.try_tagged(
        &daemon,
        AGENT,
        &["name-tcp", &at, "alias.real.example", "7001"],
    )?)?;
    stage.world.settle()?;
    ensure!(
        bytes(stage, addresses::CDN, 7001)? > before,
        "the alias is not reached"
    );
    let other = ["dns", "udp", &at, "www.other.example", "A"];
    let other = ask(stage, Some(&daemon), &other)?;
    ensure!(fact(&other, "code") == "REFUSED", "{:?}", other.facts);
    Ok(())
}

fn dnsmasq(stage: &Stage, tagged: bool) -> Outcome {
    let server = NameServer::dnsmasq(&stage.world)?;
    let at = name_server(server.address).to_string();
    let daemon = if tagged {
        Some(daemon(stage, &[&at], &["\"*.masq.example:7001\""])?)
    } else {
        None
    };
    let questions = [
        ("udp", "api.masq.example", "A", "plain", "198.51.100.10"),
        ("tcp", "api.masq.example", "AAAA", "edns", "2001:db8:51::10"),
        ("udp", "alias.masq.example", "A", "edns", "198.51.100.20"),
        (
            "udp",
            "a.b.wild.masq.example",
            "A",
            "mixed",
            "198.51.100.30",
        ),
    ];
    agree(stage, daemon.as_ref(), &server, &questions)
}

const STUB: &str = "127.0.0.53:53";
const SECRET: &str = "c0ffee5ec2e7.tunnel.example";

/// The stub asks for whatever it is asked.
fn stub_untagged(stage: &Stage) -> Outcome {
    let _stub = NameServer::stub(&stage.world)?;
    let before = stage.internet()?.says(&stage.world, "c0ffee5ec2e7")?;
    for transport in ["udp", "udp-sendto", "tcp"] {
        let reading = ask(stage, None, &["dns", transport, STUB, SECRET, "A"])?;
        ensure!(fact(&reading, "code") == "NOERROR", "{:?}", reading.facts);
    }
    let after = stage.internet()?.says(&stage.world, "c0ffee5ec2e7")?;
    ensure!(after > before, "untagged, nothing leaves");
    Ok(())
}

fn stub(stage: &Stage) -> Outcome {
    let _stub = NameServer::stub(&stage.world)?;
    let daemon = stage.daemon()?;
    let internet = stage.internet()?;
    for transport in ["udp", "udp-sendto", "tcp"] {
        let good = ["dns", transport, STUB, "api.agents.example", "A"];
        let good = stage.try_tagged(daemon, "named", &good)?;
        ensure!(
            fact(&good, "code") == "NOERROR"
                && (transport == "udp-sendto" || fact(&good, "from") == STUB),
            "{transport}: {:?}",
            good.facts
        );
        let (moment, before) = (
            daemon.moment("named")?,
            internet.says(&stage.world, "c0ffee5ec2e7")?,
        );
        let bad = stage.try_tagged(daemon, "named", &["dns", transport, STUB, SECRET, "A"])?;
        ensure!(
            fact(&bad, "code") == "REFUSED",
            "{transport}: {:?}",
            bad.facts
        );
        let after = internet.says(&stage.world, "c0ffee5ec2e7")?;
        ensure!(after == before, "{transport}: the name leaves");
        super::steps::are_of(&daemon.since(&moment)?.violations, SECRET)?;
    }
    Ok(())
}

/// Nobody answers at the first; the second is asked in time.
fn second_server(stage: &Stage) -> Outcome {
    let servers = ["198.51.100.200:53", "198.51.100.53:53"];
    let daemon = daemon(stage, &servers, &["\"*.agents.example:7001\""])?;
    let words = ["name-tcp", "198.51.100.53:53", "api.agents.example", "7001"];
    worked(&stage.try_tagged(&daemon, AGENT, &words)?)
}
