//! What can be done with files, by raw system calls.

pub(super) mod attempts;
pub(super) mod contents;
pub(super) mod metadata;
pub(super) mod mounts;
pub(super) mod names;
pub(super) mod opens;
pub(super) mod programs;
pub(super) mod uring;
