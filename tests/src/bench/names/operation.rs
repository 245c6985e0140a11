//! What is done on connections.

use std::fmt;

/// One thing that a worker does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// A TCP connection, from `socket` to `close`.
    Connect,
    /// The same, with what TLS begins with, and a byte of answer.
    Hello,
    /// One byte there and one byte back on an open connection that began so.
    Exchange,
    /// 64 KiB on such a connection.
    Bulk,
    /// A datagram of 64 bytes from an unconnected socket, to where it is dropped.
    Datagram,
}

impl Operation {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Connect,
        Self::Hello,
        Self::Exchange,
        Self::Bulk,
        Self::Datagram,
    ];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "tcp-connect",
            Self::Hello => "tls-hello",
            Self::Exchange => "tcp-exchange",
            Self::Bulk => "tcp-bulk",
            Self::Datagram => "udp-sendto",
        }
    }

    /// The operation of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Where its server listens.
    pub(super) const fn port(self) -> u16 {
        7201 + self as u16
    }

    /// Whether it is done on what begins as TLS does.
    pub(super) const fn is_tls(self) -> bool {
        matches!(self, Self::Hello | Self::Exchange | Self::Bulk)
    }

    /// How much more it may cost by a name than by an address, as a ratio.
    pub(super) const fn budget(self) -> Option<f64> {
        match self {
            Self::Connect | Self::Datagram | Self::Hello => None,
            Self::Exchange | Self::Bulk => Some(1.02),
        }
    }

    /// Whether each has a connection of its own.
    pub(super) const fn is_short(self) -> bool {
        matches!(self, Self::Connect | Self::Hello)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
