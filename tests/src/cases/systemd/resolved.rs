//! D05: systemd's resolver, by its stub, by its plugin of the C library, by nscd and by the bus. It answers for the whole host: an
//! agent must not get at names through it, and must find those of its scope all the same.

use std::{
    fs,
    process::{Command, Output},
    time::Duration,
};

use crate::{
    cases::{
        story::{allowing, eventually, installed, worked},
        table::{paired, scenario},
    },
    daemon::Record,
    ensure,
    error::{Context, Error, Outcome},
    harness::{Group, Stage},
    host::process::{self, Running},
    probe::Reading,
    systemd::{Service, systemctl, try_systemctl},
    world::ip,
};

const AGENT: &str = "asking";
const UNIT: &str = "systemd-resolved.service";
const STUB: &str = "127.0.0.53:53";
const GOOD: &str = "api.agents.example";
const SECRET: &str = "c0ffee5ec2e7.tunnel.example";
const NSCD: &str = "/run/nscd/socket";
const LIMIT: Duration = Duration::from_mins(3);
/// What the machine's resolver asks.
const CONFIGURATION: &str =
    "[Resolve]\nDNS=198.51.100.53\nDomains=~.\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\nCache=no\n";
const DROP_IN: &str = "/run/systemd/resolved.conf.d";

pub(super) const GROUP: Group = Group {
    name: "resolved",
    scopes: &[],
    layout: None,
    internet: true,
    cases: &[
        paired(
            "D05-stub",
            |stage| stub(stage, false),
            |stage| stub(stage, true),
        ),
        paired(
            "D05-nss-resolve",
            |stage| plugin(stage, false),
            |stage| plugin(stage, true),
        ),
        paired(
            "D05-nscd",
            |stage| cached(stage, false),
            |stage| cached(stage, true),
        ),
        paired(
            "D05-bus",
            |stage| bus(stage, false),
            |stage| bus(stage, true),
        ),
        scenario("upstream-is-found", upstream),
    ],
};

/// The machine itself is on the Internet of the stage, its resolver asks there, and the daemon finds out by itself.
fn begin(stage: &Stage) -> Outcome<Service> {
    if !try_systemctl(&["cat", UNIT])?.status.success() {
        return Err(Error::Skipped(format!("this machine has no {UNIT}")));
    }
    let here = crate::world::NetNs::open("/proc/self/ns/net".as_ref())?;
    let far = stage.world.far.path().display().to_string();
    let known = here.run(|| Ok(crate::sys::index_of("agt-host").is_ok()))?;
    if !known {
        ip::batch(
            &here,
            &[
                "link set lo up".into(),
                format!("link add agt-host type veth peer name agt-hostf netns {far}"),
                "addr add 10.79.0.1/24 dev agt-host".into(),
                "link set agt-host up".into(),
            ],
        )?;
        ip::batch(
            &stage.world.far,
            &[
                "addr add 10.79.0.2/24 dev agt-hostf".into(),
                "link set agt-hostf up".into(),
            ],
        )?;
        ip::batch(&here, &["route add 198.51.100.0/24 via 10.79.0.2".into()])?;
    }
    fs::create_dir_all(DROP_IN).context("make a directory")?;
    fs::write(format!("{DROP_IN}/suite.conf"), CONFIGURATION).context("configure the resolver")?;
    // Each case starts it anew, which is more often than systemd likes.
    systemctl(&["reset-failed", UNIT])?;
    systemctl(&["restart", UNIT])?;
    eventually("systemd's resolver answers", || {
        let reading = probe(stage, false, &["dns", "udp", STUB, GOOD, "A"])?;
        Ok(code(&reading) == "NOERROR")
    })?;
    let text = allowing(AGENT, &["*.agents.example:7001"]);
    Service::with(&[(AGENT, &text)])
}

fn command(tagged: bool, words: &[&str]) -> Outcome<Output> {
    let (program, rest) = match (tagged, words) {
        (true, words) => ("agentguard", [&["run", AGENT, "--"], words].concat()),
        (false, [program, rest @ ..]) => (*program, rest.to_vec()),
        (false, []) => return crate::error::failed("there is no program"),
    };
    let mut command = Command::new(program);
    process::output(command.args(rest), LIMIT)
}

fn probe(stage: &Stage, tagged: bool, technique: &[&str]) -> Outcome<Reading> {
    let program = stage.program().display().to_string();
    let output = command(tagged, &[&[program.as_str(), "probe"], technique].concat())?;
    ensure!(output.status.success(), "the probe ends so: {output:?}");
    Reading::parse(&String::from_utf8_lossy(&output.stdout))
}

fn code(reading: &Reading) -> &str {
    let code = reading.facts.get("code");
    code.and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// How often the secret was asked for out there.
fn asked(stage: &Stage) -> Outcome<usize> {
    Ok(stage.internet()?.names.asked(SECRET).len())
}

fn stub(stage: &Stage, tagged: bool) -> Outcome {
    let _service = begin(stage)?;
    for transport in ["udp", "udp-sendto", "tcp"] {
        let good = probe(stage, tagged, &["dns", transport, STUB, GOOD, "A"])?;
        ensure!(code(&good) == "NOERROR", "{transport}: {:?}", good.facts);
        let before = asked(stage)?;
        let bad = probe(stage, tagged, &["dns", transport, STUB, SECRET, "A"])?;
        let (wanted, leaves) = if tagged {
            ("REFUSED", false)
        } else {
            ("NOERROR", true)
        };
        ensure!(
            code(&bad) == wanted && (asked(stage)? > before) == leaves,
            "{transport}: {:?}",
            bad.facts
        );
    }
    if tagged {
        worked(&probe(stage, true, &["name-tcp", STUB, GOOD, "7001"])?)?;
    }
    Ok(())
}

/// `nss-resolve` speaks with the resolver by a Unix socket; where it cannot, the C library asks by itself.
fn plugin(stage: &Stage, tagged: bool) -> Outcome {
    let _service = begin(stage)?;
    let switch = fs::read_to_string("/etc/nsswitch.conf").context("read nsswitch.conf")?;
    if !switch.contains("resolve") {
        return Err(Error::Skipped("this machine has no nss-resolve".into()));
    }
    found(stage, tagged)
}

/// The C library finds the name of the scope for everybody, and the other one not for an agent.
fn found(stage: &Stage, tagged: bool) -> Outcome {
    let good = command(tagged, &["getent", "ahosts", GOOD])?;
    ensure!(
        String::from_utf8_lossy(&good.stdout).contains("198.51.100.10"),
        "getent {GOOD}: {good:?}"
    );
    let before = asked(stage)?;
    let bad = command(tagged, &["getent", "ahosts", SECRET])?;
    ensure!(
        bad.status.success() != tagged && (asked(stage)? > before) != tagged,
        "getent {SECRET}: {bad:?}"
    );
    Ok(())
}

/// nscd asks in the place of whoever asks it.
fn cached(stage: &Stage, tagged: bool) -> Outcome {
    let service = begin(stage)?;
    let program = installed(&["/usr/sbin/nscd"])?;
    let _nscd = Running::start(Command::new(program).arg("--foreground"))?;
    eventually("nscd answers", || {
        Ok(std::os::unix::net::UnixStream::connect(NSCD).is_ok())
    })?;
    let mark = service.mark(AGENT)?;
    found(stage, tagged)?;
    let is_refused = |record: &Record| record.text("path") == NSCD;
    ensure!(
        service.since(&mark)?.violations.iter().any(is_refused) == tagged,
        "who is refused nscd has a record, and nobody else"
    );
    Ok(())
}

/// `resolvectl` speaks with it by Varlink or by the bus, and has nothing else.
fn bus(stage: &Stage, tagged: bool) -> Outcome {
    let _service = begin(stage)?;
    let call = [
        "busctl",
        "call",
        "org.freedesktop.resolve1",
        "/org/freedesktop/resolve1",
        "org.freedesktop.resolve1.Manager",
        "ResolveHostname",
        "isit",
        "0",
        SECRET,
        "2",
        "0",
    ];
    for words in [&["resolvectl", "--legend=no", "query", SECRET][..], &call] {
        let before = asked(stage)?;
        let output = command(tagged, words)?;
        ensure!(
            output.status.success() != tagged && (asked(stage)? > before) != tagged,
            "{}: {output:?}",
            words[0]
        );
    }
    Ok(())
}

/// Nobody says to the daemon whom to ask; it asks whom the host asks, and not the stub, which would be a way round.
fn upstream(stage: &Stage) -> Outcome {
    let service = begin(stage)?;
    service.restart()?;
    worked(&probe(
        stage,
        true,
        &["name-tcp", STUB, "other.agents.example", "7001"],
    )?)
}
