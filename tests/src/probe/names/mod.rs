//! Names: questions to name servers, connections to what they answer, and the names that TLS begins with.

pub(super) mod asking;
mod client_hello;
pub(super) mod connections;
mod forms;
pub(super) mod hellos;
pub(super) mod namespaces;
mod transports;
