//! From the kernel's events to records: what `/proc` can add to them.

mod cmdline;
pub mod enrich;
pub mod ring;
