//! The programs and tables in the running kernel. This needs root.

mod agent;
mod crowd;
mod names;
mod stage;
mod tls;
