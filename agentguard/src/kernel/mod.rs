//! The kernel side, seen from user space.

pub mod attach;
mod bank_types;
mod banks;
pub mod btf;
mod capabilities;
pub mod cgroup2;
mod family;
pub mod files;
mod growing;
pub mod hooks;
pub mod host_tables;
pub mod load_error;
mod loading;
pub mod lsm;
mod lsm_remedy;
pub mod name_tables;
pub mod object;
pub mod path_tables;
pub mod probe;
pub mod protection;
pub mod resolvers;
mod self_test;
mod symbols;
mod sys;
pub mod tables;
mod tasks;
#[cfg(test)]
mod tests;
pub mod types;
