//! The first message of TLS (RFC 8446, section 4.1.2), right and wrong ones.

use std::io;

/// `server_name` (RFC 6066), `padding` (RFC 7685), `supported_versions`, and `encrypted_client_hello` (RFC 9849).
const SERVER_NAME: u16 = 0;
const PADDING: u16 = 21;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED: u16 = 0xfe0d;

/// The segments in which it is sent.
pub(super) fn segments(form: &str, name: &str) -> io::Result<Vec<Vec<u8>>> {
    let names = |names: &[&str]| extension(SERVER_NAME, &list(names));
    let versions = extension(SUPPORTED_VERSIONS, &[2, 3, 4]);
    let hello = |extensions: &[Vec<u8>]| record(&handshake(&extensions.concat()));
    let plain = hello(&[names(&[name]), versions.clone()]);
    let middle = position(&plain, name);
    Ok(match form {
        "plain" => vec![plain],
        "upper" => vec![hello(&[names(&[&name.to_ascii_uppercase()]), versions])],
        "dot" => vec![hello(&[names(&[&format!("{name}.")]), versions])],
        "none" => vec![hello(&[versions])],
        "no-extensions" => vec![record(&handshake_without_extensions())],
        "empty" => vec![hello(&[names(&[""]), versions])],
        "empty-list" => vec![hello(&[names(&[]), versions])],
        "two-names" => vec![hello(&[names(&[name, "api.agents.example"]), versions])],
        "two-extensions" => vec![hello(&[
            names(&[name]),
            names(&["api.agents.example"]),
            versions,
        ])],
        "zero-byte" => vec![hello(&[
            names(&[&format!("{name}\0.elsewhere.example")]),
            versions,
        ])],
        // In two packets, cut in the middle of the name, and just after the header of the record.
        "split" => vec![plain[..middle].to_vec(), plain[middle..].to_vec()],
        "split-early" => vec![plain[..5].to_vec(), plain[5..].to_vec()],
        "bytes" => plain.chunks(1).map(<[u8]>::to_vec).collect(),
        // One packet, in two records (RFC 8446, section 5.1).
        "records" => {
            let whole = &plain[5..];
            let (first, second) = whole.split_at(middle - 5);
            vec![[record(first), record(second)].concat()]
        }
        // Further back than where anybody looks.
        "padded" => vec![hello(&[
            extension(PADDING, &[0; 900]),
            names(&[name]),
            versions,
        ])],
        "far" => vec![hello(&[
            extension(PADDING, &[0; 4000]),
            names(&[name]),
            versions,
        ])],
        // An outer name that is innocent, and an inner one that nobody can read.
        "encrypted" => {
            let inner = [
                &[0, 0, 1, 0, 1, 7, 0, 32][..],
                &[9; 32],
                &[0, 144],
                &[5; 144],
            ]
            .concat();
            vec![hello(&[
                names(&[name]),
                versions,
                extension(ENCRYPTED, &inner),
            ])]
        }
        "second-hello" => vec![
            plain,
            hello(&[names(&["hidden.elsewhere.example"]), versions]),
        ],
        // A record that says nothing comes first.
        "alert-first" => vec![[&[21, 3, 1, 0, 2, 1, 0][..], &plain].concat()],
        "version-2" => vec![[&[0x80, 0x2e, 1, 3, 1, 0, 21, 0, 0, 0, 16][..], &[7; 37]].concat()],
        "not-tls" => vec![format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n").into_bytes()],
        "too-long" => {
            let mut wrong = plain;
            wrong[3..5].copy_from_slice(&[0xff, 0xff]);
            vec![wrong]
        }
        other => return Err(io::Error::other(format!("there is no form {other}"))),
    })
}

/// Where the middle of a name is.
fn position(hello: &[u8], name: &str) -> usize {
    let name = name.as_bytes();
    let found = hello
        .windows(name.len().max(1))
        .position(|part| part == name);
    found.map_or(hello.len() / 2, |at| at + name.len() / 2)
}

fn record(content: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &length(content), content].concat()
}

fn handshake(extensions: &[u8]) -> Vec<u8> {
    let mut body = handshake_without_extensions();
    body.extend(length(extensions));
    body.extend(extensions);
    let size = u32::try_from(body.len() - 4).unwrap_or(u32::MAX);
    body[1..4].copy_from_slice(&size.to_be_bytes()[1..]);
    body
}

fn handshake_without_extensions() -> Vec<u8> {
    // Version 1.2, a random number, a session, three ciphers, no compression.
    let mut body = vec![1, 0, 0, 0, 3, 3];
    body.extend([0x5a; 32]);
    body.push(32);
    body.extend([0x33; 32]);
    body.extend([0, 6, 0x13, 1, 0x13, 2, 0xc0, 0x2f, 1, 0]);
    let size = u32::try_from(body.len() - 4).unwrap_or(u32::MAX);
    body[1..4].copy_from_slice(&size.to_be_bytes()[1..]);
    body
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &length(content), content].concat()
}

fn list(names: &[&str]) -> Vec<u8> {
    let entry = |name: &&str| [&[0][..], &length(name.as_bytes()), name.as_bytes()].concat();
    let entries: Vec<u8> = names.iter().flat_map(entry).collect();
    [&length(&entries)[..], &entries].concat()
}

/// The length of something, before it.
fn length(content: &[u8]) -> [u8; 2] {
    u16::try_from(content.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lengths_agree() {
        let hello = &segments("plain", "api.agents.example").unwrap()[0];
        assert_eq!(
            usize::from(hello[3]) * 256 + usize::from(hello[4]),
            hello.len() - 5
        );
        assert_eq!(
            usize::from(hello[7]) * 256 + usize::from(hello[8]),
            hello.len() - 9
        );
    }

    #[test]
    fn two_segments_are_the_whole() {
        let whole = segments("plain", "api.agents.example").unwrap().concat();
        let parts = segments("split", "api.agents.example").unwrap();
        assert_eq!(parts.concat(), whole);
        assert!(!parts[0].ends_with(b"api.agents.example"));
    }
}
