//! What an operator can set, and the bounds of everything that the resolver holds.

use std::time::Duration;

/// How upstream servers are asked and answers are used.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How long one server is waited for, each time.
    pub timeout: Duration,
    /// How long a question can take, all servers together. Most clients ask again after 5 s.
    pub deadline: Duration,
    /// Whether questions are sent in mixed case, which a forger has to guess too (draft-vixie-dnsext-dns0x20). A server
    /// that does not keep the case is asked over TCP.
    pub mixed_case: bool,
    /// An address stays learned for at least so long, however short its time to live.
    pub floor: Duration,
    /// No answer is used longer than this, however long its time to live.
    pub cap: Duration,
    /// No answer that there is nothing is used longer than this (RFC 2308, section 5).
    pub negative_cap: Duration,
    /// A learned address outlives its answer by so much: a client connects after it has asked.
    pub grace: Duration,
    /// What has expired is known for so much longer, for connections that were open then.
    pub linger: Duration,
    /// The bounds.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(1500),
            deadline: Duration::from_millis(4500),
            mixed_case: true,
            floor: Duration::from_mins(1),
            cap: Duration::from_hours(1),
            negative_cap: Duration::from_mins(5),
            grace: Duration::from_secs(30),
            linger: Duration::from_hours(24),
            limits: Limits::default(),
        }
    }
}

/// What the resolver holds at most. Whatever goes over one is answered with SERVFAIL, and counted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of cached answers, of all agents together.
    pub cache_bytes: usize,
    /// Questions to upstream servers at the same time, of all agents together.
    pub upstream: usize,
    /// Questions of one agent that wait for an upstream server at the same time.
    pub waiting: usize,
    /// Questions of one agent in a second.
    pub questions: u32,
    /// Questions of one agent in a second that are not in the cache.
    pub forwarded: u32,
    /// TCP connections of one agent at the same time; the next one is closed.
    pub connections: usize,
    /// Questions of one TCP connection that wait at the same time; the next one is read later.
    pub pipelined: usize,
    /// A TCP connection without a question is closed after this.
    pub idle: Duration,
    /// Names that one agent knows.
    pub names: usize,
    /// Addresses that one agent knows.
    pub addresses: usize,
    /// Addresses of one name.
    pub addresses_of_name: usize,
    /// Different refusals of one agent in a second that are recorded each by itself; the others of that second are
    /// one record.
    pub refusals: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cache_bytes: 8 << 20,
            upstream: 1024,
            waiting: 256,
            questions: 50_000,
            forwarded: 1000,
            connections: 64,
            pipelined: 16,
            idle: Duration::from_secs(10),
            names: agentguard_common::limits::MAX_LEARNED_NAMES as usize,
            addresses: agentguard_common::limits::MAX_LEARNED as usize,
            addresses_of_name: 2048,
            refusals: 256,
        }
    }
}
