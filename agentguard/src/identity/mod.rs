//! Which processes are an agent's.

pub mod systemd;
