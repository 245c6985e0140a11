//! `agentguard daemon`.

use std::path::PathBuf;

use agentguard_common::limits::DEFAULT_MAX_CGROUPS;
use clap::Args;

/// Where the daemon finds and puts its things.
#[derive(Args, Debug, Clone)]
pub struct DaemonArgs {
    /// Directory of the scopes: every *.toml in it declares an agent
    #[arg(long, value_name = "DIR", default_value = "/etc/agentguard/agents.d")]
    pub agents: PathBuf,
    /// Directory of the control socket (agentguard.sock) and of the lock that keeps a second daemon
    /// away (daemon.lock)
    #[arg(long, value_name = "DIR", default_value = "/run/agentguard")]
    pub run_dir: PathBuf,
    /// The violation log
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/var/log/agentguard/violations.jsonl"
    )]
    pub log: PathBuf,
    /// Top-level cgroup in which `agentguard run` puts agents on a host without systemd (with
    /// systemd it is agentguard.slice)
    #[arg(long, value_name = "NAME", default_value = "agentguard", value_parser = cgroup_name)]
    pub cgroup: String,
    /// Cgroups of agents that are looked up at once; more are confined too, only slower
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_CGROUPS,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_cgroups: u32,
}

/// A cgroup's own name: one component of a path.
fn cgroup_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text == "." || text == ".." || text.contains(['/', '\n', '\0']) {
        return Err("the name of one cgroup is needed, without '/'".to_owned());
    }
    if text.len() > 63 {
        return Err("the name is longer than 63 bytes".to_owned());
    }
    Ok(text.to_owned())
}
