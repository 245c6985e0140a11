//! What a TLS client sends first: the parser and a naive one must say the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../agentguard-common/tests/tls/agreement.rs"]
mod agreement;

fuzz_target!(|bytes: &[u8]| {
    agreement::check(bytes);
});
