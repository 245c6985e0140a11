//! How records name sockets and addresses.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
};

use agentguard_common::{
    address::Address,
    protocol::{ICMP, ICMPV6, TCP, UDP},
    socket::{AF_INET, AF_INET6, DETOURS},
};

pub(super) fn ip(address: Address) -> String {
    address.v4().map_or_else(
        || {
            let bits = (u128::from(address.hi) << 64) | u128::from(address.lo);
            Ipv6Addr::from(bits).to_string()
        },
        |v4| Ipv4Addr::from(v4).to_string(),
    )
}

const SOCK_STREAM: u16 = 1;
const SOCK_DGRAM: u16 = 2;
const SOCK_RAW: u16 = 3;

pub(super) fn socket_type(number: u16) -> Cow<'static, str> {
    match number {
        SOCK_STREAM => "stream".into(),
        SOCK_DGRAM => "dgram".into(),
        SOCK_RAW => "raw".into(),
        4 => "rdm".into(),
        5 => "seqpacket".into(),
        6 => "dccp".into(),
        10 => "packet".into(),
        other => other.to_string().into(),
    }
}

pub(super) fn protocol(socket_type: u16, number: u16) -> Cow<'static, str> {
    match (socket_type, number) {
        (SOCK_RAW, _) => "raw".into(),
        (SOCK_STREAM, 0) => "tcp".into(),
        (SOCK_DGRAM, 0) => "udp".into(),
        (_, 33) => "dccp".into(),
        (_, 115) => "l2tp".into(),
        (_, 132) => "sctp".into(),
        (_, 136) => "udplite".into(),
        (_, 262) => "mptcp".into(),
        (_, other) => match u8::try_from(other) {
            Ok(ICMP | ICMPV6) => "icmp".into(),
            Ok(TCP) => "tcp".into(),
            Ok(UDP) => "udp".into(),
            _ => other.to_string().into(),
        },
    }
}

/// The name of an address family that is not the Internet's (`include/linux/socket.h`).
pub(super) fn family(number: u16) -> Option<Cow<'static, str>> {
    Some(match number {
        // Of a program on Internet sockets only.
        AF_INET | AF_INET6 => return None,
        1 => "unix".into(),
        3 => "ax25".into(),
        4 => "ipx".into(),
        5 => "appletalk".into(),
        9 => "x25".into(),
        15 => "key".into(),
        16 => "netlink".into(),
        17 => "packet".into(),
        21 => "rds".into(),
        24 => "pppox".into(),
        29 => "can".into(),
        30 => "tipc".into(),
        31 => "bluetooth".into(),
        33 => "rxrpc".into(),
        38 => "alg".into(),
        39 => "nfc".into(),
        40 => "vsock".into(),
        41 => "kcm".into(),
        42 => "qipcrtr".into(),
        43 => "smc".into(),
        44 => "xdp".into(),
        45 => "mctp".into(),
        other => other.to_string().into(),
    })
}

/// The name of a socket option.
pub(super) fn option(level: u64, number: u64) -> Cow<'static, str> {
    DETOURS
        .iter()
        .find(|(known, option, _)| (u64::from(*known), u64::from(*option)) == (level, number))
        .map_or_else(
            || format!("{level}/{number}").into(),
            |(_, _, name)| (*name).into(),
        )
}

/// The name of a type of DNS records, as RFC 3597 writes one that has none here.
pub(super) fn record_type(number: u16) -> Cow<'static, str> {
    match number {
        1 => "A".into(),
        2 => "NS".into(),
        5 => "CNAME".into(),
        6 => "SOA".into(),
        10 => "NULL".into(),
        12 => "PTR".into(),
        15 => "MX".into(),
        16 => "TXT".into(),
        28 => "AAAA".into(),
        33 => "SRV".into(),
        35 => "NAPTR".into(),
        43 => "DS".into(),
        48 => "DNSKEY".into(),
        52 => "TLSA".into(),
        64 => "SVCB".into(),
        65 => "HTTPS".into(),
        251 => "IXFR".into(),
        252 => "AXFR".into(),
        255 => "ANY".into(),
        257 => "CAA".into(),
        other => format!("TYPE{other}").into(),
    }
}

pub(super) fn has_ports(socket_type: u16, number: u16) -> bool {
    matches!(
        protocol(socket_type, number).as_ref(),
        "tcp" | "udp" | "sctp" | "dccp" | "udplite" | "mptcp"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_and_options_have_their_names() {
        assert_eq!((family(AF_INET), family(AF_INET6)), (None, None));
        assert_eq!(family(40).as_deref(), Some("vsock"));
        assert_eq!(family(99).as_deref(), Some("99"));
        assert_eq!(option(41, 57), "IPV6_RTHDR");
        assert_eq!(option(41, 1), "41/1");
    }

    #[test]
    fn record_types_have_their_names() {
        assert_eq!(
            (record_type(1), record_type(28)),
            ("A".into(), "AAAA".into())
        );
        assert_eq!(record_type(65_280), "TYPE65280");
    }

    #[test]
    fn protocols_have_their_names() {
        for (socket_type, number, name, type_name) in [
            (1, 0, "tcp", "stream"),
            (1, 6, "tcp", "stream"),
            (2, 0, "udp", "dgram"),
            (2, 17, "udp", "dgram"),
            (2, 1, "icmp", "dgram"),
            (2, 58, "icmp", "dgram"),
            (3, 1, "raw", "raw"),
            (3, 255, "raw", "raw"),
            (1, 132, "sctp", "stream"),
            (5, 132, "sctp", "seqpacket"),
            (6, 33, "dccp", "dccp"),
            (2, 136, "udplite", "dgram"),
            (2, 115, "l2tp", "dgram"),
            (1, 262, "mptcp", "stream"),
            (7, 47, "47", "7"),
            (1, 300, "300", "stream"),
        ] {
            assert_eq!(
                (
                    &*protocol(socket_type, number),
                    &*super::socket_type(socket_type)
                ),
                (name, type_name)
            );
        }
    }
}
