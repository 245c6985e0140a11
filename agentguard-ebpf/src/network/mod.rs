//! Egress: what an agent may reach, and where it may listen.

mod bind;
mod cache;
mod connect;
mod context;
mod egress;
mod packet;
pub mod peer;
mod permitted;
pub mod scope;
mod send;
mod socket;

/// What a cgroup program answers to let the operation happen.
const ALLOW: i32 = 1;
/// What a cgroup program answers to fail it with `EPERM`.
const DENY: i32 = 0;

#[inline(always)]
const fn answer(permitted: bool) -> i32 {
    if permitted { ALLOW } else { DENY }
}
