//! Questions to name servers.
//!
//! `dns TRANSPORT SERVER NAME TYPE [FORM]` sends one and takes the answer. How the answer ends is a fact, not a call: the
//! calls of a question that is declined succeed.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    dns::{self, Message},
    probe::{Report, Step, Technique, arguments::Arguments},
    sys,
};

use super::{
    forms,
    transports::{datagram, exchange},
};

pub(in crate::probe) const TECHNIQUES: &[Technique] = &[
    ("dns", ask),
    ("dns-many", ask_many),
    ("dns-latency", measure),
    ("dns-elsewhere", connected_elsewhere),
];

/// How long an answer may take: a resolver asks again after a second or two.
const PATIENCE: Duration = Duration::from_secs(6);
/// Between two of many questions: 800 in a second.
const PAUSE: Duration = Duration::from_micros(1250);
/// How long nobody answers who is not to answer.
const SILENCE: Duration = Duration::from_millis(600);

fn ask(report: &mut Report, arguments: &Arguments) -> Step {
    let (transport, server) = (arguments.text(0)?, arguments.internet(1)?);
    let (name, kind) = (arguments.text(2)?, kind(arguments.text(3)?)?);
    let form = arguments.text(4).unwrap_or("plain");
    let message = forms::message(form, name, kind)?;
    // What is no question at all has no answer.
    let patience = match arguments.text(5) {
        Ok("unanswered") => SILENCE,
        _ => PATIENCE,
    };
    let answer = exchange(report, transport, server, &message, patience)?;
    tell(report, &message, answer.as_deref());
    Ok(())
}

/// `dns-many TRANSPORT SERVER NAME COUNT [TYPE]`, not more of them than a resolver takes: as many questions, `$n` in the name is the number; how many answers of which kind.
fn ask_many(report: &mut Report, arguments: &Arguments) -> Step {
    let (transport, server) = (arguments.text(0)?, arguments.internet(1)?);
    let (name, count) = (arguments.text(2)?, arguments.parse::<u32>(3)?);
    let kind = kind(arguments.text(4).unwrap_or("AAAA"))?;
    let mut codes = std::collections::BTreeMap::<String, u64>::new();
    for number in 0..count {
        let name = name.replace("$n", &number.to_string());
        let message = forms::message("plain", &name, kind)?;
        let mut one = Report::default();
        let answer = exchange(&mut one, transport, server, &message, PATIENCE);
        let code = match answer {
            Ok(Some(answer)) => match Message::read(&answer) {
                Some(message) => dns::code_name(message.code()),
                None => "unreadable".to_owned(),
            },
            Ok(None) => "silence".to_owned(),
            Err(_) => "error".to_owned(),
        };
        *codes.entry(code).or_default() += 1;
        std::thread::sleep(PAUSE);
    }
    for (code, count) in codes {
        report.fact(&code, count);
    }
    Ok(())
}

/// `dns-latency SERVER NAME COUNT`: one question after another from one socket, `$n` in the name is the number; how long an
/// answer takes, in nanoseconds, and how many did not come or were none.
fn measure(report: &mut Report, arguments: &Arguments) -> Step {
    let (server, name) = (arguments.internet(0)?, arguments.text(1)?);
    let count = arguments.parse::<usize>(2)?;
    let socket = datagram(report, server, PATIENCE)?;
    report.step("connect", sys::connect(&socket, &server.into()))?;
    let (mut times, mut buffer) = (Vec::with_capacity(count), [0; 1500]);
    for number in 0..count {
        let name = name.replace("$n", &number.to_string());
        let message = forms::message("edns", &name, dns::AAAA)?;
        let begun = Instant::now();
        let sent = sys::send_to(&socket, &message, 0, None);
        let got = sent.and_then(|_| sys::recv(&socket, &mut buffer));
        let took = begun.elapsed();
        let answer = got.ok().and_then(|length| Message::read(&buffer[..length]));
        if answer.is_some_and(|answer| answer.addresses().len() == 1) {
            times.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
        std::thread::sleep(PAUSE);
    }
    times.sort_unstable();
    report.fact("missing", count - times.len());
    let at = |part: usize| times.get(times.len() * part / 100).copied();
    report.fact("median", at(50));
    report.fact("slow", at(99));
    Ok(())
}

/// `dns-elsewhere SERVER OTHER NAME TYPE`: connected to one server, asking another.
fn connected_elsewhere(report: &mut Report, arguments: &Arguments) -> Step {
    let (first, second) = (arguments.internet(0)?, arguments.internet(1)?);
    let message = forms::message("plain", arguments.text(2)?, kind(arguments.text(3)?)?)?;
    let socket = datagram(report, first, PATIENCE)?;
    report.step("connect", sys::connect(&socket, &first.into()))?;
    let sent = sys::send_to(&socket, &message, 0, Some(&second.into()));
    report.step("sendto", sent)?;
    Ok(())
}

fn kind(text: &str) -> io::Result<u16> {
    let known = dns::type_number(text).or_else(|| text.parse().ok());
    known.ok_or_else(|| io::Error::other(format!("there is no type {text}")))
}

/// A question by UDP: the addresses of a name. What is not an address ends the technique at the step `resolve`.
pub(super) fn resolve(
    report: &mut Report,
    server: SocketAddr,
    name: &str,
    kind: u16,
) -> Step<Vec<std::net::IpAddr>> {
    let message = forms::message("edns", name, kind)?;
    let answer = exchange(report, "udp", server, &message, PATIENCE)?;
    let addresses = match answer.as_deref().map(Message::read) {
        Some(Some(answer)) if answer.code() != 0 => {
            Err(io::Error::other(dns::code_name(answer.code())))
        }
        Some(Some(answer)) if answer.addresses().is_empty() => Err(io::Error::other("NODATA")),
        Some(Some(answer)) => Ok(answer.addresses()),
        Some(None) => Err(io::Error::other("unreadable")),
        None => Err(io::Error::other("silence")),
    };
    report.step("resolve", addresses)
}

/// What the answer says.
fn tell(report: &mut Report, asked: &[u8], answer: Option<&[u8]>) {
    let Some(bytes) = answer else {
        report.fact("code", "silence");
        return;
    };
    report.fact("size", bytes.len());
    let Some(answer) = Message::read(bytes) else {
        report.fact("code", "unreadable");
        return;
    };
    report.fact("code", dns::code_name(answer.code()));
    report.fact("answers", answer.answers.len());
    report.fact("truncated", answer.is_truncated());
    let addresses: Vec<_> = answer.addresses().iter().map(ToString::to_string).collect();
    report.fact("addresses", addresses.join(" "));
    let kinds: Vec<_> = answer
        .answers
        .iter()
        .map(|answer| answer.kind.to_string())
        .collect();
    report.fact("types", kinds.join(" "));
    if let Some(ttl) = answer.answers.iter().map(|answer| answer.ttl).min() {
        report.fact("ttl", ttl);
    }
    // The id, and the question letter by letter.
    if let Some(asked) = Message::read(asked) {
        report.fact(
            "echoed",
            asked.id == answer.id && asked.questions == answer.questions,
        );
    }
}
