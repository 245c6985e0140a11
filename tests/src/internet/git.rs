//! A repository that can be fetched: `git daemon`.

use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{addresses, servers::installed};
use crate::{
    ensure,
    error::{Error, Outcome},
    host::{Scratch, process, process::Running},
    world::World,
};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where it answers: a port that the scopes of the suite allow.
pub(super) const PORT: u16 = 9418;

/// A running server of one repository, `/repository`.
#[derive(Debug)]
pub struct Git {
    _child: Running,
    _scratch: Scratch,
}

impl Git {
    /// The client's program.
    pub fn program() -> Outcome<&'static Path> {
        installed("git", &["/usr/bin/git", "/usr/local/bin/git"])
    }

    /// Starts it, at every address of the far host.
    pub fn start(world: &World) -> Outcome<Self> {
        let program = Self::program()?;
        let scratch = Scratch::new()?;
        let mut command = Command::new(program);
        command.args(["init", "--quiet", "--bare"]);
        command.arg(scratch.path().join("repository"));
        let output = process::output(&mut command, PATIENCE)?;
        ensure!(output.status.success(), "git init: {output:?}");
        // Not by `git daemon`, which would be a process between it and us.
        let mut command = Command::new(program);
        command.arg("--exec-path");
        let output = process::output(&mut command, PATIENCE)?;
        let daemon = String::from_utf8_lossy(&output.stdout);
        let daemon = Path::new(daemon.trim()).join("git-daemon");
        if !daemon.exists() {
            return Err(Error::Skipped(format!("there is no {}", daemon.display())));
        }
        let mut command = world.far.command(daemon);
        command.args(["--export-all", "--reuseaddr"]);
        command.arg(format!("--port={PORT}"));
        command.arg(format!("--base-path={}", scratch.path().display()));
        command.arg(scratch.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = Running::start(&mut command)?;
        let (at, deadline) = (
            SocketAddr::new(addresses::API, PORT),
            Instant::now() + PATIENCE,
        );
        while world.far.run(|| Ok(TcpStream::connect(at).is_err()))? {
            ensure!(
                Instant::now() < deadline,
                "git daemon does not answer at {at}"
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self {
            _child: child,
            _scratch: scratch,
        })
    }
}
