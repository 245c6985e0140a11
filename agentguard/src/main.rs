//! The `agentguard` command.

fn main() {}
