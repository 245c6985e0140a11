//! Server names are spelled and folded, eight bytes at a time, as they are byte by byte.

use agentguard_common::tls::{MAX_NAME, Spelling, fold};
use proptest::{collection::vec, prelude::*};

#[path = "tls/spelling.rs"]
mod spelling;

use spelling::spelling;

#[test]
fn every_byte_is_spelled_as_it_should_be_wherever_it_is() {
    for byte in 0..=u8::MAX {
        for at in 0..17 {
            let mut name = [b'a'; 17];
            name[at] = byte;
            let (folded, found) = fold(&name).unwrap();
            assert_eq!(found, spelling(&name), "{byte:#x} at {at}");
            assert_eq!(&folded[..17], name.to_ascii_lowercase());
        }
    }
}

#[test]
fn a_nul_is_no_padding() {
    for name in [
        &b"allowed.example\0"[..],
        b"\0",
        b"a\0b",
        b"allowed.example\0\0\0\0\0\0\0\0\0",
    ] {
        assert_eq!(fold(name).unwrap().1, Spelling::Invalid, "{name:?}");
    }
}

#[test]
fn a_name_has_a_length() {
    assert!(fold(b"").is_none());
    let long = [b'a'; MAX_NAME as usize + 1];
    assert!(fold(&long).is_none());
    assert_eq!(fold(&long[1..]).unwrap().1, Spelling::Name);
}

#[test]
fn addresses_are_no_names() {
    for address in ["192.0.2.1", "1", "3232235777", "1.2.3.4."] {
        assert_eq!(
            fold(address.as_bytes()).unwrap().1,
            Spelling::Address,
            "{address}"
        );
    }
    for invalid in [
        "[::1]",
        "::1",
        "2001:db8::1",
        "exa mple.com",
        "b\u{fc}cher.example",
        "*.example.com",
        "a/b",
    ] {
        assert_eq!(
            fold(invalid.as_bytes()).unwrap().1,
            Spelling::Invalid,
            "{invalid}"
        );
    }
    for name in [
        "xn--bcher-kva.example",
        "a",
        "_sip.example.com",
        "1.2.3.example",
        "0x7f.1",
    ] {
        assert_eq!(fold(name.as_bytes()).unwrap().1, Spelling::Name, "{name}");
    }
}

proptest! {
    #[test]
    fn spelling_is_that_of_the_bytes(name in vec(prop_oneof![4 => 0x2d_u8..0x7b, 1 => any::<u8>()], 1..254)) {
        let (folded, found) = fold(&name).unwrap();
        prop_assert_eq!(found, spelling(&name));
        prop_assert_eq!(&folded[..name.len()], name.to_ascii_lowercase());
        prop_assert!(folded[name.len()..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn names_are_spelled_like_names(name in "[a-zA-Z0-9_-]{1,20}(\\.[a-z]{1,20}){1,3}") {
        let (folded, found) = fold(name.as_bytes()).unwrap();
        prop_assert_eq!(found, Spelling::Name);
        let lower = name.to_ascii_lowercase();
        prop_assert_eq!(&folded[..name.len()], lower.as_bytes());
    }
}
