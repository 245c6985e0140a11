//! The resolver, between a client and upstream servers that the tests play, and real ones where they are installed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on panics"
)]

mod agents;
mod answers;
mod corpus;
mod costs;
mod fakes;
mod questions;
mod real;
mod saved;
mod stage;
mod tcp;
mod upstream;
mod zone;
