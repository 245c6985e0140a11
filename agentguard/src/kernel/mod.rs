//! The kernel side, seen from user space.

mod capabilities;
pub mod cgroup2;
pub mod probe;
pub mod protection;
