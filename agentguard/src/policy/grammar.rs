//! The grammar of destinations: `[scheme://]HOST[/PREFIX][:PORT[-PORT]]`, where `HOST` is an address, a
//! name, or `*.` and a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use agentguard_common::protocol::Protocol;

use super::{
    destination::{Destination, Hosts, Ports, Scheme},
    destination_error::DestinationError as Error,
    names::{Name, NameError},
    prefix::{Prefix, PrefixError},
    scope::List,
};

/// An error and the byte of the text at which it lies.
pub(super) type At = (usize, Error);

/// A part of the text that knows where it stands.
#[derive(Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    at: usize,
}

impl Part<'_> {
    /// Splits before the byte `index`, which must be a character boundary.
    fn split_at(self, index: usize) -> (Self, Self) {
        let (before, after) = self.text.split_at(index);
        let rest = Self {
            text: after,
            at: self.at + index,
        };
        (
            Self {
                text: before,
                ..self
            },
            rest,
        )
    }

    /// What stands before and after a separator.
    fn split_once(self, separator: &str) -> Option<(Self, Self)> {
        let (before, rest) = self.split_at(self.text.find(separator)?);
        Some((before, rest.split_at(separator.len()).1))
    }

    fn error(self, make: impl FnOnce(String) -> Error) -> At {
        (self.at, make(self.text.to_owned()))
    }
}

/// Parses one item of a list.
pub(super) fn destination(text: &str, list: List) -> Result<Destination, At> {
    let text = Part { text, at: 0 };
    if text.text.is_empty() {
        return Err((0, Error::Empty));
    }
    if let Some((at, character)) = text
        .text
        .char_indices()
        .find(|(_, c)| c.is_whitespace() || c.is_control())
    {
        return Err((at, Error::Character(character)));
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((name, rest)) => (
            Scheme::from_name(name.text).ok_or_else(|| name.error(Error::Scheme))?,
            rest,
        ),
        // Narrow where a rule opens, wide where it closes.
        None if list == List::Deny => (Scheme::Any, text),
        None => (Scheme::One(Protocol::Tcp), text),
    };
    let icmp = scheme == Scheme::One(Protocol::Icmp);
    if icmp && list == List::Listen {
        return Err((0, Error::IcmpListen));
    }
    if rest.text.is_empty() {
        return Err((rest.at, Error::Empty));
    }
    let (host, port) = host_and_port(rest)?;
    let hosts = hosts(host, list)?;
    let ports = match port {
        Some(port) if icmp => return Err(port.error(Error::IcmpPort)),
        Some(port) => Some(ports(port)?),
        None => None,
    };
    Ok(Destination {
        scheme,
        hosts,
        ports,
    })
}

/// A host, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name.
    Name(Name),
}

/// Parses `HOST` without a prefix length.
pub(super) fn host(text: &str, at: usize) -> Result<Host, At> {
    host_of(Part { text, at })
}

/// Splits `HOST[/PREFIX][:PORT[-PORT]]`; brackets are gone from the host.
fn host_and_port(text: Part<'_>) -> Result<(Part<'_>, Option<Part<'_>>), At> {
    if text.text.starts_with('[') {
        return bracketed(text);
    }
    let mut colons = text.text.match_indices(':');
    match (colons.next(), colons.next()) {
        (None, _) => Ok((text, None)),
        (Some((colon, _)), None) => {
            let (host, port) = text.split_at(colon);
            Ok((host, Some(port.split_at(1).1)))
        }
        // More colons: IPv6, and no port. `2001:db8::/32:443` shows what was meant.
        _ => match text
            .split_once("/")
            .and_then(|(_, length)| length.split_once(":"))
        {
            Some((length, port)) => {
                let host = &text.text[..length.at + length.text.len() - text.at];
                let (host, port) = (host.to_owned(), port.text.to_owned());
                Err((text.at, Error::Brackets { host, port }))
            }
            None => Ok((text, None)),
        },
    }
}

fn bracketed(text: Part<'_>) -> Result<(Part<'_>, Option<Part<'_>>), At> {
    let Some((host, rest)) = text.split_at(1).1.split_once("]") else {
        return Err((text.at, Error::OpenBracket));
    };
    if !host.text.contains(':') {
        return Err(host.error(Error::Bracketed));
    }
    match rest.text.as_bytes().first() {
        None => Ok((host, None)),
        Some(b':') => Ok((host, Some(rest.split_at(1).1))),
        Some(b'/') => {
            let length = rest.text.split(':').next().unwrap_or_default();
            let (address, length) = (host.text.to_owned(), length.to_owned());
            Err((rest.at, Error::LengthOutside { address, length }))
        }
        Some(_) => Err(rest.error(Error::AfterBracket)),
    }
}

fn hosts(text: Part<'_>, list: List) -> Result<Hosts, At> {
    let (host, length) = match text.split_once("/") {
        Some((host, length)) => (host, Some(length)),
        None => (text, None),
    };
    let address = match host_of(host)? {
        Host::Address(address) => address,
        Host::Name(_) if length.is_some() => {
            return Err(text.split_at(host.text.len()).1.error(Error::Path));
        }
        Host::Name(_) if list == List::Listen => {
            return Err(host.error(|text| NameError::Listen(text).into()));
        }
        Host::Name(name) => return Ok(Hosts::Name(name)),
    };
    let limit = if address.is_ipv4() { 32 } else { 128 };
    let bits = match length {
        None => limit,
        Some(length) => number(length.text)
            .and_then(|bits| u8::try_from(bits).ok())
            .filter(|bits| *bits <= limit)
            .ok_or_else(|| length.error(|text| Error::Length { text, limit }))?,
    };
    if let Some(prefix) = embedded(address, bits) {
        return Err(text.error(|text| Error::Embedded { text, prefix }));
    }
    let prefix = Prefix::new(address, bits).map_err(|problem| match problem {
        PrefixError::HostBits(prefix) => text.error(|text| Error::HostBits { text, prefix }),
        PrefixError::TooLong(limit) => text.error(|text| Error::Length { text, limit }),
    })?;
    unspecified(prefix, list).map_err(|problem| (text.at, problem))
}

/// What the unspecified address means: in `listen` every address, elsewhere a mistake.
fn unspecified(prefix: Prefix, list: List) -> Result<Hosts, Error> {
    match (list, prefix.network()) {
        (_, network) if !network.is_unspecified() => Ok(Hosts::Prefix(prefix)),
        (List::Listen, IpAddr::V4(_)) if prefix.is_host() || prefix.length() == 0 => {
            Ok(Hosts::Prefix(Prefix::IPV4))
        }
        (List::Listen, IpAddr::V6(_)) if prefix.is_host() => Ok(Hosts::Everywhere),
        (List::Listen, IpAddr::V4(_)) => Err(Error::ListenPrefix { every: "0.0.0.0" }),
        (List::Listen, IpAddr::V6(_)) => Err(Error::ListenPrefix { every: "[::]" }),
        (_, IpAddr::V4(_)) if prefix.is_host() => Err(Error::Unspecified4),
        (_, IpAddr::V6(_)) if prefix.is_host() => Err(Error::Unspecified6),
        _ => Ok(Hosts::Prefix(prefix)),
    }
}

fn host_of(host: Part<'_>) -> Result<Host, At> {
    if let Some(zone) = host.text.find('%').filter(|_| host.text.contains(':')) {
        return Err(host.split_at(zone).1.error(Error::Zone));
    }
    if host.text.contains(':') {
        let v6 = host.text.parse::<Ipv6Addr>().map(IpAddr::V6);
        return v6.map(Host::Address).map_err(|_| host.error(Error::Ipv6));
    }
    if let Ok(v4) = host.text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(v4.into()));
    }
    let last = host.text.rsplit('.').next().unwrap_or_default();
    if host.text == "*" {
        Err(host.error(|_| Error::Star))
    } else if host.text.is_empty() {
        Err(host.error(Error::Host))
    } else if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) {
        Err(host.error(Error::Ipv4))
    } else {
        let name = Name::parse(host.text);
        name.map(Host::Name)
            .map_err(|(inside, error)| (host.at + inside, error.into()))
    }
}

fn ports(text: Part<'_>) -> Result<Ports, At> {
    let Some((first, last)) = text.split_once("-") else {
        let port = port(text)?;
        return Ok(Ports {
            first: port,
            last: port,
        });
    };
    let ports = Ports {
        first: port(first)?,
        last: port(last)?,
    };
    if ports.first > ports.last {
        let Ports { first, last } = ports;
        return Err((text.at, Error::Reversed { first, last }));
    }
    Ok(ports)
}

fn port(text: Part<'_>) -> Result<u16, At> {
    parse_port(text.text).ok_or_else(|| text.error(Error::Port))
}

/// A port from 1 to 65535.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    number(text).filter(|port| *port != 0)
}

/// A decimal number without a sign and without leading zeros.
fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

/// The IPv4 addresses that an IPv6 prefix means, if it lies in a range that embeds them. The
/// kernel compares those as IPv4 (see `Address::canonical`), so such a rule would never match.
fn embedded(address: IpAddr, length: u8) -> Option<Prefix> {
    /// Network, its length, and where the bits of the IPv4 address begin.
    const RANGES: [(u128, u8, u8); 4] = [
        (0xffff << 32, 96, 96),
        (0x0064_ff9b << 96, 96, 96),
        (0x0064_ff9b_0001 << 80, 48, 96),
        (0x2002 << 112, 16, 16),
    ];
    let IpAddr::V6(v6) = address else {
        return None;
    };
    let bits = v6.to_bits();
    let (_, _, start) = RANGES
        .into_iter()
        .find(|(network, range, _)| length >= *range && (bits ^ network) >> (128 - range) == 0)?;
    let v4_length = length.saturating_sub(start).min(32);
    #[expect(clippy::cast_possible_truncation, reason = "32 bits are cut out")]
    let v4 = Ipv4Addr::from_bits((bits >> (96 - start)) as u32);
    match Prefix::new(v4.into(), v4_length) {
        Ok(prefix) | Err(PrefixError::HostBits(prefix)) => Some(prefix),
        Err(PrefixError::TooLong(_)) => None,
    }
}
