//! What can be done to other processes, to the kernel, and to the place that a process has among them.

pub(super) mod attributes;
pub(super) mod cgroups;
pub(super) mod kernel;
pub(super) mod mounts;
pub(super) mod namespaces;
pub(super) mod signals;
pub(super) mod terminal;
pub(super) mod tracing;
