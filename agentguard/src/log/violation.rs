//! The record of a refusal.

use std::{borrow::Cow, path::Path};

use agentguard_common::{
    decision::{Action, Reason},
    event::{Event, Operation},
    path::Access,
    tls::Kind,
};
use serde::Serialize;

use super::socket::{family, has_ports, ip, option, protocol, record_type, socket_type};
use crate::{events::enrich::ProcessFacts, identity::unit_name::unit_of_cgroup};

/// What an event does not say itself.
#[derive(Clone, Copy, Debug)]
pub struct ViolationContext<'a> {
    /// Name of the agent.
    pub agent: &'a str,
    /// Its owner.
    pub owner: Option<&'a str>,
    /// What followed the event: the path or the name that it is about.
    pub text: &'a [u8],
    /// The names that the destination was learned for.
    pub names: Option<&'a str>,
    /// The rule that decided.
    pub rule: Option<RuleRef<'a>>,
    /// What `/proc` says of the process.
    pub process: Option<&'a ProcessFacts>,
    /// Path of the event's cgroup, from the root of cgroup v2. Without it, the process's is taken.
    pub cgroup: Option<&'a str>,
}

/// A rule, as the operator wrote it.
#[derive(Clone, Copy, Debug)]
pub struct RuleRef<'a> {
    /// The list it is in and its text: `deny 10.20.6.0/24`.
    pub text: &'a str,
    /// The file.
    pub file: &'a Path,
    /// The line in the file, from 1.
    pub line: u32,
}

/// A refusal, or what would have been one. A fact that is not known has no key.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are the record's, which docs/violation-log.md describes"
)]
pub struct Violation {
    pub verdict: &'static str,
    pub operation: &'static str,
    pub agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    pub reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_type: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_type: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_pid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ppid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmdline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exited: bool,
}

impl Violation {
    /// The record of an event.
    pub fn new(event: &Event, context: &ViolationContext<'_>) -> Self {
        let has_task = event.pid != 0;
        let process = context.process;
        let cgroup = context
            .cgroup
            .or_else(|| process.and_then(|p| p.cgroup.as_deref()));
        let mut violation = Self {
            verdict: if event.action == Action::Observe as u8 {
                "observed"
            } else {
                "refused"
            },
            operation: Operation::from_number(event.operation).map_or("unknown", Operation::name),
            agent: context.agent.to_owned(),
            owner: known(context.owner),
            instance: (event.instance != 0).then(|| event.instance.to_string()),
            reason: Reason::from_number(event.reason).map_or("unknown", Reason::name),
            rule: context.rule.map(|rule| rule.text.to_owned()),
            rule_file: context
                .rule
                .map(|rule| rule.file.to_string_lossy().into_owned()),
            rule_line: context.rule.map(|rule| rule.line),
            policy: (event.policy != 0).then_some(event.policy),
            pid: has_task.then_some(event.pid),
            tid: has_task.then_some(event.tid),
            ppid: process.and_then(|p| p.ppid),
            uid: has_task.then_some(event.uid),
            comm: has_task
                .then(|| comm(&event.comm))
                .and_then(|c| known(Some(&c))),
            exe: known(process.and_then(|p| p.exe.as_deref())),
            cmdline: known(process.and_then(|p| p.cmdline.as_deref())),
            cgroup: known(cgroup),
            unit: known(cgroup.and_then(unit)),
            exited: process.is_some_and(|p| p.exited),
            ..Self::default()
        };
        let is_move = event.operation == Operation::Cgroup as u8;
        let is_name = [Operation::Resolve as u8, Operation::Tls as u8].contains(&event.operation);
        let text = || String::from_utf8_lossy(context.text).into_owned();
        violation.name = context.names.map(str::to_owned);
        if event.text != 0 && is_name {
            violation.name = Some(text());
        } else if event.text != 0 {
            violation.path = Some(text());
            // Of a cgroup that a process came to, nothing was asked for.
            violation.access = Access::from_number(event.access)
                .filter(|access| !is_move || *access != Access::Read)
                .map(Access::name);
        }
        violation.set_object(event);
        violation
    }

    /// What it is about, apart from a path.
    fn set_object(&mut self, event: &Event) {
        use Operation::{
            Bind, Bpf, Cgroup, Connect, Netlink, Option, Packet, Resolve, Send, Signal, Socket,
            Tls, Trace,
        };

        let numbers = event.address;
        let operation = Operation::from_number(event.operation);
        if matches!(operation, Some(Tls)) {
            self.hello = Kind::from_number(event.access).map(Kind::name);
        }
        match operation {
            Some(Connect | Send | Bind | Packet | Tls) => {
                self.protocol = Some(protocol(event.socket_type, event.protocol));
                self.socket_type = Some(socket_type(event.socket_type));
                self.set_destination(event);
            }
            Some(Resolve) => {
                self.record_type = Some(record_type(event.socket_type));
                // Of an answer that was not believed.
                self.dst_ip = (event.reason == Reason::Rebinding as u8).then(|| ip(event.address));
            }
            Some(Socket) => {
                self.family = family(event.family);
                self.protocol = Some(if self.family.is_none() {
                    protocol(event.socket_type, event.protocol)
                } else {
                    event.protocol.to_string().into()
                });
                self.socket_type = Some(socket_type(event.socket_type));
            }
            Some(Option) => self.option = Some(option(numbers.hi, numbers.lo)),
            Some(Cgroup) if numbers.lo == 0 => {}
            Some(Trace | Cgroup) => self.target_pid = Some(numbers.lo),
            Some(Signal) => {
                self.target_pid = Some(numbers.lo);
                // The owner of a descriptor gets what the kernel chooses.
                self.signal = (numbers.hi != 0).then_some(numbers.hi);
            }
            Some(Bpf) => self.command = Some(numbers.hi),
            Some(Netlink) => {
                self.command = Some(numbers.hi);
                self.protocol = Some(numbers.lo.to_string().into());
            }
            _ => {}
        }
    }

    fn set_destination(&mut self, event: &Event) {
        let ip = ip(event.address);
        if !has_ports(event.socket_type, event.protocol) {
            self.destination = Some(ip.clone());
        } else if event.address.v4().is_some() {
            self.destination = Some(format!("{ip}:{}", event.port));
            self.dst_port = Some(event.port);
        } else {
            self.destination = Some(format!("[{ip}]:{}", event.port));
            self.dst_port = Some(event.port);
        }
        self.dst_ip = Some(ip);
    }

    /// The texts that can be cut, in the order in which they are.
    pub(super) fn texts(&mut self) -> Vec<(&'static str, &mut String)> {
        [
            ("cmdline", &mut self.cmdline),
            ("path", &mut self.path),
            ("name", &mut self.name),
            ("exe", &mut self.exe),
            ("cgroup", &mut self.cgroup),
            ("unit", &mut self.unit),
            ("comm", &mut self.comm),
            ("rule", &mut self.rule),
            ("rule_file", &mut self.rule_file),
            ("owner", &mut self.owner),
        ]
        .into_iter()
        .filter_map(|(name, field)| Some((name, field.as_mut()?)))
        .chain([("agent", &mut self.agent)])
        .collect()
    }
}

/// An empty text is a fact that is not known.
fn known(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn comm(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// The nearest service or scope of systemd in a cgroup's path.
fn unit(cgroup: &str) -> Option<&str> {
    cgroup.rsplit('/').map(unit_of_cgroup).find(|name| {
        [".service", ".scope"]
            .iter()
            .any(|suffix| name.len() > suffix.len() && name.ends_with(suffix))
    })
}

#[cfg(test)]
mod tests {
    use agentguard_common::address::Address;

    use super::*;

    fn with(address: Address, socket_type: u16, protocol: u16, port: u16) -> Violation {
        let event = Event {
            address,
            socket_type,
            protocol,
            port,
            operation: Operation::Connect as u8,
            ..Event::default()
        };
        Violation::new(&event, &context(b""))
    }

    fn context(text: &[u8]) -> ViolationContext<'_> {
        ViolationContext {
            agent: "a",
            owner: Some(""),
            text,
            names: None,
            rule: None,
            process: None,
            cgroup: None,
        }
    }

    #[test]
    fn destinations_are_written_as_in_rules() {
        let v4 = Address::from_v4(0x0a00_0001);
        let v6 = Address::from_v6(0x2001_0db8_0000_0000, 1);
        for (address, socket_type, protocol, destination, port) in [
            (v4, 1, 6, "10.0.0.1:443", Some(443)),
            (v6, 1, 6, "[2001:db8::1]:443", Some(443)),
            (v4, 2, 1, "10.0.0.1", None),
            (v6, 2, 58, "2001:db8::1", None),
            (v4, 3, 6, "10.0.0.1", None),
            (v4, 1, 262, "10.0.0.1:443", Some(443)),
        ] {
            let violation = with(address, socket_type, protocol, 443);
            assert_eq!(violation.destination.as_deref(), Some(destination));
            assert_eq!(violation.dst_port, port);
            assert!(violation.dst_ip.is_some_and(|ip| destination.contains(&ip)));
        }
    }

    #[test]
    fn a_name_is_no_path() {
        for (operation, text, record_type, destination) in [
            (Operation::Resolve, "example.com", Some("AAAA"), None),
            (Operation::Tls, "example.com", None, Some("10.0.0.1:443")),
            (Operation::Tls, "", None, Some("10.0.0.1:443")),
        ] {
            let is_tls = operation == Operation::Tls;
            let event = Event {
                address: Address::from_v4(0x0a00_0001),
                port: 443,
                socket_type: if is_tls { 1 } else { 28 },
                protocol: if is_tls { 6 } else { 0 },
                reason: Reason::Rebinding as u8,
                operation: operation as u8,
                access: Kind::Encrypted as u8,
                text: u16::try_from(text.len()).unwrap(),
                ..Event::default()
            };
            let violation = Violation::new(&event, &context(text.as_bytes()));
            assert_eq!(violation.name.as_deref().unwrap_or_default(), text);
            assert_eq!((violation.path, violation.access), (None, None));
            assert_eq!(violation.hello, is_tls.then_some("encrypted"));
            assert_eq!(violation.record_type.as_deref(), record_type);
            assert_eq!(violation.destination.as_deref(), destination);
            assert_eq!(violation.dst_ip.as_deref(), Some("10.0.0.1"));
        }
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let violation = with(Address::from_v4(1), 1, 6, 0);
        assert_eq!(
            (violation.owner, violation.pid, violation.uid),
            (None, None, None)
        );
        assert_eq!(
            (violation.comm, violation.policy, violation.instance),
            (None, None, None)
        );
    }

    #[test]
    fn a_unit_is_the_nearest_one() {
        for (cgroup, expected) in [
            ("/system.slice/bot.service", Some("bot.service")),
            (
                "/user.slice/user@0.service/app.slice/run-1.scope/x/y",
                Some("run-1.scope"),
            ),
            ("/system.slice/_io.service", Some("io.service")),
            ("/agents.slice/research", None),
            ("/.service/.scope", None),
            ("/", None),
        ] {
            assert_eq!(unit(cgroup), expected, "{cgroup}");
        }
    }
}
