//! What a name's spelling is compared with.

use agentguard_common::tls::Spelling;

/// The spelling, byte by byte.
pub(crate) fn spelling(name: &[u8]) -> Spelling {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    if name.is_empty() || !name.iter().all(is_allowed) {
        Spelling::Invalid
    } else if name
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b'.')
    {
        Spelling::Address
    } else {
        Spelling::Name
    }
}
