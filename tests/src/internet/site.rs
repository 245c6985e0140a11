//! A site that two names share: `openssl s_server`, which has a certificate for each.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{addresses, servers::installed};
use crate::{
    ensure,
    error::{Context, Outcome},
    host::{Scratch, process, process::Running},
    world::World,
};

/// How long making certificates and starting may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The name that scopes of the suite allow.
pub(super) const GOOD: &str = "good.shared.example";
/// The other one.
pub(super) const BAD: &str = "bad.shared.example";

/// A running site.
#[derive(Debug)]
pub struct Site {
    _child: Running,
    scratch: Scratch,
}

impl Site {
    /// Starts it, at [`SHARED`](addresses::SHARED).
    pub fn start(world: &World) -> Outcome<Self> {
        let program = installed("openssl", &["/usr/bin/openssl"])?;
        let scratch = Scratch::new()?;
        let file = |name: &str| scratch.path().join(name);
        let mut authorities = String::new();
        for name in [GOOD, BAD] {
            let mut command = Command::new(program);
            command.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
            command.args(["-pkeyopt", "ec_paramgen_curve:P-256"]);
            command.args(["-subj", &format!("/CN={name}")]);
            command.args(["-addext", &format!("subjectAltName=DNS:{name}")]);
            command.arg("-keyout").arg(file(&format!("{name}.key")));
            command.arg("-out").arg(file(&format!("{name}.pem")));
            let output = process::output(&mut command, PATIENCE)?;
            ensure!(output.status.success(), "openssl req: {output:?}");
            let certificate = fs::read_to_string(file(&format!("{name}.pem")));
            authorities += &certificate.context("read a certificate")?;
        }
        fs::write(file("authorities.pem"), authorities).context("write certificates")?;
        let at = SocketAddr::new(addresses::SHARED, addresses::HTTPS);
        let mut command = world.far.command(program);
        command.args(["s_server", "-quiet", "-www", "-accept", &at.to_string()]);
        command.arg("-cert").arg(file(&format!("{GOOD}.pem")));
        command.arg("-key").arg(file(&format!("{GOOD}.key")));
        command.args(["-servername", BAD]);
        command.arg("-cert2").arg(file(&format!("{BAD}.pem")));
        command.arg("-key2").arg(file(&format!("{BAD}.key")));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = Running::start(&mut command)?;
        let deadline = Instant::now() + PATIENCE;
        while world.far.run(|| Ok(TcpStream::connect(at).is_err()))? {
            ensure!(Instant::now() < deadline, "openssl does not answer at {at}");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self {
            _child: child,
            scratch,
        })
    }

    /// The certificates of both names.
    pub fn authorities(&self) -> PathBuf {
        self.scratch.path().join("authorities.pem")
    }
}
