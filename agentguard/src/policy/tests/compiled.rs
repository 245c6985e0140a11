//! The rows that a scope becomes.

use std::{fmt::Write, path::Path, time::Instant};

use agentguard_common::{
    address::Address,
    limits::{MAX_RULES, MAX_SECTION_ROWS},
    protocol::{Protocol, port_key},
    rules::RuleSet,
    scope::{
        ALLOW_ROW, DENY_ROW, FLAG_ICMP, FLAG_NAMES, FLAG_OBSERVE, FLAG_OBSERVED_RULES,
        FLAG_SOCKETS, HEADER_ROWS, HTTPS_ROW, Header, LISTEN_ROW, OBSERVE_ROW, Row, TLS_ROW,
    },
};

use super::{network, scope};
use crate::policy::{Compiled, Scope, parse};

fn compile(scope: &Scope) -> Compiled {
    crate::policy::compile(scope).unwrap()
}

fn set(rules: &[u16]) -> RuleSet {
    let mut set = RuleSet::EMPTY;
    for rule in rules {
        set.insert(*rule);
    }
    set
}

fn sections(compiled: &Compiled) -> (&[Row], &[Row]) {
    let header = compiled.header();
    let rows = &compiled.rows()[HEADER_ROWS as usize..];
    assert_eq!(
        rows.len(),
        usize::from(header.addresses) + usize::from(header.ports)
    );
    rows.split_at(header.addresses.into())
}

fn v4(address: &str) -> Address {
    Address::from_v4(address.parse::<std::net::Ipv4Addr>().unwrap().to_bits())
}

fn v6(address: &str) -> Address {
    let bytes = address.parse::<std::net::Ipv6Addr>().unwrap().octets();
    let half = |range: std::ops::Range<usize>| u64::from_be_bytes(bytes[range].try_into().unwrap());
    Address::from_v6(half(0..8), half(8..16))
}

fn port(protocol: Protocol, port: u16) -> Address {
    Address {
        hi: 0,
        lo: port_key(protocol, port),
    }
}

#[test]
fn rows_are_intervals() {
    let compiled = compile(&network(
        "deny = [\"10.1.0.0/16\"]\nallow = [\"10.0.0.0/8:80-90\", \"udp://[2001:db8::/32]:53\"]\n\
         listen = [{ at = \"127.0.0.1:8080\", mode = \"observe\" }]",
    ));
    let lists: Vec<_> = compiled.rows()[..4].iter().map(|row| row.rules).collect();
    assert_eq!(lists[DENY_ROW as usize], set(&[0]));
    assert_eq!(lists[ALLOW_ROW as usize], set(&[1, 2]));
    assert_eq!(lists[LISTEN_ROW as usize], set(&[3]));
    assert_eq!(lists[OBSERVE_ROW as usize], set(&[3]));

    let (addresses, ports) = sections(&compiled);
    let row = |key, rules: &[u16]| Row {
        key,
        rules: set(rules),
    };
    assert_eq!(
        addresses,
        [
            row(Address::MIN, &[]),
            row(v4("10.0.0.0"), &[1]),
            row(v4("10.1.0.0"), &[0, 1]),
            row(v4("10.2.0.0"), &[1]),
            row(v4("11.0.0.0"), &[]),
            row(v4("127.0.0.1"), &[3]),
            row(v4("127.0.0.2"), &[]),
            row(v6("2001:db8::"), &[2]),
            row(v6("2001:db9::"), &[]),
        ]
    );
    assert_eq!(
        ports,
        [
            row(Address::MIN, &[]),
            row(port(Protocol::Icmp, 0), &[0]),
            row(Address { hi: 0, lo: 2 << 16 }, &[]),
            row(port(Protocol::Tcp, 0), &[0]),
            row(port(Protocol::Tcp, 80), &[0, 1]),
            row(port(Protocol::Tcp, 91), &[0]),
            row(port(Protocol::Tcp, 8080), &[0, 3]),
            row(port(Protocol::Tcp, 8081), &[0]),
            row(Address { hi: 0, lo: 7 << 16 }, &[]),
            row(port(Protocol::Udp, 0), &[0]),
            row(port(Protocol::Udp, 53), &[0, 2]),
            row(port(Protocol::Udp, 54), &[0]),
            row(
                Address {
                    hi: 0,
                    lo: 18 << 16
                },
                &[]
            ),
        ]
    );
}

#[test]
fn short_ipv6_prefixes_leave_ipv4_out() {
    let compiled = compile(&network("allow = [\"::/0\"]"));
    let (addresses, _) = sections(&compiled);
    let row = |key, rules: &[u16]| Row {
        key,
        rules: set(rules),
    };
    assert_eq!(
        addresses,
        [
            row(Address::MIN, &[0]),
            row(v4("0.0.0.0"), &[]),
            row(v6("::1:0:0:0"), &[0])
        ]
    );
    // This one ends where IPv4 ends.
    let compiled = compile(&network("allow = [\"::/80\"]"));
    assert_eq!(
        sections(&compiled).0,
        [row(Address::MIN, &[0]), row(v4("0.0.0.0"), &[])]
    );
    let everywhere = compile(&network("listen = [\"[::]:80\"]"));
    assert_eq!(sections(&everywhere).0, [row(Address::MIN, &[0])]);
}

#[test]
fn equal_neighbours_are_merged() {
    let compiled = compile(&network(
        "allow = [\"10.0.0.0/9:1-10\", \"10.128.0.0/9:11-20\"]\ndeny = [\"0.0.0.0/0\", \"0.0.0.0/0\"]",
    ));
    let (addresses, _) = sections(&compiled);
    let keys: Vec<_> = addresses.iter().map(|row| row.key).collect();
    let after = v6("::1:0:0:0");
    assert_eq!(
        keys,
        [
            Address::MIN,
            v4("0.0.0.0"),
            v4("10.0.0.0"),
            v4("10.128.0.0"),
            v4("11.0.0.0"),
            after
        ]
    );
}

#[test]
fn flags_say_what_the_rules_need() {
    let flags = |lines: &str| compile(&network(lines)).header().flags;
    assert_eq!(flags("allow = [\"10.0.0.1\"]"), 0);
    assert_eq!(flags("allow = [\"icmp://10.0.0.1\"]"), FLAG_ICMP);
    assert_eq!(flags("allow = [\"any://10.0.0.1\"]"), FLAG_ICMP);
    assert_eq!(flags("allow = [\"any://10.0.0.1:80\"]"), 0);
    assert_eq!(flags("deny = [\"10.0.0.1\", \"icmp://10.0.0.1\"]"), 0);
    assert_eq!(flags("listen = [\"any://10.0.0.1\"]"), 0);
    assert_eq!(
        flags("deny = [{ to = \"10.0.0.1\", mode = \"observe\" }]"),
        FLAG_OBSERVED_RULES
    );
    let observing = "[agent]\nname = \"a\"\nmode = \"observe\"\n";
    assert_eq!(compile(&scope(observing)).header().flags, FLAG_OBSERVE);
}

#[test]
fn an_empty_scope_has_both_sections() {
    let compiled = compile(&scope("[agent]\nname = \"a\"\n"));
    let header = Header {
        addresses: 1,
        ports: 1,
        ..Header::default()
    };
    assert_eq!(compiled.header(), header);
    assert_eq!(compiled.rows()[1..], [Row::default(); 7]);
}

#[test]
fn rules_by_name_are_on_the_port_axis_only() {
    let compiled = compile(&network(
        "allow = [\"a.example:443\", { to = \"b.example:8443\", tls = true }, \
         { to = \"c.example:443\", tls = \"any\" }, \"udp://d.example:443\", \"any://e.example\"]\n\
         deny = [{ to = \"f.example\", mode = \"observe\" }]",
    ));
    let rules = |row: u32| compiled.rows()[row as usize].rules;
    assert_eq!(rules(ALLOW_ROW), set(&[0, 1, 2, 3, 4]));
    assert_eq!(rules(DENY_ROW), set(&[5]));
    assert_eq!(rules(OBSERVE_ROW), set(&[5]));
    assert_eq!(rules(HTTPS_ROW), set(&[0, 1, 4]));
    assert_eq!(rules(TLS_ROW), set(&[1]));
    let flags = FLAG_NAMES | FLAG_OBSERVED_RULES | FLAG_ICMP | FLAG_SOCKETS;
    assert_eq!(compiled.header().flags, flags);

    let (addresses, ports) = sections(&compiled);
    assert_eq!(addresses, [Row::default()]);
    let at = |protocol, number| {
        let key = port(protocol, number);
        let row = ports
            .iter()
            .rev()
            .find(|row| (row.key.hi, row.key.lo) <= (key.hi, key.lo));
        row.unwrap().rules
    };
    assert_eq!(at(Protocol::Tcp, 443), set(&[0, 2, 4, 5]));
    assert_eq!(at(Protocol::Tcp, 8443), set(&[1, 4, 5]));
    assert_eq!(at(Protocol::Udp, 443), set(&[3, 4, 5]));
    assert_eq!(at(Protocol::Icmp, 0), set(&[4, 5]));
}

#[test]
fn the_version_is_stamped() {
    let mut compiled = compile(&network("allow = [\"10.0.0.1\"]"));
    let (header, rows) = (compiled.header(), compiled.rows().to_vec());
    compiled.set_version(7);
    assert_eq!(
        compiled.header(),
        Header {
            version: 7,
            ..header
        }
    );
    assert_eq!(compiled.rows()[0].rules, rows[0].rules);
    assert_eq!(compiled.rows()[1..], rows[1..]);
}

/// As many rules as a scope can have, each with ends of its own on both axes.
fn worst(name: usize) -> String {
    let mut items = String::new();
    for rule in 0..MAX_RULES {
        let port = 1 + rule * 100;
        // A prefix of each family that others do not touch, and every rule for two protocols.
        let host = match rule {
            1 => "[::/79]".to_owned(),
            rule if rule % 2 == 0 => format!("[2001:db8:{rule:x}:8000::/65]"),
            _ => format!("10.{rule}.2.0/24"),
        };
        writeln!(items, "  \"any://{host}:{port}-{}\",", port + 50).unwrap();
    }
    format!("[agent]\nname = \"a{name}\"\n[network]\ndeny = [\n{items}]\n")
}

#[test]
fn the_worst_scope_fits_its_sections() {
    let header = compile(&scope(&worst(0))).header();
    // Two ends a rule, where IPv4 begins and ends, and the beginning, which `::/79` shares.
    assert_eq!(header.addresses, 514);
    // Two ends a rule and protocol, and the beginning.
    assert_eq!(header.ports, 1025);
    // Rules without a port add at most the six ends of the protocols themselves, and every short
    // IPv6 prefix shares the two ends of IPv4.
    let addresses = u32::try_from(1 + 2 * MAX_RULES + 2).unwrap();
    let ports = u32::try_from(1 + 4 * MAX_RULES + 6).unwrap();
    assert!(u32::from(header.addresses) <= addresses && addresses <= MAX_SECTION_ROWS);
    assert!(u32::from(header.ports) <= ports && ports <= MAX_SECTION_ROWS);
}

#[test]
fn a_thousand_scopes_are_compiled_in_a_moment() {
    let texts: Vec<_> = (0..1000).map(worst).collect();
    let start = Instant::now();
    let rows: usize = texts
        .iter()
        .map(|text| {
            compile(&parse(Path::new("a.toml"), text).unwrap())
                .rows()
                .len()
        })
        .sum();
    let elapsed = start.elapsed();
    assert_eq!(rows, 1000 * (HEADER_ROWS as usize + 514 + 1025));
    let limit = if cfg!(debug_assertions) { 60.0 } else { 2.0 };
    assert!(elapsed.as_secs_f64() < limit, "{elapsed:?}");
}
