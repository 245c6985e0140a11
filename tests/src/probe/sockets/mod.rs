//! What can be done with sockets that are not of the Internet, with options, and with descriptors of others.

pub(super) mod families;
pub(super) mod netlink;
pub(super) mod options;
pub(super) mod passing;
pub(super) mod unix;
pub(super) mod witness;
