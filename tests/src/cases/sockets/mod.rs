//! Sockets that are not of the Internet, options, and descriptors of others: one file a topic.

mod families;
mod inherited;
mod netlink;
mod options;
mod passing;
mod resolvers;
mod unix;

use crate::harness::Case;

pub(super) use resolvers::GROUP as RESOLVERS;

pub(super) const TABLES: [&[Case]; 6] = [
    unix::CASES,
    families::CASES,
    netlink::CASES,
    options::CASES,
    passing::CASES,
    inherited::CASES,
];
