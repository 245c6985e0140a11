//! Egress: what an agent may reach, and where it may listen.

mod arrival;
mod asker;
mod bind;
mod cache;
mod case;
mod connect;
mod context;
mod egress;
mod hello;
mod packet;
mod payload;
pub mod peer;
mod permitted;
mod redirect;
mod resolver;
pub mod scope;
mod send;
mod socket;
mod storage;
pub mod told;
mod translate;

/// What a cgroup program answers to let the operation happen.
const ALLOW: i32 = 1;
/// What a cgroup program answers to fail it with `EPERM`.
const DENY: i32 = 0;

#[inline(always)]
const fn answer(permitted: bool) -> i32 {
    if permitted { ALLOW } else { DENY }
}
