//! Names of files on the host, with mounts that the kernel makes: these tests need root.
//!
//! Each test has a mount namespace of its own, which goes with its thread.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test needs and cannot have fails it"
)]

mod host;
mod keeper;
mod names;
mod stage;
