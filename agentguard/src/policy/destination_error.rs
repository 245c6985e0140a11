//! What can be wrong with a destination.

use super::{names::NameError, prefix::Prefix};

/// Why a text is no destination.
///
/// Each message says what is wrong and what to write. Text of the file is quoted and escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// Nothing stands there.
    #[error(
        "the destination is empty; expected [scheme://]HOST[/PREFIX][:PORT[-PORT]], as in \"10.0.0.0/8:443\""
    )]
    Empty,
    /// A space or a control character.
    #[error("a destination cannot hold the character {0:?}; remove it")]
    Character(char),
    /// What stands before `://` is no scheme.
    #[error("unknown scheme {0:?}; expected tcp, udp, icmp or any{hint}", hint = scheme_hint(.0))]
    Scheme(String),
    /// ICMP in `listen`.
    #[error("ICMP cannot be listened on; expected tcp, udp or any")]
    IcmpListen,
    /// ICMP with a port.
    #[error("ICMP has no ports; remove {0:?}")]
    IcmpPort(String),
    /// Neither an address nor a name.
    #[error("{0:?} is neither an IPv4 address, an IPv6 address nor a name")]
    Host(String),
    /// `*`.
    #[error(
        "\"*\" is no destination; write \"0.0.0.0/0\" for every IPv4 address and \"::/0\" for every IPv6 address"
    )]
    Star,
    /// It looks like an IPv4 address, but is none.
    #[error("{0:?} is no IPv4 address; expected four numbers from 0 to 255 without leading zeros")]
    Ipv4(String),
    /// It looks like an IPv6 address, but is none.
    #[error("{0:?} is no IPv6 address")]
    Ipv6(String),
    /// An address with a zone, `fe80::1%eth0`.
    #[error("an address cannot have a zone; remove {0:?}")]
    Zone(String),
    /// `[` without `]`.
    #[error("the bracket is not closed; write the IPv6 address as \"[2001:db8::1]:443\"")]
    OpenBracket,
    /// Brackets around something else.
    #[error("brackets are for IPv6 addresses; write {0:?} without them")]
    Bracketed(String),
    /// A prefix length behind the bracket.
    #[error("the prefix length belongs into the brackets; write \"[{address}{length}]\"")]
    LengthOutside {
        /// What stands in the brackets.
        address: String,
        /// The length, with its slash.
        length: String,
    },
    /// Something else behind the bracket.
    #[error("{0:?} cannot follow the bracket; expected \":PORT\" or nothing")]
    AfterBracket(String),
    /// An IPv6 address without brackets that seems to have a port.
    #[error("an IPv6 destination with a port needs brackets; write \"[{host}]:{port}\"")]
    Brackets {
        /// The address and its prefix length.
        host: String,
        /// The port.
        port: String,
    },
    /// The prefix length is no number, or too large.
    #[error(
        "{text:?} is no prefix length; expected a number from 0 to {limit} without leading zeros"
    )]
    Length {
        /// The length as it is written.
        text: String,
        /// Bits of an address.
        limit: u8,
    },
    /// The address has bits beyond its prefix.
    #[error(
        "{text:?} has bits beyond its prefix; write \"{prefix}\" for the prefix, or the address without a length"
    )]
    HostBits {
        /// The prefix as it is written.
        text: String,
        /// The prefix that is meant.
        prefix: Prefix,
    },
    /// An IPv6 form that means an IPv4 address.
    #[error(
        "{text:?} means IPv4 addresses, and is compared as such; write the IPv4 form, \"{prefix}\""
    )]
    Embedded {
        /// The destination as it is written.
        text: String,
        /// The IPv4 addresses that are meant.
        prefix: Prefix,
    },
    /// `0.0.0.0` in `allow` or `deny`.
    #[error(
        "0.0.0.0 as a destination means loopback on Linux; write \"127.0.0.1\" for loopback, or \"0.0.0.0/0\" for every IPv4 address"
    )]
    Unspecified4,
    /// `::` in `allow` or `deny`.
    #[error(
        ":: as a destination means loopback on Linux; write \"::1\" for loopback, or \"::/0\" for every IPv6 address"
    )]
    Unspecified6,
    /// A prefix in `listen` that holds the address that stands for every address.
    #[error(
        "a prefix in listen cannot hold {every}, which binds every address; write {every:?} for every address, or a narrower prefix"
    )]
    ListenPrefix {
        /// The address for every address.
        every: &'static str,
    },
    /// The port is no number from 1 to 65535.
    #[error(
        "{0:?} is no port; expected a number from 1 to 65535 without leading zeros, or no port for every port"
    )]
    Port(String),
    /// The range ends before it begins.
    #[error("the port range {first}-{last} is reversed; write {last}-{first}")]
    Reversed {
        /// What stands first.
        first: u16,
        /// What stands last.
        last: u16,
    },
    /// A name that no rule can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A name with something behind a slash.
    #[error("{0:?} cannot follow a name; a destination is a host and a port, not a URL")]
    Path(String),
}

fn scheme_hint(found: &str) -> String {
    match found.to_ascii_lowercase().as_str() {
        "https" | "wss" => "; for HTTPS write HOST:443".to_owned(),
        "http" | "ws" => "; for HTTP write HOST:80".to_owned(),
        "icmpv6" | "icmp6" | "ping" => "; icmp is for both families".to_owned(),
        "*" => "; any is every protocol".to_owned(),
        name => super::wording::suggestion(name, &super::destination::Scheme::NAMES),
    }
}
