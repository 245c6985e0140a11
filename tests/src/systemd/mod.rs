//! A host that systemd runs: its units, and the daemon as one of them.

mod manager;
pub mod package;
mod service;
mod unit;

pub use manager::{DIRECTORY, property, scopes, systemctl, try_systemctl};
pub use service::{Mark, Service};
pub use unit::{Gate, Unit};
