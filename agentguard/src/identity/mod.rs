//! Which processes are an agent's.

pub mod cgroup_path;
pub mod instance;
pub mod places;
pub mod systemd;
pub mod unit_name;
pub mod walk;
