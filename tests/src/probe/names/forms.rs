//! The forms of a question, right and wrong ones.

use std::io;

use crate::dns::{A, INTERNET, OPT, RECURSE, RESPONSE, Record, TXT, Writer, name_bytes};

/// A class that is not the Internet's.
const CHAOS: u16 = 3;
/// Operation codes: the state of a server, a notification, and a change.
const STATUS: u16 = 2 << 11;
const NOTIFY: u16 = 4 << 11;
const UPDATE: u16 = 5 << 11;
/// What an innocent question is about.
const INNOCENT: &str = "api.agents.example";

/// A message that asks about a name by a type.
pub(super) fn message(form: &str, name: &str, kind: u16) -> io::Result<Vec<u8>> {
    let id = std::process::id().to_be_bytes();
    let id = u16::from_be_bytes([id[2], id[3]]);
    let (wire, innocent) = (name_bytes(name), name_bytes(INNOCENT));
    let plain = || Writer::new(id, RECURSE).question(&wire, kind, INTERNET);
    let hidden = || Writer::new(id, RECURSE).question(&innocent, A, INTERNET);
    let writer = match form {
        "plain" => plain(),
        "mixed" => Writer::new(id, RECURSE).question(&name_bytes(&mixed(name)), kind, INTERNET),
        // More than one question: the innocent one comes first, or last.
        "two" => hidden().question(&wire, kind, INTERNET),
        "two-hidden-first" => plain().question(&innocent, A, INTERNET),
        // The name of the second is that of the first, and the first is a label and a pointer to the rest.
        "pointer" => hidden().question(
            &[&wire[..=usize::from(wire[0])], &[0xc0, 12]].concat(),
            kind,
            INTERNET,
        ),
        "pointer-to-itself" => Writer::new(id, RECURSE).question(
            &[&wire[..wire.len() - 1], &[0xc0, 12]].concat(),
            kind,
            INTERNET,
        ),
        "pointer-beyond" => Writer::new(id, RECURSE).question(
            &[&wire[..wire.len() - 1], &[0xff, 0xff]].concat(),
            kind,
            INTERNET,
        ),
        // A pointer to a name that is in the part that says more.
        "pointer-forward" => Writer::new(id, RECURSE)
            .question(&[0xc0, 18], kind, INTERNET)
            .record(3, &wire, 0, &Record::Raw(TXT, Vec::new())),
        "class" => Writer::new(id, RECURSE).question(&wire, kind, CHAOS),
        "status" => plain().flag(STATUS),
        "notify" => plain().flag(NOTIFY),
        "update" => plain().flag(UPDATE),
        "response" => plain().flag(RESPONSE),
        "no-question" => Writer::new(id, RECURSE).bytes(&wire),
        "too-many" => plain().count(0),
        // Beside an innocent question: records, an option of EDNS (one that is for trying things), and bytes of nothing.
        "answer-section" => hidden().record(1, &wire, 0, &Record::Raw(TXT, Vec::new())),
        "authority-section" => hidden().record(2, &wire, 0, &Record::Raw(TXT, Vec::new())),
        "additional-section" => hidden().record(3, &wire, 0, &Record::Raw(TXT, Vec::new())),
        "option" => {
            let mut data = vec![0xfd, 0xe9];
            data.extend(
                u16::try_from(wire.len())
                    .map_err(io::Error::other)?
                    .to_be_bytes(),
            );
            data.extend(&wire);
            hidden().record(3, &[0], 1232, &Record::Raw(OPT, data))
        }
        "trailing" => hidden().bytes(&wire),
        "padded-label" => {
            // A label with a zero byte and a dot in it.
            let mut odd = vec![3, b'a', 0, b'.'];
            odd.extend(&wire);
            Writer::new(id, RECURSE).question(&odd, kind, INTERNET)
        }
        "long-label" => {
            let label = "x".repeat(64);
            Writer::new(id, RECURSE).question(
                &name_bytes(&format!("{label}.{name}")),
                kind,
                INTERNET,
            )
        }
        "long-name" => {
            let labels = "abcdefghijklmnopqrstuvwxyz.".repeat(10);
            Writer::new(id, RECURSE).question(
                &name_bytes(&format!("{labels}{name}")),
                kind,
                INTERNET,
            )
        }
        "edns" => plain().extension(1232, 0),
        "edns-large" => plain().extension(4096, 0),
        // The flag that asks for signatures (RFC 3225).
        "signed" => plain().extension(1232, 0x8000),
        "edns-version" => plain().extension(1232, 0x0001_0000),
        "cut" => return Ok(plain().finish()[..12 + wire.len() / 2].to_vec()),
        "header" => return Ok(plain().finish()[..12].to_vec()),
        "short" => return Ok(plain().finish()[..7].to_vec()),
        other => return Err(io::Error::other(format!("there is no form {other}"))),
    };
    Ok(writer.finish())
}

/// Every second letter in upper case.
fn mixed(name: &str) -> String {
    let letters = name.chars().enumerate();
    letters
        .map(|(at, letter)| match at % 2 {
            0 => letter.to_ascii_uppercase(),
            _ => letter,
        })
        .collect()
}
