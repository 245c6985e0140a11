//! Writing messages, also wrong ones.

use std::net::IpAddr;

use super::{A, AAAA, CNAME, INTERNET, OPT, TXT};

/// A message that grows.
#[derive(Clone, Debug)]
pub struct Writer(Vec<u8>);

/// What a record says.
#[derive(Clone, Debug)]
pub enum Record {
    /// An address.
    Address(IpAddr),
    /// Another name.
    Alias(String),
    /// Text.
    Text(Vec<u8>),
    /// Any bytes under any type.
    Raw(u16, Vec<u8>),
}

/// Where the counts of the four sections are.
const COUNTS: [usize; 4] = [4, 6, 8, 10];

impl Writer {
    /// A message with this id and these flags, and nothing else.
    pub fn new(id: u16, flags: u16) -> Self {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend(id.to_be_bytes());
        bytes.extend(flags.to_be_bytes());
        bytes.extend([0; 8]);
        Self(bytes)
    }

    /// Adds a question about a name, which is in the message's form already.
    #[must_use]
    pub fn question(mut self, name: &[u8], kind: u16, class: u16) -> Self {
        self.0.extend(name);
        self.0.extend(kind.to_be_bytes());
        self.0.extend(class.to_be_bytes());
        self.count(0)
    }

    /// Adds a record to the section of answers.
    #[must_use]
    pub fn answer(self, name: &[u8], ttl: u32, record: &Record) -> Self {
        self.record(1, name, ttl, record)
    }

    /// Adds a record to a section: 1 answers, 2 authorities, 3 what is said besides.
    #[must_use]
    pub fn record(mut self, section: usize, name: &[u8], ttl: u32, record: &Record) -> Self {
        let (kind, data) = match record {
            Record::Address(IpAddr::V4(v4)) => (A, v4.octets().to_vec()),
            Record::Address(IpAddr::V6(v6)) => (AAAA, v6.octets().to_vec()),
            Record::Alias(to) => (CNAME, name_bytes(to)),
            Record::Text(text) => {
                let parts = text.chunks(255);
                let data = parts.flat_map(|part| {
                    let length = u8::try_from(part.len()).unwrap_or(u8::MAX);
                    std::iter::once(length).chain(part.iter().copied())
                });
                (TXT, data.collect())
            }
            Record::Raw(kind, data) => (*kind, data.clone()),
        };
        self.0.extend(name);
        self.0.extend(kind.to_be_bytes());
        self.0.extend(INTERNET.to_be_bytes());
        self.0.extend(ttl.to_be_bytes());
        let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_be_bytes());
        self.0.extend(data);
        self.count(section)
    }

    /// Adds the record of EDNS: how large a datagram may be.
    #[must_use]
    pub fn extension(mut self, size: u16, flags: u32) -> Self {
        self.0.push(0);
        self.0.extend(OPT.to_be_bytes());
        self.0.extend(size.to_be_bytes());
        self.0.extend(flags.to_be_bytes());
        self.0.extend([0, 0]);
        self.count(3)
    }

    /// Adds bytes that belong to nothing.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// Changes the flags.
    #[must_use]
    pub fn flag(mut self, flags: u16) -> Self {
        for (to, from) in self.0[2..4].iter_mut().zip(flags.to_be_bytes()) {
            *to |= from;
        }
        self
    }

    /// Says that a section has one more.
    #[must_use]
    pub fn count(mut self, section: usize) -> Self {
        let at = COUNTS[section];
        let count = u16::from_be_bytes([self.0[at], self.0[at + 1]]) + 1;
        self.0[at..at + 2].copy_from_slice(&count.to_be_bytes());
        self
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// A name as it is in messages. Labels are as long as they are, also too long for the kind; those of more than
/// 255 bytes are cut.
pub fn name_bytes(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = &label.as_bytes()[..label.len().min(255)];
        bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        bytes.extend(label);
    }
    bytes.push(0);
    bytes
}
