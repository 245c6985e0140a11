//! Which sockets and which of their options an agent may use at all.

/// `AF_UNIX`: decided when it connects or sends.
pub const AF_UNIX: u16 = 1;
/// `AF_INET`: decided by type and protocol, and when it connects or sends.
pub const AF_INET: u16 = 2;
/// `AF_INET6`: as `AF_INET`.
pub const AF_INET6: u16 = 10;
/// `AF_NETLINK`.
pub const AF_NETLINK: u16 = 16;
/// `NETLINK_ROUTE`, by which every program asks for addresses and interfaces.
pub const NETLINK_ROUTE: u16 = 0;

/// The allow-list of families. The others have ways out that rules cannot describe (packets, virtual machines,
/// the radio), or change the host (netfilter), or are doors into rarely used code of the kernel's.
#[inline(always)]
pub const fn is_known_family(family: u16, protocol: u16) -> bool {
    match family {
        AF_UNIX | AF_INET | AF_INET6 => true,
        AF_NETLINK => protocol == NETLINK_ROUTE,
        _ => false,
    }
}

/// Whether a message of [`NETLINK_ROUTE`] changes something, by its type (`RTM_…` of `include/uapi/linux/rtnetlink.h`): from 16 on
/// they make, remove, get and set something, in this order. Those before are about the exchange itself.
#[inline(always)]
pub const fn changes_network(message: u16) -> bool {
    message >= 16 && message & 3 != 2
}

/// Options that send packets elsewhere than the destination says: by a route of the sender's choice, by a
/// device, or in somebody else's name. Level and name (`include/uapi/asm-generic/socket.h`,
/// `include/uapi/linux/in.h`, `include/uapi/linux/in6.h`), and what records call them.
pub const DETOURS: [(u16, u16, &str); 8] = [
    (1, 25, "SO_BINDTODEVICE"),
    (1, 62, "SO_BINDTOIFINDEX"),
    (0, 4, "IP_OPTIONS"),
    (0, 19, "IP_TRANSPARENT"),
    (41, 57, "IPV6_RTHDR"),
    (41, 5, "IPV6_2292RTHDR"),
    (41, 6, "IPV6_2292PKTOPTIONS"),
    (41, 75, "IPV6_TRANSPARENT"),
];

/// Whether an option is one of the [`DETOURS`].
#[inline(always)]
pub const fn is_detour(level: u32, option: u32) -> bool {
    let mut index = 0;
    while index < DETOURS.len() {
        let (known, name, _) = DETOURS[index];
        if level == known as u32 && option == name as u32 {
            return true;
        }
        index += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_rules_can_speak_of_is_known() {
        for (family, protocol, known) in [
            (AF_UNIX, 0, true),
            (AF_INET, 6, true),
            (AF_INET6, 17, true),
            (AF_NETLINK, NETLINK_ROUTE, true),
            // Netfilter, and the destruction of sockets.
            (AF_NETLINK, 12, false),
            (AF_NETLINK, 4, false),
            // Packets, virtual machines, the kernel's ciphers, XDP, and none.
            (17, 0, false),
            (40, 0, false),
            (38, 0, false),
            (44, 0, false),
            (0, 0, false),
        ] {
            assert_eq!(is_known_family(family, protocol), known, "{family}");
        }
    }

    #[test]
    fn only_questions_change_nothing() {
        // RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETSTATS; NLMSG_NOOP, NLMSG_DONE.
        for message in [18, 22, 26, 94, 1, 3] {
            assert!(!changes_network(message), "{message}");
        }
        // RTM_NEWLINK, DELLINK, SETLINK; NEWADDR, DELADDR; NEWROUTE, DELROUTE; NEWRULE; NEWQDISC; SETDCB.
        for message in [16, 17, 19, 20, 21, 24, 25, 32, 36, 79] {
            assert!(changes_network(message), "{message}");
        }
    }

    #[test]
    fn an_option_is_known_by_its_level_too() {
        assert!(is_detour(41, 57) && is_detour(1, 25) && is_detour(0, 4));
        // SO_REUSEADDR, SO_LINGER, and IP_TTL.
        assert!(!is_detour(1, 2) && !is_detour(1, 13) && !is_detour(0, 2));
        // IPV6_RTHDR at the level of sockets, and a number that ends like one.
        assert!(!is_detour(1, 57) && !is_detour(41, 57 + (1 << 16)));
    }
}
