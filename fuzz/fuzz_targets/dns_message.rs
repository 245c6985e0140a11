//! A message of DNS, as from an agent and as from an upstream server.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    agentguard::dns::replay(bytes);
});
