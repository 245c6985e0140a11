//! The control API: HTTP/1.1 with JSON on a Unix socket.
//!
//! [`api`] is what travels, [`backend`] what the daemon implements, [`server`] and [`client`] the
//! two ends. Who is at the other end is known from the kernel ([`peer`]), never from what it says.

pub mod api;
pub mod backend;
pub mod client;
pub mod limits;
pub mod peer;
mod routes;
pub mod server;
pub mod socket;
