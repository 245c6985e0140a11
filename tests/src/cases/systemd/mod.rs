//! The half that speaks with systemd: these groups need a host that it runs, and change its units.

mod around;
mod bus;
mod folded;
mod package;
mod prepared;
mod programs;
mod resolved;
mod runs;
mod service;
mod slices;
mod start;
mod units;

use crate::harness::Group;

/// The groups, in the order in which they run.
pub(super) const GROUPS: &[&Group] = &[
    &service::GROUP,
    &units::GROUP,
    &prepared::GROUP,
    &slices::GROUP,
    &runs::GROUP,
    &bus::GROUP,
    &start::GROUP,
    &programs::GROUP,
    &folded::GROUP,
    &resolved::GROUP,
    // It takes away what the others run.
    &package::GROUP,
];
