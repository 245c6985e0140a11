//! Rules for files without BPF LSM: `agentguard run` confines itself with Landlock before it becomes
//! the command.

pub mod coverage;
