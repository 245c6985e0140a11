//! What the scripted name server sends, also what nobody should believe.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
};

use super::zone::{self, Script};
use crate::dns::{
    AUTHORITATIVE, Message, NO_SUCH_NAME, RESPONSE, Record, SOA, TRUNCATED, Writer, name_bytes,
};

/// What a datagram may hold where EDNS does not say otherwise (RFC 1035, section 4.2.1).
const SMALL: u16 = 512;

/// Everything that must not be believed, before the true answer.
pub(super) fn forge(
    socket: &UdpSocket,
    forger: &UdpSocket,
    to: SocketAddr,
    message: &Message,
) -> io::Result<()> {
    let Some(question) = message.questions.first() else {
        return Ok(());
    };
    let said = zone::forged(&question.name);
    // From somebody else.
    if forger.local_addr()?.is_ipv4() == to.is_ipv4() {
        forger.send_to(&whole(message, 0, &said), to)?;
    }
    // With another id.
    let mut other = message.clone();
    other.id = message.id.wrapping_add(1);
    socket.send_to(&whole(&other, 0, &said), to)?;
    // About another name, and about another type.
    let mut other = message.clone();
    other.questions[0].name = format!("x{}", question.name);
    socket.send_to(&whole(&other, 0, &said), to)?;
    let mut other = message.clone();
    other.questions[0].kind = 99;
    socket.send_to(&whole(&other, 0, &said), to)?;
    // Without a question.
    let mut other = message.clone();
    other.questions.clear();
    socket.send_to(&whole(&other, 0, &said), to)?;
    // A question instead of an answer.
    let mut bytes = whole(message, 0, &said);
    bytes[2] &= 0x7f;
    socket.send_to(&bytes, to).map(drop)
}

/// The answer to what has one, and only one, at once.
pub(super) fn simple(message: &Message, script: &Script, is_datagram: bool) -> Option<Vec<u8>> {
    match script {
        Script::Says(said) if is_datagram => Some(fitting(message, said)),
        Script::Says(said) | Script::Forged(said) | Script::Late(_, said) => {
            Some(whole(message, 0, said))
        }
        Script::Unknown => Some(whole(message, NO_SUCH_NAME, &[])),
        Script::Garbage => {
            let mut bytes = message.id.to_be_bytes().to_vec();
            bytes.extend([
                0x81, 0x80, 0xff, 0xff, 0xff, 0xff, 0xc0, 0x0c, 0xc0, 0x0c, 0xff,
            ]);
            Some(bytes)
        }
        Script::CutOff => {
            let question = message.questions.first()?;
            let writer = Writer::new(message.id, RESPONSE | AUTHORITATIVE);
            let name = name_bytes(&question.name);
            let writer = writer.question(&name, question.kind, question.class);
            Some(writer.count(1).bytes(&[0xc0, 12, 0]).finish())
        }
        Script::Silence => None,
    }
}

/// An answer that fits into a datagram, or the beginning of one that says so.
pub(super) fn fitting(message: &Message, said: &[(String, u32, Record)]) -> Vec<u8> {
    let whole = whole(message, 0, said);
    let room = message.size.unwrap_or(SMALL).max(SMALL);
    if whole.len() <= usize::from(room) {
        return whole;
    }
    self::whole(message, TRUNCATED, &[])
}

/// An answer, however long it is.
fn whole(message: &Message, flags: u16, said: &[(String, u32, Record)]) -> Vec<u8> {
    let mut writer = Writer::new(message.id, RESPONSE | AUTHORITATIVE | flags);
    for question in &message.questions {
        let name = name_bytes(&question.name);
        writer = writer.question(&name, question.kind, question.class);
    }
    for (name, ttl, record) in said {
        writer = writer.answer(&name_bytes(name), *ttl, record);
    }
    if said.is_empty() {
        writer = writer.record(2, &name_bytes("example"), 30, &start_of_authority());
    }
    if message.size.is_some() {
        writer = writer.extension(1232, 0);
    }
    writer.finish()
}

/// What says for how long it may be remembered that there is nothing (RFC 2308).
fn start_of_authority() -> Record {
    let mut data = name_bytes("ns.example");
    data.extend(name_bytes("hostmaster.example"));
    for number in [1_u32, 3600, 600, 86400, 30] {
        data.extend(number.to_be_bytes());
    }
    Record::Raw(SOA, data)
}
