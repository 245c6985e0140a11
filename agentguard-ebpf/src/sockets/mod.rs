//! Sockets, beyond the destinations of the Internet: which may be made, whom Unix sockets reach, and what comes
//! from other processes.

mod create;
mod netlink;
mod option;
mod receive;
mod send;
mod unix;

/// `-EPERM`.
const REFUSED: i32 = -1;
