//! Reading messages.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{A, AAAA, TRUNCATED};

/// What is read of a message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: u16,
    /// Its flags, the response code included.
    pub flags: u16,
    /// Its questions.
    pub questions: Vec<Question>,
    /// Its answers.
    pub answers: Vec<Answer>,
    /// How large an answer may be, where EDNS says so.
    pub size: Option<u16>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name as it was written, without the dot at its end.
    pub name: String,
    /// The type.
    pub kind: u16,
    /// The class.
    pub class: u16,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Of what it is.
    pub name: String,
    /// The type.
    pub kind: u16,
    /// For how many seconds.
    pub ttl: u32,
    /// What it says.
    pub data: Vec<u8>,
}

impl Message {
    /// Reads a message. Nothing, if it is not one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut at = 12;
        let count = |section: usize| number(bytes, 4 + 2 * section);
        let mut message = Self {
            id: number(bytes, 0)?,
            flags: number(bytes, 2)?,
            questions: Vec::new(),
            answers: Vec::new(),
            size: None,
        };
        for _ in 0..count(0)? {
            let name = name(bytes, &mut at)?;
            let (kind, class) = (number(bytes, at)?, number(bytes, at + 2)?);
            message.questions.push(Question { name, kind, class });
            at += 4;
        }
        for section in 1..4 {
            for _ in 0..count(section)? {
                let name = name(bytes, &mut at)?;
                let (kind, class) = (number(bytes, at)?, number(bytes, at + 2)?);
                let ttl = bytes.get(at + 4..at + 8)?.try_into().ok()?;
                let length = usize::from(number(bytes, at + 8)?);
                let data = bytes.get(at + 10..at + 10 + length)?.to_vec();
                at += 10 + length;
                if kind == super::OPT {
                    message.size = Some(class);
                } else if section == 1 {
                    message.answers.push(Answer {
                        name,
                        kind,
                        ttl: u32::from_be_bytes(ttl),
                        data,
                    });
                }
            }
        }
        Some(message)
    }

    /// The response code.
    pub const fn code(&self) -> u8 {
        self.flags.to_be_bytes()[1] & 15
    }

    /// Whether not everything was said.
    pub const fn is_truncated(&self) -> bool {
        self.flags & TRUNCATED != 0
    }

    /// The addresses among the answers.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let address = |answer: &Answer| match answer.kind {
            A => Some(IpAddr::from(Ipv4Addr::from(
                <[u8; 4]>::try_from(answer.data.as_slice()).ok()?,
            ))),
            AAAA => Some(IpAddr::from(Ipv6Addr::from(
                <[u8; 16]>::try_from(answer.data.as_slice()).ok()?,
            ))),
            _ => None,
        };
        self.answers.iter().filter_map(address).collect()
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// The name at a place, which is moved behind it.
fn name(bytes: &[u8], at: &mut usize) -> Option<String> {
    let (mut text, mut here, mut end) = (String::new(), *at, None);
    // Names have at most 127 labels, and as many pointers lead to them.
    for _ in 0..256 {
        let length = usize::from(*bytes.get(here)?);
        match length {
            0 => {
                *at = end.unwrap_or(here + 1);
                return Some(text);
            }
            1..64 => {
                let label = bytes.get(here + 1..here + 1 + length)?;
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&String::from_utf8_lossy(label));
                here += 1 + length;
            }
            192.. => {
                end = end.or(Some(here + 2));
                here = usize::from(number(bytes, here)? & 0x3fff);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{INTERNET, RECURSE, RESPONSE, Record, Writer, name_bytes};

    #[test]
    fn what_is_written_is_read() {
        let name = name_bytes("wWw.agents.example");
        let address: IpAddr = "198.51.100.10".parse().unwrap();
        let bytes = Writer::new(7, RESPONSE | RECURSE)
            .question(&name, A, INTERNET)
            .answer(&[0xc0, 12], 60, &Record::Alias("cdn.example".into()))
            .answer(&name_bytes("cdn.example"), 5, &Record::Address(address))
            .extension(1232, 0)
            .finish();
        let message = Message::read(&bytes).unwrap();
        assert_eq!((message.id, message.code()), (7, 0));
        assert_eq!(message.questions[0].name, "wWw.agents.example");
        assert_eq!(message.answers[0].name, "wWw.agents.example");
        assert_eq!(message.answers[1].ttl, 5);
        assert_eq!(message.addresses(), [address]);
        assert_eq!(message.size, Some(1232));
        for length in 0..bytes.len() {
            assert!(Message::read(&bytes[..length]).is_none(), "{length} bytes");
        }
    }

    #[test]
    fn a_name_that_points_to_itself_is_none() {
        let bytes = Writer::new(7, 0).question(&[0xc0, 12], A, INTERNET);
        assert!(Message::read(&bytes.finish()).is_none());
    }
}
