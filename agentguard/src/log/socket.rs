//! How records name sockets and addresses.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
};

use agentguard_common::{
    address::Address,
    protocol::{ICMP, ICMPV6, TCP, UDP},
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
