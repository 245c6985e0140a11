//! DNS messages (RFC 1035) as the techniques and the name servers of the suite need them: also wrong ones.

mod reader;
mod writer;

pub use reader::{Answer, Message, Question};
pub use writer::{Record, Writer, name_bytes};

/// Record types by their names.
const TYPES: &[(&str, u16)] = &[
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("NULL", 10),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("OPT", 41),
    ("RRSIG", 46),
    ("DNSKEY", 48),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("AXFR", 252),
    ("ANY", 255),
    ("PRIVATE", 65280),
];

/// `NOERROR` and its like.
const CODES: &[&str] = &[
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
];

/// The number of a record type.
pub fn type_number(name: &str) -> Option<u16> {
    let known = TYPES.iter().find(|(known, _)| *known == name);
    known.map(|(_, number)| *number)
}

/// The name of a response code.
pub fn code_name(code: u8) -> String {
    let known = CODES.get(usize::from(code));
    known.map_or_else(|| format!("RCODE{code}"), |name| (*name).to_owned())
}

/// A record of type A.
pub const A: u16 = 1;
/// A record of type CNAME.
pub const CNAME: u16 = 5;
/// A record of type SOA.
pub const SOA: u16 = 6;
/// A record of type TXT.
pub const TXT: u16 = 16;
/// A record of type AAAA.
pub const AAAA: u16 = 28;
/// The pseudo-record of EDNS (RFC 6891).
pub const OPT: u16 = 41;
/// The class of the Internet.
pub const INTERNET: u16 = 1;

/// Flag of the header: this is an answer.
pub const RESPONSE: u16 = 1 << 15;
/// Flag of the header: who answers is an authority.
pub const AUTHORITATIVE: u16 = 1 << 10;
/// Flag of the header: not everything fits.
pub const TRUNCATED: u16 = 1 << 9;
/// Flag of the header: whoever is asked is to ask others.
pub const RECURSE: u16 = 1 << 8;

/// The response code "no such name".
pub const NO_SUCH_NAME: u16 = 3;
