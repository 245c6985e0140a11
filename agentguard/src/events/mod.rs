//! From the kernel's events to records: what `/proc` can add to them.

mod cmdline;
pub mod enrich;
mod moved;
pub mod ring;
