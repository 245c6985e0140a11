//! What a scope says is what happens: ports, protocols, prefixes, denials, modes.

use super::{
    scopes::HOLES,
    story::{has, only, processors, refused as is_refused, try_on, worked},
    table::{by_rule, no_rule, observed, permitted, refused, scenario},
};
use crate::{
    error::Outcome,
    harness::{Group, Stage},
    world::addresses::{ALLOWED4, ALLOWED6, FORBIDDEN4, FORBIDDEN6, METADATA, OTHER4},
};

const PORTS: (&str, &str) = (
    "ports",
    r#"[agent]
name = "ports"

[network]
allow = ["10.77.0.2:7010-7012", "udp://10.77.0.4", "[fd77::2/127]:7001", "169.254.169.254:7001"]
"#,
);

const OBSERVER: (&str, &str) = (
    "observer",
    r#"[agent]
name = "observer"
mode = "observe"

[network]
allow = ["10.77.0.2:7001"]
deny = ["10.77.0.4"]
"#,
);

const ELSEWHERE: (&str, &str) = (
    "elsewhere",
    r#"[agent]
name = "elsewhere"
"#,
);

const MIXED: (&str, &str) = (
    "mixed",
    r#"[agent]
name = "mixed"

[network]
allow = [
  "any://10.77.0.2",
  "any://10.77.0.4",
  { to = "10.77.0.3:7001", mode = "observe" },
]
deny = [
  { to = "10.77.0.4:7002", mode = "observe" },
  { to = "10.77.0.2:7002", mode = "enforce" },
]
"#,
);

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "rules",
    scopes: &[PORTS, HOLES, OBSERVER, MIXED, ELSEWHERE],
    layout: None,
    internet: false,
    cases: &[
        refused("range-before", "ports", &["tcp", "10.77.0.2:7009"], ALLOWED4, "connect", no_rule("connect", "10.77.0.2:7009", "tcp")),
        permitted("range-first", "ports", &["tcp", "10.77.0.2:7010"], ALLOWED4),
        permitted("range-last", "ports", &["tcp", "10.77.0.2:7012"], ALLOWED4),
        refused("range-after", "ports", &["tcp", "10.77.0.2:7013"], ALLOWED4, "connect", no_rule("connect", "10.77.0.2:7013", "tcp")),
        refused("tcp-rule-does-not-open-udp", "ports", &["udp", "10.77.0.2:7010"], ALLOWED4, "sendto", no_rule("send", "10.77.0.2:7010", "udp")),
        refused("udp-rule-does-not-open-tcp", "ports", &["tcp", "10.77.0.4:7001"], OTHER4, "connect", no_rule("connect", "10.77.0.4:7001", "tcp")),
        permitted("udp-rule-without-port", "ports", &["udp", "10.77.0.4:7013"], OTHER4),
        permitted("ipv6-prefix-first", "ports", &["tcp", "[fd77::2]:7001"], ALLOWED6),
        permitted("ipv6-prefix-last", "ports", &["tcp", "[fd77::3]:7001"], FORBIDDEN6),
        refused("ipv6-prefix-other-port", "ports", &["tcp", "[fd77::3]:7002"], FORBIDDEN6, "connect", no_rule("connect", "[fd77::3]:7002", "tcp")),
        permitted("metadata-by-rule", "ports", &["tcp", "169.254.169.254:7001"], METADATA),
        permitted("wide-allow-tcp", "holes", &["tcp", "10.77.0.2:7013"], ALLOWED4),
        permitted("wide-allow-udp", "holes", &["udp", "[fd77::2]:7013"], ALLOWED6),
        permitted("wide-allow-icmp", "holes", &["icmp", "10.77.0.2:0"], ALLOWED4),
        refused("deny-beats-allow-tcp", "holes", &["tcp", "10.77.0.3:7001"], FORBIDDEN4, "connect", by_rule("connect", "10.77.0.3:7001", "tcp", "deny 10.77.0.3")),
        refused("deny-beats-allow-udp", "holes", &["udp", "10.77.0.3:7001"], FORBIDDEN4, "sendto", by_rule("send", "10.77.0.3:7001", "udp", "deny 10.77.0.3")),
        refused("deny-beats-allow-icmp", "holes", &["icmp", "10.77.0.3:0"], FORBIDDEN4, "sendto", by_rule("packet", "10.77.0.3", "icmp", "deny 10.77.0.3")),
        refused("deny-beats-allow-ipv6", "holes", &["tcp", "[fd77::3]:7001"], FORBIDDEN6, "connect", by_rule("connect", "[fd77::3]:7001", "tcp", "deny fd77::3")),
        refused("deny-of-one-protocol", "holes", &["udp", "10.77.0.4:7002"], OTHER4, "sendto", by_rule("send", "10.77.0.4:7002", "udp", "deny udp://10.77.0.4:7002")),
        permitted("deny-of-one-protocol-leaves-others", "holes", &["tcp", "10.77.0.4:7002"], OTHER4),
        permitted("deny-of-one-port-leaves-others", "holes", &["udp", "10.77.0.4:7001"], OTHER4),
        permitted("observe-agent-allowed", "observer", &["tcp", "10.77.0.2:7001"], ALLOWED4),
        observed("observe-agent-connect", "observer", &["tcp", "10.77.0.3:7001"], FORBIDDEN4, no_rule("connect", "10.77.0.3:7001", "tcp")),
        observed("observe-agent-send", "observer", &["udp", "10.77.0.3:7001"], FORBIDDEN4, no_rule("send", "10.77.0.3:7001", "udp")),
        observed("observe-agent-denied", "observer", &["tcp", "10.77.0.4:7001"], OTHER4, by_rule("connect", "10.77.0.4:7001", "tcp", "deny 10.77.0.4")),
        observed("observe-rule-allow", "mixed", &["tcp", "10.77.0.3:7001"], FORBIDDEN4, by_rule("connect", "10.77.0.3:7001", "tcp", "allow 10.77.0.3:7001")),
        observed("observe-rule-deny", "mixed", &["tcp", "10.77.0.4:7002"], OTHER4, by_rule("connect", "10.77.0.4:7002", "tcp", "deny 10.77.0.4:7002")),
        refused("observe-rule-leaves-enforced-deny", "mixed", &["tcp", "10.77.0.2:7002"], ALLOWED4, "connect", by_rule("connect", "10.77.0.2:7002", "tcp", "deny 10.77.0.2:7002")),
        scenario("what-is-reached-opens-nothing-else", nothing_else),
        refused("observe-rule-leaves-the-rest", "mixed", &["tcp", "10.77.0.3:7002"], FORBIDDEN4, "connect", no_rule("connect", "10.77.0.3:7002", "tcp")),
    ],
};

/// A destination was just reached from this processor; others that differ in one thing are not, nor is
/// it by another agent.
fn nothing_else(stage: &Stage) -> Outcome {
    const REACHED: &str = "10.77.0.2:7010";
    let others = [
        ("ports", "tcp", "10.77.0.2:7013", "connect"),
        ("ports", "tcp", "10.77.0.4:7010", "connect"),
        ("ports", "udp", REACHED, "sendto"),
        ("elsewhere", "tcp", REACHED, "connect"),
    ];
    let daemon = stage.daemon()?;
    for processor in processors()? {
        for (agent, technique, to, call) in others {
            worked(&try_on(
                stage,
                processor,
                daemon,
                "ports",
                &["tcp", REACHED],
            )?)?;
            let moment = daemon.moment(agent)?;
            let reading = try_on(stage, processor, daemon, agent, &[technique, to])?;
            is_refused(&reading, call)?;
            has(only(&daemon.since(&moment)?)?, &[("destination", to)])?;
        }
    }
    Ok(())
}
