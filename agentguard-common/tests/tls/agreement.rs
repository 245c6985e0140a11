//! What must hold of any bytes. The fuzz target `client_hello` runs it, too.

use agentguard_common::tls::{Hello, Kind, client_hello, fold};

#[path = "naive.rs"]
mod naive;
#[path = "spelling.rs"]
mod spelling;

/// Fails unless both parsers say the same of the bytes, and of how the name is spelled. Says what they are.
pub(crate) fn check(bytes: &[u8]) -> Kind {
    let hello = client_hello(bytes);
    assert_eq!(hello, naive::client_hello(bytes));
    let span = match hello {
        Hello::Name(span) => Some(span),
        Hello::Encrypted(span) => Some(span).filter(|span| span.length != 0),
        _ => None,
    };
    if let Some(span) = span {
        let Some(name) = span.of(bytes) else {
            panic!("{span:?} is not within the bytes");
        };
        let Some((folded, found)) = fold(name) else {
            panic!("{span:?} does not have the length of a name");
        };
        assert_eq!(found, spelling::spelling(name), "{name:?}");
        let (text, padding) = folded.split_at(name.len());
        assert!(padding.iter().all(|byte| *byte == 0), "{name:?}");
        assert_eq!(text, name.to_ascii_lowercase());
    }
    hello.kind()
}
