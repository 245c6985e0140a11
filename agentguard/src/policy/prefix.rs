//! Blocks of addresses.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use agentguard_common::address::Address;

/// Addresses of one family that begin with the same bits. The other bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    network: IpAddr,
    length: u8,
}

/// Why an address and a length are no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// The length is more than the family has bits.
    #[error("a prefix of this family has at most {0} bits")]
    TooLong(u8),
    /// The address has bits beyond the length.
    #[error("the address has bits beyond the prefix, which is {0}")]
    HostBits(Prefix),
}

impl Prefix {
    /// Every IPv4 address.
    pub const IPV4: Self = Self {
        network: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        length: 0,
    };

    /// A prefix of `length` bits.
    pub fn new(network: IpAddr, length: u8) -> Result<Self, PrefixError> {
        let bits = bits(network);
        if length > bits {
            return Err(PrefixError::TooLong(bits));
        }
        let prefix = Self {
            network: masked(network, length),
            length,
        };
        if prefix.network == network {
            Ok(prefix)
        } else {
            Err(PrefixError::HostBits(prefix))
        }
    }

    /// One address.
    pub fn host(address: IpAddr) -> Self {
        Self {
            network: address,
            length: bits(address),
        }
    }

    /// Its first address.
    pub const fn network(self) -> IpAddr {
        self.network
    }

    /// Bits that its addresses have in common.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Whether it is one address.
    pub fn is_host(self) -> bool {
        self.length == bits(self.network)
    }

    /// Whether every address of `other` lies in it. Families do not contain each other.
    pub fn contains(self, other: Self) -> bool {
        self.network.is_ipv4() == other.network.is_ipv4()
            && self.length <= other.length
            && masked(other.network, self.length) == self.network
    }

    /// Whether the two have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// First and last address, in the form in which addresses are compared.
    pub fn bounds(self) -> (u128, u128) {
        let host_bits = u32::from(bits(self.network) - self.length);
        let hosts = u128::MAX.checked_shr(128 - host_bits).unwrap_or(0);
        let first = number(address(self.network));
        (first, first | hosts)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.network)?;
        if !self.is_host() {
            write!(formatter, "/{}", self.length)?;
        }
        Ok(())
    }
}

/// An address in the form in which addresses are compared, not yet canonical.
pub(crate) fn address(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(v4) => Address::from_v4(v4.to_bits()),
        IpAddr::V6(v6) => from_number(v6.to_bits()),
    }
}

/// The address that a number stands for.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the number is cut into its halves"
)]
pub(super) const fn from_number(number: u128) -> Address {
    Address::from_v6((number >> 64) as u64, number as u64)
}

/// An address as a number, in the order of [`Address`].
pub(super) const fn number(address: Address) -> u128 {
    (address.hi as u128) << 64 | address.lo as u128
}

/// As people write it.
pub(crate) fn ip(address: Address) -> IpAddr {
    match address.v4() {
        Some(v4) => Ipv4Addr::from_bits(v4).into(),
        None => Ipv6Addr::from_bits(number(address)).into(),
    }
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(length.into()))
                .unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(length.into()))
                .unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(network: &str, length: u8) -> Result<Prefix, PrefixError> {
        Prefix::new(network.parse().unwrap(), length)
    }

    #[test]
    fn bounds_are_the_first_and_the_last_address() {
        let bounds = |network, length| {
            let (first, last) = prefix(network, length).unwrap().bounds();
            (
                ip(from_number(first)).to_string(),
                ip(from_number(last)).to_string(),
            )
        };
        let pair = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(bounds("10.0.0.0", 8), pair("10.0.0.0", "10.255.255.255"));
        assert_eq!(bounds("10.0.0.1", 32), pair("10.0.0.1", "10.0.0.1"));
        assert_eq!(bounds("0.0.0.0", 0), pair("0.0.0.0", "255.255.255.255"));
        assert_eq!(
            bounds("2001:db8::1", 128),
            pair("2001:db8::1", "2001:db8::1")
        );
        assert_eq!(
            bounds("2001:db8::", 33),
            pair("2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff")
        );
        assert_eq!(prefix("::", 0).unwrap().bounds(), (0, u128::MAX));
    }

    #[test]
    fn bits_beyond_the_length_are_an_error_that_knows_the_right_prefix() {
        for (network, length, right) in [
            ("10.0.0.1", 8, "10.0.0.0/8"),
            ("0.0.0.1", 0, "0.0.0.0/0"),
            ("10.0.0.1", 31, "10.0.0.0/31"),
            ("2001:db8::1", 32, "2001:db8::/32"),
        ] {
            let Err(PrefixError::HostBits(prefix)) = prefix(network, length) else {
                panic!("{network}/{length}");
            };
            assert_eq!(prefix.to_string(), right);
        }
        assert_eq!(prefix("10.0.0.0", 33), Err(PrefixError::TooLong(32)));
        assert_eq!(prefix("::", 129), Err(PrefixError::TooLong(128)));
    }

    #[test]
    fn families_do_not_contain_each_other() {
        let everything = prefix("::", 0).unwrap();
        assert!(!everything.contains(prefix("10.0.0.0", 8).unwrap()));
        assert!(!everything.overlaps(Prefix::IPV4));
        assert!(Prefix::IPV4.contains(prefix("10.0.0.0", 8).unwrap()));
        assert!(prefix("10.0.0.0", 8).unwrap().overlaps(Prefix::IPV4));
        assert!(
            !prefix("10.0.0.0", 8)
                .unwrap()
                .overlaps(prefix("11.0.0.0", 8).unwrap())
        );
    }
}
