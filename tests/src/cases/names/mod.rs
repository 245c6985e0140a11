//! Names: what an agent may ask for, and what it may reach by that.

mod answers;
mod clients;
mod connections;
mod crowd;
mod expiry;
mod files;
mod latency;
mod namespaces;
mod questions;
mod reload;
mod restart;
mod scopes;
mod servers;
mod sites;
mod steps;
mod table;
mod tls;
mod tunnel;
mod wildcards;

pub(super) use answers::GROUP as ANSWERS;
pub(super) use clients::GROUP as CLIENTS;
pub(super) use connections::GROUP as CONNECTIONS;
pub(super) use crowd::GROUP as CROWD;
pub(super) use expiry::GROUP as EXPIRY;
pub(super) use files::GROUP as FILES;
pub(super) use latency::GROUP as LATENCY;
pub(super) use namespaces::GROUP as NAMESPACES;
pub(super) use questions::GROUP as QUESTIONS;
pub(super) use reload::GROUP as RELOAD;
pub(super) use restart::GROUP as RESTART;
pub(super) use servers::GROUP as SERVERS;
pub(super) use tls::GROUP as TLS;
pub(super) use tunnel::GROUP as TUNNEL;
pub(super) use wildcards::GROUP as WILDCARDS;
