//! The violation log, on real files and about real processes.

mod common;
mod enrich;
mod full_disk;
mod golden;
mod tail;
mod writer;
