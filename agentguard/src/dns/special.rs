//! Addresses that a public name has no business with.

use agentguard_common::address::Address;

/// Prefixes of addresses that are private, of the host, of the link, or not those of one host, in canonical form.
///
/// From the IANA registries of special-purpose addresses. Those for documentation are not among them: nothing answers
/// there.
const V4: [(u32, u32); 14] = [
    (0x0000_0000, 8),  // this network
    (0x0a00_0000, 8),  // private
    (0x6440_0000, 10), // carrier-grade NAT; Alibaba's metadata
    (0x7f00_0000, 8),  // loopback
    (0xa83f_8110, 32), // Azure's host, 168.63.129.16
    (0xa9fe_0000, 16), // link-local; metadata of most clouds
    (0xac10_0000, 12), // private
    (0xc000_0000, 24), // protocol assignments; Oracle's metadata
    (0xc058_6300, 24), // 6to4 relays
    (0xc0a8_0000, 16), // private
    (0xc612_0000, 15), // benchmarks
    (0xe000_0000, 4),  // multicast
    (0xf000_0000, 4),  // reserved
    (0xffff_ffff, 32), // broadcast
];

/// As [`V4`]: the first 64 bits, and how many of them count.
const V6: [(u64, u32); 8] = [
    (0x0064_ff9b_0001_0000, 48), // NAT64, local
    (0x0100_0000_0000_0000, 64), // discard
    (0x2001_0000_0000_0000, 32), // Teredo, which embeds IPv4 addresses
    (0x5f00_0000_0000_0000, 16), // segment routing
    (0xfc00_0000_0000_0000, 7),  // unique local; Amazon's metadata
    (0xfe80_0000_0000_0000, 10), // link-local
    (0xfec0_0000_0000_0000, 10), // site-local
    (0xff00_0000_0000_0000, 8),  // multicast
];

/// Whether an address is special, or embeds one that is.
pub(super) fn is_special(address: Address) -> bool {
    let address = address.canonical();
    if let Some(v4) = address.v4() {
        return V4
            .iter()
            .any(|&(prefix, bits)| (v4 ^ prefix) >> (32 - bits) == 0);
    }
    // The first 96 bits are 0: unspecified, loopback, and the deprecated form that embeds IPv4 addresses (RFC 4291).
    if address.hi == 0 {
        return true;
    }
    V6.iter()
        .any(|&(prefix, bits)| (address.hi ^ prefix) >> (64 - bits) == 0)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::dns::name::address_of;

    fn special(text: &str) -> bool {
        is_special(address_of(text.parse::<IpAddr>().unwrap()))
    }

    #[test]
    fn what_is_of_the_host_or_of_a_private_network_is_special() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.251",
            "239.1.2.3",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::192.168.0.1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "100::1",
            "2001:0:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::fb",
            "5f00::1",
        ] {
            assert!(special(text), "{text}");
        }
    }

    #[test]
    fn what_is_public_is_not_special() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.15",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "192.0.2.1",
            "2606:4700::1111",
            "2001:db8::1",
            "2001:4860:4860::8888",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "::ffff:8.8.8.8",
            "fbff::1",
        ] {
            assert!(!special(text), "{text}");
        }
    }
}
