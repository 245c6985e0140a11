//! Names as they are in messages, as text, and the addresses in records.

use std::net::IpAddr;

use agentguard_common::address::Address;

/// Bytes of a name in a message, the root's label included (RFC 1035, section 3.1).
pub(super) const MAX_WIRE: usize = 255;

/// A name of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// In lower case without the last dot, as RFC 1035 (section 5.1) writes it.
    pub text: String,
    /// Whether a rule can speak of it: letters, digits, `-` and `_` alone.
    pub is_plain: bool,
}

/// Length of the name at the beginning, if it is one that is not compressed.
pub(super) fn wire_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length > 63 || at > MAX_WIRE || at > bytes.len() {
            return None;
        }
        if length == 0 {
            return Some(at);
        }
    }
}

/// The labels of a name that is not compressed.
fn labels(mut wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, rest) = wire.split_first()?;
        let (label, rest) = rest.split_at_checked(length.into())?;
        wire = rest;
        (!label.is_empty()).then_some(label)
    })
}

/// The text of a name that is not compressed.
pub(super) fn text(wire: &[u8]) -> Text {
    let mut text = String::with_capacity(wire.len());
    let mut is_plain = wire.len() > 1;
    for label in labels(wire) {
        if !text.is_empty() {
            text.push('.');
        }
        for &byte in label {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => {
                    text.push(char::from(byte.to_ascii_lowercase()));
                }
                b'.' | b'\\' | 0..=b' ' | 0x7f.. => {
                    is_plain = false;
                    text.push('\\');
                    for digit in [byte / 100, byte / 10 % 10, byte % 10] {
                        text.push(char::from(b'0' + digit));
                    }
                }
                _ => {
                    is_plain = false;
                    text.push(char::from(byte));
                }
            }
        }
    }
    Text { text, is_plain }
}

/// Whether a text is one that [`text`] makes of a name that a rule can speak of.
pub(super) fn is_plain(text: &str) -> bool {
    text.len() <= MAX_WIRE - 2
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        })
}

/// The name in a message of a plain text.
pub(super) fn wire(text: &str) -> Vec<u8> {
    let mut wire = Vec::with_capacity(text.len() + 2);
    for label in text.split('.').filter(|label| !label.is_empty()) {
        // A plain label has at most 63 bytes.
        wire.push(u8::try_from(label.len()).unwrap_or(63));
        wire.extend(label.bytes().take(63));
    }
    wire.push(0);
    wire
}

/// The form of an address in which it is compared.
pub(super) fn address_of(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(v4) => Address::from_v4(v4.into()),
        IpAddr::V6(v6) => of_v6(&v6.octets()),
    }
}

fn of_v6(bytes: &[u8; 16]) -> Address {
    let number = u128::from_be_bytes(*bytes);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low half is what is wanted"
    )]
    Address::from_v6((number >> 64) as u64, number as u64)
}

/// The address in the data of an A or AAAA record.
pub(super) fn address_in(data: &[u8]) -> Option<Address> {
    if let Ok(v4) = data.try_into() {
        Some(Address::from_v4(u32::from_be_bytes(v4)))
    } else {
        data.try_into().ok().map(of_v6)
    }
}

/// As people write it.
pub(super) fn ip_of(address: Address) -> IpAddr {
    match address.v4() {
        Some(v4) => IpAddr::V4(v4.into()),
        None => IpAddr::V6((u128::from(address.hi) << 64 | u128::from(address.lo)).into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_at_most_255_bytes_and_labels_63() {
        assert_eq!(wire_len(&[0]), Some(1));
        assert_eq!(wire_len(b"\x01a\x00rest"), Some(3));
        assert_eq!(wire_len(b""), None);
        assert_eq!(wire_len(b"\x02a"), None);
        assert_eq!(wire_len(b"\xc0\x0c"), None, "a pointer");
        assert_eq!(wire_len(&[64; 100]), None);
        let longest = [
            [&[63][..], &[b'a'; 63]].concat().repeat(3),
            [&[61][..], &[b'a'; 61], &[0]].concat(),
        ]
        .concat();
        assert_eq!((longest.len(), wire_len(&longest)), (255, Some(255)));
        let longer = [
            [&[63][..], &[b'a'; 63]].concat().repeat(3),
            [&[62][..], &[b'a'; 62], &[0]].concat(),
        ]
        .concat();
        assert_eq!(wire_len(&longer), None);
    }

    #[test]
    fn what_no_rule_can_say_is_not_plain() {
        assert_eq!(
            text(b"\x03wWw\x02_x\x00"),
            Text {
                text: "www._x".into(),
                is_plain: true
            }
        );
        assert!(!text(b"\x00").is_plain);
        for (name, shown) in [
            (&b"\x03a.b\x00"[..], r"a\046b"),
            (b"\x01*\x01a\x00", "*.a"),
            (b"\x02a\\\x00", r"a\092"),
            (b"\x03\x00\x1b\xff\x00", r"\000\027\255"),
            (b"\x02a \x00", r"a\032"),
        ] {
            assert_eq!(
                text(name),
                Text {
                    text: shown.into(),
                    is_plain: false
                }
            );
        }
    }

    proptest! {
        #[test]
        fn plain_texts_are_what_plain_names_have(name in "[a-zA-Z0-9_-]{1,63}(\\.[a-zA-Z0-9_-]{1,20}){0,8}") {
            let lower = name.to_ascii_lowercase();
            prop_assert!(is_plain(&lower));
            prop_assert_eq!(text(&wire(&name)), Text { text: lower, is_plain: true });
        }

        #[test]
        fn texts_tell_names_apart(a in proptest::collection::vec(any::<[u8; 3]>(), 1..3), b in proptest::collection::vec(any::<[u8; 3]>(), 1..3)) {
            let name = |labels: &[[u8; 3]]| {
                let mut wire: Vec<u8> = labels.iter().flat_map(|l| [3, l[0], l[1], l[2]]).collect();
                wire.push(0);
                wire
            };
            let (a, b) = (name(&a), name(&b));
            let same = a.eq_ignore_ascii_case(&b);
            prop_assert_eq!(text(&a) == text(&b), same);
            prop_assert!(!text(&a).is_plain || is_plain(&text(&a).text));
        }
    }
}
