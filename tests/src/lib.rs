//! Scenarios and the adversarial suite, on real kernels.
//!
//! The parts can be used alone: [`world`] makes two hosts, [`far`] stands at the other end and
//! counts, [`daemon`] runs the program under test, [`probe`] performs one technique.

pub mod bench;
pub mod cases;
pub mod daemon;
pub mod demo;
pub mod dns;
pub mod error;
pub mod far;
pub mod harness;
pub mod host;
pub mod internet;
pub mod probe;
pub mod supervise;
pub mod sys;
pub mod systemd;
pub mod world;
