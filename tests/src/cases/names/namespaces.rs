//! Agents in network namespaces of their own.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{
    scopes::NAMED,
    table::{expected, refused},
};
use crate::{
    cases::{story::worked, table::paired},
    ensure,
    error::Outcome,
    harness::{Far, Group, Stage},
    internet::addresses,
    probe::Reading,
    world::{NetNs, ip},
};

const S: &str = "198.51.100.53:53";

// One line a case.
#[rustfmt::skip]
pub(in crate::cases) const GROUP: Group = Group {
    name: "names-namespaces",
    scopes: &[NAMED],
    layout: None,
    internet: true,
    cases: &[
        paired("container", |stage| container(stage, false), |stage| container(stage, true)),
        // Nobody has a resolver where a process has just made a namespace, and nothing but it may be asked.
        refused("D04-in-a-namespace-of-its-own", "named", &["dns-own-namespace", "127.0.0.1:53", "api.agents.example"], Far::Nowhere, ("connect", "EPERM"), expected("connect", "no-resolver", &[("destination", "127.0.0.1:53")])),
    ],
};

/// A network namespace with a device of its own, as containers have: names work, and are contained.
fn container(stage: &Stage, tagged: bool) -> Outcome {
    let guest = guest(stage)?;
    let run = |technique: &[&str]| -> Outcome<Reading> {
        let mut command = if tagged {
            stage.daemon()?.run_as("named", &guest, stage.program())
        } else {
            guest.command(stage.program())
        };
        command.arg("probe").args(technique);
        let output = crate::host::process::output(&mut command, std::time::Duration::from_mins(1))?;
        ensure!(output.status.success(), "the probe ends so: {output:?}");
        Reading::parse(&String::from_utf8_lossy(&output.stdout))
    };
    let before = super::steps::bytes(stage, addresses::API, 7001)?;
    worked(&run(&["name-tcp", S, "api.agents.example", "7001"])?)?;
    stage.world.settle()?;
    ensure!(
        super::steps::bytes(stage, addresses::API, 7001)? > before,
        "nothing arrives"
    );
    let asked = || -> Outcome<usize> {
        let names = &stage.internet()?.names;
        Ok(names.asked("c0ffee5ec2e7.tunnel.example").len())
    };
    let before = asked()?;
    let reading = run(&["dns", "udp", S, "c0ffee5ec2e7.tunnel.example", "A"])?;
    let code = reading
        .facts
        .get("code")
        .and_then(serde_json::Value::as_str);
    if !tagged {
        ensure!(
            code == Some("NOERROR") && asked()? > before,
            "untagged: {:?}",
            reading.facts
        );
        return Ok(());
    }
    ensure!(
        code == Some("REFUSED") && asked()? == before,
        "{:?}",
        reading.facts
    );
    let reading = run(&["tcp", "198.51.100.50:7001"])?;
    crate::cases::story::refused(&reading, "connect")
}

/// Another host beside the agents' one, joined to the far one.
fn guest(stage: &Stage) -> Outcome<NetNs> {
    static MADE: AtomicU32 = AtomicU32::new(0);

    // The last one's devices go a moment after it.
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    let guest = NetNs::new()?;
    let name = format!("agt-{}{made}", std::process::id());
    let (device, peer) = (format!("{name}-g"), format!("{name}-h"));
    let far = stage.world.far.path().display().to_string();
    ip::batch(
        &guest,
        &[
            "link set lo up".into(),
            format!("link add {device} type veth peer name {peer} netns {far}"),
            format!("addr add 10.78.{made}.1/24 dev {device}"),
            format!("link set {device} up"),
        ],
    )?;
    ip::batch(
        &stage.world.far,
        &[
            format!("addr add 10.78.{made}.2/24 dev {peer}"),
            format!("link set {peer} up"),
        ],
    )?;
    ip::batch(&guest, &[format!("route add default via 10.78.{made}.2")])?;
    Ok(guest)
}
