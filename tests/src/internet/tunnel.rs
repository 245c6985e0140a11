//! The other end of a tunnel through names: `iodined`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{addresses, name_server, servers::installed};
use crate::{
    ensure,
    error::{Context, Error, Outcome},
    host::{Scratch, process::Running},
    world::World,
};

/// The name beneath which everything goes through the tunnel.
pub(super) const DOMAIN: &str = "t.tunnel.example";
/// What both ends know.
const PASSWORD: &str = "suite";
/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running end.
#[derive(Debug)]
pub struct Tunnel {
    _child: Running,
    _scratch: Scratch,
}

impl Tunnel {
    /// Starts it, at [`TUNNEL`](addresses::TUNNEL).
    pub fn start(world: &World) -> Outcome<Self> {
        let program = installed("iodine", &["/usr/sbin/iodined"])?;
        if !Path::new("/dev/net/tun").exists() {
            return Err(Error::Skipped("this kernel has no /dev/net/tun".into()));
        }
        let scratch = Scratch::new()?;
        let log = scratch.path().join("log");
        let output = fs::File::create(&log).context("make a log")?;
        let errors = output.try_clone().context("share a log")?;
        let mut command = world.far.command(program);
        let address = addresses::TUNNEL.to_string();
        command.args(["-f", "-c", "-P", PASSWORD, "-l", &address]);
        command.args(["10.99.0.1/24", DOMAIN]);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut child = Running::start(&mut command)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = fs::read_to_string(&log).context("read the log of iodined")?;
            if said.contains("Listening to dns") {
                break;
            }
            let ended = child.0.try_wait().context("wait for iodined")?;
            if ended.is_some() && said.contains("tun") {
                return Err(Error::Skipped(format!("no tunnel device: {}", said.trim())));
            }
            ensure!(
                ended.is_none() && Instant::now() < deadline,
                "iodined does not listen: {ended:?} {said}"
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self {
            _child: child,
            _scratch: scratch,
        })
    }

    /// The client's program.
    pub fn client() -> Outcome<PathBuf> {
        installed("iodine", &["/usr/sbin/iodine"]).map(Path::to_owned)
    }

    /// What the client is to do: make the tunnel with nothing but questions, by this type of record.
    pub fn arguments(command: &mut Command, kind: &str) {
        command.args(["-f", "-r", "-P", PASSWORD, "-T", kind]);
        command.arg(name_server(addresses::TUNNEL).ip().to_string());
        command.arg(DOMAIN);
    }
}
