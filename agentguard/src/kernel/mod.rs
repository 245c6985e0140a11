//! The kernel side, seen from user space.

pub mod protection;
