//! The cases, one file a group.

mod addresses;
mod connections;
mod datagrams;
mod namespaces;
mod protocols;
mod scopes;
mod table;
mod uring;

use crate::harness::Group;

/// Every group, in the order in which they run.
pub const ALL: &[&Group] = &[
    &connections::GROUP,
    &addresses::GROUP,
    &datagrams::GROUP,
    &protocols::GROUP,
    &namespaces::GROUP,
    &uring::GROUP,
];
