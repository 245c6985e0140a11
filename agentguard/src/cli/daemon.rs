//! `agentguard daemon`.

use std::{
    env,
    io::{self, IsTerminal},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use agentguard_common::limits::{DEFAULT_MAX_CGROUPS, MAX_DECLARED_INSTANCES, MAX_INSTANCES};
use clap::Args;
use tracing_subscriber::EnvFilter;

use super::{Error, ExitCode};
use crate::{daemon, dns::Source};

/// Enforce the scopes until told to stop
///
/// It says on standard error when it enforces, and to systemd if that started it. When scope files
/// have changed it loads all of them again, or none if one has an error. SIGHUP does the same and opens
/// the log anew; SIGTERM ends enforcement. `RUST_LOG` sets what it says of itself (warn, info, debug).
#[derive(Args, Debug, Clone)]
pub struct DaemonArgs {
    /// Directory of the scopes: every *.toml in it declares an agent
    #[arg(long, value_name = "DIR", default_value = "/etc/agentguard/agents.d")]
    pub agents: PathBuf,
    /// Load scopes again only when asked to (`agentguard reload`, SIGHUP), not when their files change
    #[arg(long)]
    pub no_watch: bool,
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
    /// Name server that resolves what scopes permit, with a port unless that is 53; can be given several times, and they are
    /// asked in this order [default: those of /etc/resolv.conf]
    #[arg(long, value_name = "ADDRESS[:PORT]", value_parser = server)]
    pub upstream: Vec<SocketAddr>,
    /// Cgroups of agents that are looked up at once; more are confined too, only slower
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_CGROUPS,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_cgroups: u32,
    /// Instances of `agentguard run` at once
    // Hidden, as the next: a test cannot make as many.
    #[arg(long, value_name = "N", default_value_t = MAX_INSTANCES, hide = true,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_INSTANCES)))]
    pub max_instances: u32,
    /// Declared units and cgroups that exist at once
    #[arg(long, value_name = "N", default_value_t = MAX_DECLARED_INSTANCES, hide = true,
          value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_DECLARED_INSTANCES)))]
    pub max_declared: u32,
}

impl DaemonArgs {
    /// Where names are resolved.
    pub(crate) fn upstream(&self) -> Source {
        if self.upstream.is_empty() {
            Source::host()
        } else {
            Source::Servers(self.upstream.clone())
        }
    }
}

/// Runs the daemon.
pub(super) fn run(args: DaemonArgs) -> Result<ExitCode, Error> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let diagnostics = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    // The journal has the time.
    if env::var_os("JOURNAL_STREAM").is_some() {
        diagnostics.without_time().init();
    } else {
        diagnostics.init();
    }
    daemon::run(args)?;
    Ok(ExitCode::Done)
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

/// The address of a name server, with or without a port: `192.0.2.1`, `[2001:db8::1]:5353`.
fn server(text: &str) -> Result<SocketAddr, String> {
    const DOMAIN: u16 = 53;

    text.parse::<IpAddr>()
        .map(|address| SocketAddr::new(address, DOMAIN))
        .or_else(|_| text.parse())
        .map_err(|_| "an address is needed, as in 192.0.2.1 or [2001:db8::1]:5353".to_owned())
}
