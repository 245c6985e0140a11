//! Addresses, in the one form in which they are compared.

/// An IPv4 or IPv6 address as a 128-bit number: `hi` holds the first eight bytes of the IPv6
/// form, `lo` the last eight, both in host byte order. An IPv4 address has its mapped form
/// (`::ffff:a.b.c.d`), so that one table serves both families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct Address {
    /// First eight bytes.
    pub hi: u64,
    /// Last eight bytes.
    pub lo: u64,
}

const _: () = assert!(size_of::<Address>() == 16);

/// `::ffff:0:0/96`, where IPv4 addresses live.
const MAPPED: u64 = 0x0000_ffff_0000_0000;
/// The 96 bits of `64:ff9b::/96` that are in `hi` (RFC 6052).
const NAT64: u64 = 0x0064_ff9b_0000_0000;
/// The first 48 bits of `64:ff9b:1::/48`, for local use (RFC 8215).
const NAT64_LOCAL: u64 = 0x0064_ff9b_0001_0000;

impl Address {
    /// The lowest address.
    pub const MIN: Self = Self { hi: 0, lo: 0 };

    /// An IPv4 address from its four bytes as a number in host byte order.
    #[inline(always)]
    pub const fn from_v4(address: u32) -> Self {
        Self {
            hi: 0,
            lo: MAPPED | address as u64,
        }
    }

    /// An address from the sixteen bytes of its IPv6 form, as two numbers in host byte order.
    #[inline(always)]
    pub const fn from_v6(hi: u64, lo: u64) -> Self {
        Self { hi, lo }
    }

    /// The IPv4 address, in host byte order, if this is the mapped form of one.
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low half is what is wanted"
    )]
    pub const fn v4(self) -> Option<u32> {
        if self.hi == 0 && self.lo >> 32 == MAPPED >> 32 {
            Some(self.lo as u32)
        } else {
            None
        }
    }

    /// The address that this one *means*: an IPv6 form that embeds an IPv4 address (NAT64,
    /// `64:ff9b::/96` and the local-use `64:ff9b:1::/48` with the address in the last four bytes;
    /// 6to4, `2002::/16`) becomes that IPv4 address. A rule for 10.0.0.0/8 cannot be walked around
    /// by another spelling.
    #[must_use]
    #[inline(always)]
    pub const fn canonical(self) -> Self {
        let is_nat64 = self.hi == NAT64 && self.lo >> 32 == 0
            || self.hi & 0xffff_ffff_ffff_0000 == NAT64_LOCAL;
        let v4 = if is_nat64 {
            self.lo & 0xffff_ffff
        } else if self.hi >> 48 == 0x2002 {
            (self.hi >> 16) & 0xffff_ffff
        } else {
            return self;
        };
        Self {
            hi: 0,
            lo: MAPPED | v4,
        }
    }

    /// The address that a connection *to* this one reaches: [canonical](Self::canonical), and the
    /// unspecified address of either family is loopback, as Linux treats it
    /// (`__ip_route_output_key` and `ip6_datagram_connect` replace it).
    #[must_use]
    #[inline(always)]
    pub const fn destination(self) -> Self {
        let address = self.canonical();
        if address.hi != 0 {
            return address;
        }
        match address.lo {
            0 => Self { hi: 0, lo: 1 },
            MAPPED => Self::from_v4(0x7f00_0001),
            _ => address,
        }
    }

    /// Whether this is a loopback address: 127.0.0.0/8 or `::1`.
    #[inline(always)]
    pub const fn is_loopback(self) -> bool {
        self.hi == 0 && (self.lo == 1 || self.lo >> 24 == (MAPPED | 0x7f00_0000) >> 24)
    }

    /// 1 if this address is below the other, else 0. The subtraction's borrow, without a branch: in
    /// a search the verifier would follow both sides of each.
    #[inline(always)]
    pub const fn is_below(self, other: Self) -> u64 {
        let low = borrow(self.lo, other.lo, self.lo.wrapping_sub(other.lo));
        let difference = self.hi.wrapping_sub(other.hi).wrapping_sub(low);
        borrow(self.hi, other.hi, difference)
    }

    /// Whether a scope can tell this address from an IPv4 one: `false` for the IPv6 forms that
    /// [`canonical`](Self::canonical) rewrites.
    pub const fn is_canonical(self) -> bool {
        let canonical = self.canonical();
        canonical.hi == self.hi && canonical.lo == self.lo
    }
}

/// The borrow of `a - b`, which is `difference` (Hacker's Delight, 2-13).
#[inline(always)]
pub(crate) const fn borrow(a: u64, b: u64, difference: u64) -> u64 {
    ((!a & b) | ((!a | b) & difference)) >> 63
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn address(text: &str) -> Address {
        if let Ok(v4) = text.parse::<Ipv4Addr>() {
            return Address::from_v4(v4.into());
        }
        let bytes = text.parse::<Ipv6Addr>().unwrap().octets();
        let word = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
        Address::from_v6(word(0), word(8))
    }

    #[test]
    fn forms_that_embed_an_ipv4_address_mean_that_address() {
        for form in [
            "10.1.2.3",
            "::ffff:10.1.2.3",
            "64:ff9b::10.1.2.3",
            "64:ff9b:1::10.1.2.3",
            "64:ff9b:1:abcd::10.1.2.3",
            "2002:a01:203::",
            "2002:a01:203:ffff::1",
        ] {
            assert_eq!(address(form).destination(), address("10.1.2.3"), "{form}");
        }
    }

    #[test]
    fn other_ipv6_addresses_mean_themselves() {
        for form in [
            "2001:db8::1",
            "fe80::1",
            "::2",
            "64:ff9b:2::1",
            "64:ff9b::1:0:0",
            "ff02::1",
        ] {
            assert_eq!(address(form).destination(), address(form), "{form}");
            assert!(address(form).is_canonical(), "{form}");
        }
    }

    #[test]
    fn unspecified_is_loopback() {
        assert_eq!(address("0.0.0.0").destination(), address("127.0.0.1"));
        assert_eq!(address("::").destination(), address("::1"));
        assert_eq!(
            address("::ffff:0.0.0.0").destination(),
            address("127.0.0.1")
        );
        assert_eq!(address("64:ff9b::").destination(), address("127.0.0.1"));
    }

    #[test]
    fn loopback_is_recognised_in_both_families() {
        for form in [
            "127.0.0.1",
            "127.255.255.255",
            "127.0.0.0",
            "::1",
            "::ffff:127.0.0.9",
        ] {
            assert!(address(form).is_loopback(), "{form}");
        }
        for form in [
            "126.255.255.255",
            "128.0.0.0",
            "::2",
            "::",
            "10.0.0.1",
            "::7f00:1",
        ] {
            assert!(!address(form).is_loopback(), "{form}");
        }
    }

    #[test]
    fn mapped_addresses_give_their_ipv4_address_back() {
        assert_eq!(address("::ffff:1.2.3.4").v4(), Some(0x0102_0304));
        assert_eq!(address("::1.2.3.4").v4(), None);
        assert_eq!(address("2001:db8::1").v4(), None);
    }

    #[test]
    fn below_is_the_order_of_numbers() {
        let words = [
            0,
            1,
            2,
            1 << 31,
            1 << 32,
            1 << 63,
            (1 << 63) - 1,
            u64::MAX - 1,
            u64::MAX,
        ];
        for hi in words {
            for lo in words {
                for other_hi in words {
                    for other_lo in words {
                        let (a, b) = (
                            Address { hi, lo },
                            Address {
                                hi: other_hi,
                                lo: other_lo,
                            },
                        );
                        assert_eq!(a.is_below(b) == 1, a < b, "{a:?} {b:?}");
                    }
                }
            }
        }
    }
}
