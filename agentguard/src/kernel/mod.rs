//! The kernel side, seen from user space.

pub mod btf;
pub mod object;
mod sys;
