//! What real clients send first is understood, and what no server should accept is not.

use agentguard_common::tls::{
    Hello, Kind, MAX_EXTENSIONS, MAX_NAME, Span, Spelling, client_hello, fold,
};

#[path = "tls/clients.rs"]
mod clients;
#[path = "tls/message.rs"]
mod message;

use clients::{CLIENTS, NAME};
use message::{Message, server_name, vector};

fn is_browser(client: &str) -> bool {
    matches!(client, "chrome" | "firefox")
}

#[test]
fn real_clients_are_understood() {
    for (client, bytes, name) in CLIENTS {
        let hello = client_hello(bytes);
        let span = match hello {
            Hello::Encrypted(span) if is_browser(client) => span,
            Hello::Name(span) if !is_browser(client) => span,
            Hello::NoName if name.is_empty() => continue,
            other => panic!("{client}: {other:?}"),
        };
        let seen = span.of(bytes).unwrap();
        assert_eq!(seen, name.as_bytes(), "{client}");
        let (folded, spelling) = fold(seen).unwrap();
        assert_eq!(spelling, Spelling::Name, "{client}");
        assert_eq!(&folded[..NAME.len()], NAME.as_bytes(), "{client}");
        assert!(folded[NAME.len()..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_part_of_a_hello_is_split_wherever_it_ends() {
    for (client, bytes, _) in CLIENTS {
        for end in 0..bytes.len() {
            assert_eq!(client_hello(&bytes[..end]), Hello::Split, "{client}: {end}");
        }
    }
}

#[test]
fn what_follows_the_record_is_not_looked_at() {
    for (client, bytes, _) in CLIENTS {
        // A change of cipher and early data.
        let more = [bytes, &[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 9]].concat();
        assert_eq!(
            client_hello(more.as_slice()),
            client_hello(bytes),
            "{client}"
        );
    }
}

#[test]
fn a_hello_in_two_records_is_split() {
    for (client, bytes, _) in CLIENTS {
        for first in 1..bytes.len() - 5 {
            let (first, second) = bytes[5..].split_at(first);
            let length = |part: &[u8]| u16::try_from(part.len()).unwrap().to_be_bytes();
            let records = [
                &[22, 3, 1],
                &length(first)[..],
                first,
                &[22, 3, 1],
                &length(second)[..],
                second,
            ]
            .concat();
            assert_eq!(
                client_hello(records.as_slice()),
                Hello::Split,
                "{client}: {}",
                first.len()
            );
        }
    }
}

#[test]
fn other_protocols_are_not_tls() {
    for first in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\n",
        // SSL 2.0's hello, an alert, a hello request, and a server's.
        &[0x80, 46, 1, 3, 1, 0, 21, 0, 0, 0, 16],
        &[21, 3, 3, 0, 2, 1, 0],
        &[22, 3, 3, 0, 4, 0, 0, 0, 0],
        &[22, 3, 3, 0, 4, 2, 0, 0, 0],
        &[22, 2, 0, 0, 4, 1, 0, 0, 0],
    ] {
        assert_eq!(client_hello(first), Hello::NotTls, "{first:?}");
    }
}

/// What a hello with these extensions is.
fn outcome(extensions: Vec<(u16, Vec<u8>)>) -> Hello {
    let message = Message {
        session: vec![7; 32],
        suites: vec![0x13, 1, 0x13, 2],
        compression: vec![0],
        extensions: Some(extensions),
        after: Vec::new(),
    };
    client_hello(message.encode().as_slice())
}

#[test]
fn one_name_is_a_name_and_anything_else_is_not() {
    let name = server_name(NAME.as_bytes());
    let two_names = |first: u8, second: u8| {
        let entry = |kind| [&[kind][..], &vector(2, NAME.as_bytes())].concat();
        (0, vector(2, &[entry(first), entry(second)].concat()))
    };
    let longer = |(kind, mut body): (u16, Vec<u8>)| {
        body.push(0);
        (kind, body)
    };
    assert!(matches!(
        outcome(vec![name.clone()]),
        Hello::Name(Span { length: 15, .. })
    ));
    assert_eq!(outcome(vec![]), Hello::NoName);
    assert_eq!(
        outcome(vec![(16, vec![]), (43, vec![2, 3, 4])]),
        Hello::NoName
    );
    assert_eq!(outcome(vec![name.clone(), name.clone()]), Hello::Malformed);
    assert_eq!(outcome(vec![two_names(0, 0)]), Hello::Malformed);
    assert_eq!(outcome(vec![two_names(0, 1)]), Hello::Malformed);
    assert_eq!(outcome(vec![two_names(1, 0)]), Hello::Malformed);
    assert_eq!(outcome(vec![longer(name.clone())]), Hello::Malformed);
    assert_eq!(outcome(vec![(0, vec![])]), Hello::Malformed);
    assert_eq!(outcome(vec![(0, vec![0, 0])]), Hello::Malformed);
    assert_eq!(outcome(vec![server_name(b"")]), Hello::BadName);
    let long = vec![b'a'; MAX_NAME as usize + 1];
    assert!(matches!(
        outcome(vec![server_name(&long[1..])]),
        Hello::Name(Span {
            length: MAX_NAME,
            ..
        })
    ));
    assert_eq!(outcome(vec![server_name(&long)]), Hello::BadName);
}

#[test]
fn an_encrypted_hello_is_never_a_name() {
    let name = server_name(NAME.as_bytes());
    for kind in [0xfe08, 0xfe09, 0xfe0a, 0xfe0c, 0xfe0d, 0xffce] {
        let encrypted = (kind, vec![0; 20]);
        for extensions in [
            vec![name.clone(), encrypted.clone()],
            vec![encrypted.clone(), name.clone()],
        ] {
            assert!(matches!(
                outcome(extensions),
                Hello::Encrypted(Span { length: 15, .. })
            ));
        }
        assert_eq!(outcome(vec![encrypted]), Hello::Encrypted(Span::NONE));
    }
}

#[test]
fn more_extensions_than_are_read_are_malformed() {
    let name = server_name(NAME.as_bytes());
    let others = |count| {
        (0..count)
            .map(|kind| (1000 + kind, vec![]))
            .collect::<Vec<_>>()
    };
    let limit = u16::try_from(MAX_EXTENSIONS).unwrap();
    let last = [others(limit - 1), vec![name.clone()]].concat();
    assert!(matches!(outcome(last), Hello::Name(_)));
    assert_eq!(outcome(others(limit)), Hello::NoName);
    let beyond = [others(limit), vec![name.clone()]].concat();
    assert_eq!(outcome(beyond), Hello::Malformed);
    let first = [vec![name], others(limit)].concat();
    assert_eq!(outcome(first), Hello::Malformed);
}

#[test]
fn kinds_are_known_by_their_numbers() {
    for (number, kind) in (0_u8..).zip(Kind::ALL) {
        assert_eq!(kind as u8, number);
        assert_eq!(Kind::from_number(number), Some(kind));
    }
    assert_eq!(Kind::from_number(8), None);
}
