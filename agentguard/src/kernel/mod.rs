//! The kernel side, seen from user space.

pub mod cgroup2;
pub mod probe;
pub mod protection;
