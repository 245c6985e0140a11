//! What an agent is answered.

use super::{
    answer::{Answer, CNAME, SOA},
    question::{HEADER, Head, IN, OPT, Question},
};

/// Bytes of a UDP answer that are announced, and that fit on every path (DNS flag day 2020).
pub(super) const PAYLOAD: u16 = 1232;
/// Bytes of a UDP answer to a client without EDNS.
const SMALL: usize = 512;
/// Bytes of a UDP answer to any client: it comes over loopback.
const LARGE: usize = 4096;

/// A pointer to the name in the question.
const TO_QUESTION: u16 = 0xc00c;

/// Response codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Code {
    NoError = 0,
    FormErr = 1,
    ServFail = 2,
    NoName = 3,
    NotImp = 4,
    Refused = 5,
    /// Its upper bits are in the record of EDNS.
    BadVersion = 16,
}

/// Why there is no answer, for people who look (RFC 8914).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Extended {
    /// All addresses were taken out.
    Filtered = 17,
    /// The scope does not permit it.
    Prohibited = 18,
    /// No upstream server can be reached, or none answers.
    NoReachableAuthority = 22,
    /// A limit of this resolver.
    NotReady = 14,
}

/// Only a header: for messages whose question cannot be echoed.
pub(super) fn header(head: Head, code: Code) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER);
    push_header(&mut message, head, code, 0);
    message
}

/// The question, and nothing.
pub(super) fn empty(question: &Question, code: Code, extended: Option<Extended>) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + question.section.len() + 17);
    push_header(&mut message, question.head, code, 1);
    message.extend_from_slice(&question.section);
    push_edns(&mut message, question, code, extended);
    message
}

/// An answer, of which the items in `dropped` are left out. All records have the same time to live. If it is longer than
/// `max` bytes, it says that there is more, and has none.
pub(super) fn answer(
    question: &Question,
    answer: &Answer,
    dropped: &[usize],
    ttl: u32,
    max: usize,
) -> Vec<u8> {
    let code = if answer.is_no_name {
        Code::NoName
    } else {
        Code::NoError
    };
    let mut message = Vec::with_capacity(SMALL);
    push_header(&mut message, question.head, code, 1);
    message.extend_from_slice(&question.section);
    // Where in the message the names are that aliases stand for.
    let mut owners = vec![TO_QUESTION];
    let mut count = 0_u16;
    for (index, item) in answer.items.iter().enumerate() {
        if dropped.contains(&index) {
            continue;
        }
        let owner = owners.get(item.owner).copied().unwrap_or(TO_QUESTION);
        message.extend_from_slice(&owner.to_be_bytes());
        push_record(&mut message, item.record_type, ttl, &item.data);
        // Aliases come first: there are few, and a pointer reaches them.
        if item.record_type == CNAME && owners.len() == index + 1 {
            let at = message.len() - item.data.len();
            owners.push(0xc000 | u16::try_from(at).unwrap_or_default());
        }
        count += 1;
    }
    set_count(&mut message, 6, count);
    if let Some(soa) = &answer.soa {
        message.extend_from_slice(&soa.owner);
        push_record(&mut message, SOA, ttl, &soa.data);
        set_count(&mut message, 8, 1);
    }
    push_edns(&mut message, question, code, None);
    if message.len() <= max {
        return message;
    }
    let mut message = empty(question, code, None);
    message[2] |= 0x02;
    message
}

/// Bytes that a UDP answer to this question can have.
pub(super) fn max_over_udp(question: &Question) -> usize {
    question
        .edns
        .map_or(SMALL, |edns| usize::from(edns.payload).clamp(SMALL, LARGE))
}

fn push_header(message: &mut Vec<u8>, head: Head, code: Code, questions: u16) {
    /// QR and RA.
    const ANSWER: u16 = 1 << 15 | 1 << 7;
    let flags = ANSWER | head.flags | code as u16 & 0xf;
    for word in [head.id, flags, questions, 0, 0, 0] {
        message.extend_from_slice(&word.to_be_bytes());
    }
}

fn push_record(message: &mut Vec<u8>, record_type: u16, ttl: u32, data: &[u8]) {
    message.extend_from_slice(&record_type.to_be_bytes());
    message.extend_from_slice(&IN.to_be_bytes());
    message.extend_from_slice(&ttl.to_be_bytes());
    // Data that is longer was not taken from an answer.
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(&data[..length.into()]);
}

/// The record of EDNS, for a client that knows it.
fn push_edns(message: &mut Vec<u8>, question: &Question, code: Code, extended: Option<Extended>) {
    let Some(edns) = question.edns else { return };
    let flags = if edns.dnssec_ok { 0x80 } else { 0 };
    message.push(0);
    message.extend_from_slice(&OPT.to_be_bytes());
    message.extend_from_slice(&PAYLOAD.to_be_bytes());
    message.extend_from_slice(&[code as u8 >> 4, 0, flags, 0]);
    match extended {
        None => message.extend_from_slice(&[0, 0]),
        Some(extended) => {
            message.extend_from_slice(&[0, 6, 0, 15, 0, 2]);
            message.extend_from_slice(&(extended as u16).to_be_bytes());
        }
    }
    set_count(message, 10, 1);
}

fn set_count(message: &mut [u8], at: usize, count: u16) {
    message[at..at + 2].copy_from_slice(&count.to_be_bytes());
}
