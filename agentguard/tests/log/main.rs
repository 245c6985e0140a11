//! The violation log, on real files and about real processes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod common;
mod enrich;
mod follow;
mod full_disk;
mod golden;
mod rotation;
mod tail;
mod writer;
