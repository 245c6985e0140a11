//! The destination of a question: `HOST:PORT`.

use agentguard_common::protocol::Protocol;

use super::{
    destination_error::DestinationError,
    grammar::{self, Host},
    names::NameError,
};

/// One host and one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// An address, or a name that is no wildcard.
    pub host: Host,
    /// The port; 0 for ICMP, which has none.
    pub port: u16,
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The port is missing.
    #[error(
        "{0:?} has no port; expected HOST:PORT, as in api.example.com:443, 10.0.0.1:443 or [2001:db8::1]:443"
    )]
    NoPort(String),
    /// ICMP has no ports.
    #[error("ICMP has no ports; expected HOST, as in api.example.com, 10.0.0.1 or 2001:db8::1")]
    IcmpPort,
    /// The port is no number from 1 to 65535.
    #[error("{0:?} is no port; expected a number from 1 to 65535")]
    Port(String),
    /// A prefix or a URL, where one host is asked for.
    #[error("{0:?} is a prefix or a URL; ask for one address or name, and a port")]
    Prefix(String),
    /// The host is not acceptable.
    #[error(transparent)]
    Host(#[from] DestinationError),
}

impl Target {
    /// Parses `HOST:PORT`, or `HOST` for ICMP. An IPv6 address stands in brackets if a port
    /// follows.
    pub fn parse(text: &str, protocol: Protocol) -> Result<Self, TargetError> {
        if text.contains('/') {
            return Err(TargetError::Prefix(text.to_owned()));
        }
        let (host, port) = split(text)?;
        let host = grammar::host(host, 0).map_err(|(_, error)| error)?;
        if let Host::Name(name) = &host
            && name.is_wildcard()
        {
            return Err(DestinationError::Name(NameError::Pattern(name.to_string())).into());
        }
        match port {
            Some(_) if !protocol.has_ports() => Err(TargetError::IcmpPort),
            None if protocol.has_ports() => Err(TargetError::NoPort(text.to_owned())),
            None => Ok(Self { host, port: 0 }),
            Some(port) => match grammar::parse_port(port) {
                Some(port) => Ok(Self { host, port }),
                None => Err(TargetError::Port(port.to_owned())),
            },
        }
    }
}

fn split(text: &str) -> Result<(&str, Option<&str>), TargetError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(DestinationError::OpenBracket)?;
        if !host.contains(':') {
            return Err(DestinationError::Bracketed(host.to_owned()).into());
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(DestinationError::AfterBracket(rest.to_owned()).into()),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}
