//! What an agent sends: one question, or what is refused.
//!
//! Read by hand rather than with the parser for answers, which accepts more than a question can be: compressed names,
//! records in every section, bytes after the end.

use super::name::{self, Text};

/// Bytes of a header.
pub(super) const HEADER: usize = 12;

const RESPONSE: u16 = 1 << 15;
const TRUNCATED: u16 = 1 << 9;
const RECURSION_DESIRED: u16 = 1 << 8;
const CHECKING_DISABLED: u16 = 1 << 4;

/// The class of the Internet.
pub(super) const IN: u16 = 1;
/// The type of the record that carries EDNS (RFC 6891).
pub(super) const OPT: u16 = 41;

/// What is echoed of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The id.
    pub id: u16,
    /// The operation, RD and CD, as they are in the flags.
    pub flags: u16,
}

/// EDNS of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edns {
    /// Bytes of a UDP answer that the client takes.
    pub payload: u16,
    /// The version; only 0 exists.
    pub version: u8,
    /// Whether the client wants signatures.
    pub dnssec_ok: bool,
}

/// A question in good form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Its header.
    pub head: Head,
    /// Name, type and class as they were sent.
    pub section: Box<[u8]>,
    /// The name.
    pub name: Text,
    /// Number of the record type.
    pub record_type: u16,
    /// Number of the class.
    pub class: u16,
    /// EDNS, if the client knows it.
    pub edns: Option<Edns>,
}

/// Why a message is no question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// There is no header, or it is that of an answer: nothing is said to it, or two servers could talk for ever.
    Ignored,
    /// What follows the header is not one question.
    Form(Head),
    /// It asks for something else than a look-up.
    Operation(Head),
}

/// Two bytes as a number.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*pair))
}

impl Question {
    /// Reads a message: exactly one question, and at most the record of EDNS after it.
    pub(super) fn read(message: &[u8]) -> Result<Self, Malformed> {
        let (Some(id), Some(flags), true) =
            (word(message, 0), word(message, 2), message.len() >= HEADER)
        else {
            return Err(Malformed::Ignored);
        };
        if flags & RESPONSE != 0 {
            return Err(Malformed::Ignored);
        }
        let operation = flags >> 11 & 0xf;
        let head = Head {
            id,
            flags: operation << 11 | flags & (RECURSION_DESIRED | CHECKING_DISABLED),
        };
        if operation != 0 {
            return Err(Malformed::Operation(head));
        }
        if flags & TRUNCATED != 0 {
            return Err(Malformed::Form(head));
        }
        Self::body(message, head).ok_or(Malformed::Form(head))
    }

    fn body(message: &[u8], head: Head) -> Option<Self> {
        let counts = [word(message, 4)?, word(message, 6)?, word(message, 8)?];
        let additional = word(message, 10)?;
        if counts != [1, 0, 0] || additional > 1 {
            return None;
        }
        let body = &message[HEADER..];
        let end = name::wire_len(body)?;
        let (record_type, class) = (word(body, end)?, word(body, end + 2)?);
        let (section, rest) = body.split_at_checked(end + 4)?;
        let edns = match additional {
            0 if rest.is_empty() => None,
            0 => return None,
            _ => Some(edns(rest)?),
        };
        Some(Self {
            head,
            section: section.into(),
            name: name::text(&body[..end]),
            record_type,
            class,
            edns,
        })
    }
}

/// The record of EDNS, with options of good form: they are not looked at.
fn edns(record: &[u8]) -> Option<Edns> {
    let (&[root, t0, t1, p0, p1, _, version, z0, _, l0, l1], mut options) =
        record.split_first_chunk()?;
    if root != 0 || u16::from_be_bytes([t0, t1]) != OPT {
        return None;
    }
    if options.len() != usize::from(u16::from_be_bytes([l0, l1])) {
        return None;
    }
    while !options.is_empty() {
        let length = word(options, 2)?;
        options = options.get(4 + usize::from(length)..)?;
    }
    Some(Edns {
        payload: u16::from_be_bytes([p0, p1]),
        version,
        dnssec_ok: z0 & 0x80 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
        let mut message = vec![0x12, 0x34];
        message.extend(flags.to_be_bytes());
        message.extend(counts.into_iter().flat_map(u16::to_be_bytes));
        message.extend(rest);
        message
    }

    const A: &[u8] = b"\x03wWw\x01x\x00\x00\x01\x00\x01";
    const OPT_COOKIE: &[u8] =
        b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x0c\x00\x0a\x00\x0812345678";

    #[test]
    fn a_question_is_read() {
        let question =
            Question::read(&message(0x0110, [1, 0, 0, 1], &[A, OPT_COOKIE].concat())).unwrap();
        assert_eq!(
            question.head,
            Head {
                id: 0x1234,
                flags: 0x0110
            }
        );
        assert_eq!(
            (
                question.name.text.as_str(),
                question.record_type,
                question.class
            ),
            ("www.x", 1, 1)
        );
        assert_eq!(&*question.section, A, "as it was sent");
        assert_eq!(
            question.edns,
            Some(Edns {
                payload: 1232,
                version: 0,
                dnssec_ok: true
            })
        );
    }

    #[test]
    fn what_is_not_one_question_is_refused() {
        let form = |message: &[u8]| {
            assert!(
                matches!(Question::read(message), Err(Malformed::Form(_))),
                "{message:?}"
            );
        };
        form(&message(0x0100, [0, 0, 0, 0], b""));
        form(&message(0x0100, [1, 0, 0, 0], b""));
        form(&message(0x0100, [2, 0, 0, 0], &[A, A].concat()));
        form(&message(0x0100, [1, 1, 0, 0], A));
        form(&message(0x0100, [1, 0, 1, 0], A));
        form(&message(
            0x0100,
            [1, 0, 0, 2],
            &[A, OPT_COOKIE, OPT_COOKIE].concat(),
        ));
        form(&message(0x0100, [1, 0, 0, 0], &[A, b"\x00"].concat()));
        form(&message(0x0100, [1, 0, 0, 0], &A[..A.len() - 1]));
        form(&message(0x0300, [1, 0, 0, 0], A));
        form(&message(0x0100, [1, 0, 0, 0], b"\xc0\x0c\x00\x01\x00\x01"));
        form(&message(
            0x0100,
            [1, 0, 0, 0],
            b"\x01a\xc0\x0c\x00\x01\x00\x01",
        ));
        form(&message(0x0100, [1, 0, 0, 1], A));
        form(&message(
            0x0100,
            [1, 0, 0, 1],
            &[A, &OPT_COOKIE[..20]].concat(),
        ));
        form(&message(
            0x0100,
            [1, 0, 0, 1],
            &[
                A,
                b"\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04",
            ]
            .concat(),
        ));
        form(&message(
            0x0100,
            [1, 0, 0, 1],
            &[
                A,
                b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x04\x00\x0a\x00\x08",
            ]
            .concat(),
        ));
    }

    #[test]
    fn answers_and_scraps_are_ignored() {
        assert_eq!(
            Question::read(&message(0x8180, [1, 0, 0, 0], A)),
            Err(Malformed::Ignored)
        );
        assert_eq!(Question::read(&[0; 11]), Err(Malformed::Ignored));
        assert_eq!(Question::read(b""), Err(Malformed::Ignored));
        assert!(matches!(
            Question::read(&message(0x2800, [1, 0, 0, 0], A)),
            Err(Malformed::Operation(_))
        ));
    }
}
