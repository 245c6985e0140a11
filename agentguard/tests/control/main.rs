//! The control API and the verbs that use it, against a daemon that the tests steer. Needs root:
//! the tests make cgroups.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on panics"
)]

mod cli;
mod confined;
mod descriptors;
mod doctor;
mod questions;
mod run;
mod server;
mod support;
