//! What is measured.

use std::fmt;

/// One thing that a worker does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// A TCP connection, from `socket` to `close`.
    Connect,
    /// A datagram of 64 bytes from an unconnected socket, to where it is dropped.
    Datagram,
    /// The same, to where it is read.
    Delivery,
    /// One byte there and one byte back on an open TCP connection.
    Exchange,
    /// 64 KiB on an open TCP connection.
    Bulk,
}

impl Operation {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Connect,
        Self::Datagram,
        Self::Delivery,
        Self::Exchange,
        Self::Bulk,
    ];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "tcp-connect",
            Self::Datagram => "udp-sendto",
            Self::Delivery => "udp-deliver",
            Self::Exchange => "tcp-exchange",
            Self::Bulk => "tcp-bulk",
        }
    }

    /// The operation of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
    }

    /// Where its server listens.
    pub(super) const fn port(self) -> u16 {
        match self {
            Self::Connect => 7101,
            Self::Exchange => 7102,
            Self::Bulk => 7103,
            Self::Datagram => 7104,
            Self::Delivery => 7105,
        }
    }

    /// How often it is done to begin with, in less than a block's time.
    pub(super) const fn first_count(self) -> u64 {
        match self {
            Self::Connect | Self::Bulk => 10,
            Self::Exchange => 40,
            Self::Datagram | Self::Delivery => 200,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
