//! What an upstream server says, cut down to what is passed on.

use hickory_proto::{
    op::{Message, OpCode},
    rr::{DNSClass, Name, RData, Record},
    serialize::binary::{BinDecoder, BinEncodable, BinEncoder, NameEncoding},
};

use super::question::{HEADER, word};

/// Number of the type A.
pub(super) const A: u16 = 1;
/// Number of the type CNAME.
pub(super) const CNAME: u16 = 5;
/// Number of the type SOA.
pub(super) const SOA: u16 = 6;
/// Number of the type AAAA.
pub(super) const AAAA: u16 = 28;

/// Aliases that are followed in one answer.
const MAX_ALIASES: usize = 12;
/// Records that an answer keeps. More do not come from a name that is used to connect somewhere.
const MAX_RECORDS: usize = 256;

/// A record that is passed on.
#[derive(Debug)]
pub(super) struct Item {
    /// Its owner: 0 is the name in the question, *n* what the *n*-th item, an alias, stands for.
    pub owner: usize,
    /// Number of the type.
    pub record_type: u16,
    /// The data, without compressed names.
    pub data: Box<[u8]>,
}

/// The SOA record of an answer that says that there is nothing.
#[derive(Debug)]
pub(super) struct Soa {
    /// The name of the zone, as it is in messages.
    pub owner: Box<[u8]>,
    /// The data, without compressed names.
    pub data: Box<[u8]>,
}

/// An answer: the aliases from the name in the question to the last, and the records of the last.
#[derive(Debug)]
pub(super) struct Answer {
    /// Whether the last name does not exist.
    pub is_no_name: bool,
    /// The records; aliases first.
    pub items: Vec<Item>,
    /// Of an answer without records of the type that was asked for.
    pub soa: Option<Soa>,
    /// The shortest time to live, in seconds. 0: it is not kept.
    pub ttl: u32,
    /// Records that were left out because there were too many.
    pub left_out: usize,
}

/// What a message was.
#[derive(Debug)]
pub(super) enum Heard {
    /// An answer.
    Answer(Answer),
    /// There is more than fits into a datagram.
    Truncated,
    /// The server cannot or does not want to: its response code.
    Failed(u8),
}

/// Why a message is not an answer to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// It has another id or another question, or is no answer at all.
    Other,
    /// The question differs in case alone.
    Case,
    /// It answers the question, and cannot be read further.
    Unreadable,
}

impl Answer {
    /// There is nothing, and nobody has been asked.
    pub(super) const NOTHING: Self = Self {
        is_no_name: false,
        items: Vec::new(),
        soa: None,
        ttl: 0,
        left_out: 0,
    };

    /// Bytes that it holds, roughly.
    pub(super) fn cost(&self) -> usize {
        let items: usize = self
            .items
            .iter()
            .map(|item| size_of::<Item>() + item.data.len())
            .sum();
        let soa = self
            .soa
            .as_ref()
            .map_or(0, |soa| soa.owner.len() + soa.data.len());
        size_of::<Self>() + items + soa
    }
}

/// Reads what came back for `asked`, a message with one question of which `section` is the part after the header.
pub(super) fn read(message: &[u8], id: u16, section: &[u8]) -> Result<Heard, Foreign> {
    let (Some(got_id), Some(flags)) = (word(message, 0), word(message, 2)) else {
        return Err(Foreign::Other);
    };
    let is_answer = flags & 0xf800 == 0x8000;
    if got_id != id || !is_answer {
        return Err(Foreign::Other);
    }
    let code = (flags & 0xf) as u8;
    let end = HEADER + section.len();
    match message.get(HEADER..end) {
        // Some servers leave the question out of an error.
        None if message.len() == HEADER && word(message, 4) == Some(0) && code > 0 && code != 3 => {
            return Ok(Heard::Failed(code));
        }
        _ if word(message, 4) != Some(1) => return Err(Foreign::Other),
        Some(got) if got == section => {}
        Some(got) if got.eq_ignore_ascii_case(section) => return Err(Foreign::Case),
        _ => return Err(Foreign::Other),
    }
    if flags & 1 << 9 != 0 {
        return Ok(Heard::Truncated);
    }
    if code != 0 && code != 3 {
        return Ok(Heard::Failed(code));
    }
    records(message, end, section, code == 3)
        .map(Heard::Answer)
        .ok_or(Foreign::Unreadable)
}

fn records(message: &[u8], end: usize, section: &[u8], is_no_name: bool) -> Option<Answer> {
    let record_type = word(section, section.len().checked_sub(4)?)?;
    let mut reader = BinDecoder::new(message).clone(u16::try_from(end).ok()?);
    let (answers, _, _) =
        Message::read_records(&mut reader, word(message, 6)?.into(), false, OpCode::Query).ok()?;
    // What stands there is only good for how long there is nothing.
    let authorities =
        Message::read_records(&mut reader, word(message, 8)?.into(), false, OpCode::Query)
            .map(|(records, _, _)| records)
            .unwrap_or_default();
    answer(section, record_type, is_no_name, &answers, &authorities)
}

fn answer(
    section: &[u8],
    record_type: u16,
    is_no_name: bool,
    answers: &[Record],
    authorities: &[Record],
) -> Option<Answer> {
    let mut result = Answer {
        is_no_name,
        ttl: u32::MAX,
        ..Answer::NOTHING
    };
    // Owners are compared in the form that names have in a question.
    let owned: Vec<(Vec<u8>, &Record)> = answers
        .iter()
        .filter(|record| record.dns_class == DNSClass::IN)
        .map(|record| (lower(&record.name), record))
        .collect();
    let mut last = section[..section.len() - 4].to_ascii_lowercase();
    if record_type != CNAME {
        while let Some((record, target)) =
            owned.iter().find_map(|(name, record)| match &record.data {
                RData::CNAME(alias) if *name == last => Some((record, lower(&alias.0))),
                _ => None,
            })
        {
            if result.items.len() == MAX_ALIASES {
                return None;
            }
            result.ttl = result.ttl.min(ttl(record));
            result.items.push(Item {
                owner: result.items.len(),
                record_type: CNAME,
                data: target.as_slice().into(),
            });
            last = target;
        }
    }
    let aliases = result.items.len();
    for (name, record) in &owned {
        if *name != last || u16::from(record.record_type()) != record_type {
            continue;
        }
        if result.items.len() == MAX_RECORDS {
            result.left_out += 1;
            continue;
        }
        result.ttl = result.ttl.min(ttl(record));
        result.items.push(Item {
            owner: aliases,
            record_type,
            data: data(&record.data)?,
        });
    }
    if result.items.len() == aliases {
        result.soa = None;
        match authorities.iter().find_map(soa) {
            Some((soa, ttl)) => {
                result.ttl = result.ttl.min(ttl);
                result.soa = Some(soa);
            }
            // Nothing says how long it holds (RFC 2308, section 5).
            None => result.ttl = 0,
        }
    }
    Some(result)
}

fn soa(record: &Record) -> Option<(Soa, u32)> {
    match &record.data {
        RData::SOA(soa) if record.dns_class == DNSClass::IN => Some((
            Soa {
                owner: lower(&record.name).into(),
                data: data(&record.data)?,
            },
            ttl(record).min(soa.minimum),
        )),
        _ => None,
    }
}

/// A time to live with the highest bit set is 0 (RFC 2181, section 8).
fn ttl(record: &Record) -> u32 {
    if record.ttl > i32::MAX.cast_unsigned() {
        0
    } else {
        record.ttl
    }
}

/// The name as it is in messages, in lower case.
fn lower(name: &Name) -> Vec<u8> {
    let mut wire = Vec::with_capacity(name.len() + 1);
    for label in name {
        // A label has at most 63 bytes.
        wire.push(u8::try_from(label.len()).unwrap_or(63));
        wire.extend(label.iter().take(63).map(u8::to_ascii_lowercase));
    }
    wire.push(0);
    wire
}

fn data(data: &RData) -> Option<Box<[u8]>> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    u16::try_from(bytes.len()).ok()?;
    Some(bytes.into())
}
