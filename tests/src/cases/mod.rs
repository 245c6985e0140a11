//! The cases, one file a group.

mod addresses;
mod clients;
mod commands;
mod connections;
mod datagrams;
mod demo;
mod descriptors;
mod enrolment;
mod files;
mod identity;
mod input;
mod landlock;
mod lifecycle;
mod log;
mod loopback;
mod mounts;
mod mptcp;
mod names;
mod namespaces;
mod objects;
mod outside;
mod processes;
mod protocols;
mod race;
mod reload;
mod room;
mod rules;
mod scale;
mod scopes;
mod serving;
mod sockets;
mod story;
mod systemd;
mod table;
mod uring;
mod verified;
mod watch;

use crate::harness::Group;

/// The groups that need a host that systemd runs, and change its units.
pub const SYSTEMD: &[&Group] = systemd::GROUPS;

/// Every other group, in the order in which they run.
pub const ALL: &[&Group] = &[
    &connections::GROUP,
    &addresses::GROUP,
    &datagrams::GROUP,
    &protocols::GROUP,
    &mptcp::GROUP,
    &namespaces::GROUP,
    &uring::GROUP,
    &rules::GROUP,
    &serving::GROUP,
    &loopback::GROUP,
    &race::GROUP,
    &clients::GROUP,
    &identity::GROUP,
    &enrolment::GROUP,
    &outside::GROUP,
    &files::GROUP,
    &objects::GROUP,
    &sockets::RESOLVERS,
    &demo::GROUP,
    &commands::GROUP,
    &descriptors::GROUP,
    &reload::GROUP,
    &watch::GROUP,
    &room::GROUP,
    &lifecycle::GROUP,
    &log::GROUP,
    &input::GROUP,
    &landlock::GROUP,
    &mounts::GROUP,
    &scale::GROUP,
    &verified::GROUP,
    &names::QUESTIONS,
    &names::ANSWERS,
    &names::CONNECTIONS,
    &names::TLS,
    &names::WILDCARDS,
    &names::NAMESPACES,
    &names::SERVERS,
    &names::FILES,
    &names::CLIENTS,
    &names::TUNNEL,
    &names::RELOAD,
    &names::RESTART,
    &names::EXPIRY,
    &names::CROWD,
    &names::LATENCY,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_case_can_be_named() {
        let mut names = BTreeSet::new();
        for group in super::ALL.iter().chain(super::SYSTEMD) {
            for case in group.cases {
                assert!(
                    names.insert((group.name, case.name)),
                    "{}/{}",
                    group.name,
                    case.name
                );
            }
        }
    }
}
