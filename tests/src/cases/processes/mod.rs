//! Other processes, the kernel, mounts and cgroups: one file a topic.

mod attributes;
mod cgroups;
mod kernel;
mod memory;
mod mounts;
mod moved;
mod namespaces;
mod outside;
mod signals;
mod terminal;
mod tracing;

use crate::harness::Case;

pub(super) const TABLES: [&[Case]; 11] = [
    tracing::CASES,
    signals::CASES,
    kernel::CASES,
    mounts::CASES,
    namespaces::CASES,
    terminal::CASES,
    attributes::CASES,
    cgroups::CASES,
    moved::CASES,
    memory::CASES,
    outside::CASES,
];
