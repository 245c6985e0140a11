//! Real name servers. They end with their value, and with the process that started them.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{addresses, name_server};
use crate::{
    dns::{A, INTERNET, Message, RECURSE, Writer, name_bytes},
    ensure,
    error::{Context, Error, Outcome},
    host::{Scratch, process, process::Running},
    world::{NetNs, World},
};

/// How long one may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// The stub that many hosts have.
const STUB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53));

/// A running name server.
#[derive(Debug)]
pub struct NameServer {
    child: Running,
    /// Where it answers.
    pub address: IpAddr,
    scratch: Scratch,
}

/// What `unbound` says of `real.example`. `large` does not fit into 512 bytes, nor into 1232.
fn zone() -> String {
    let mut zone = format!(
        "$ORIGIN real.example.\n$TTL 300\n\
         @ IN SOA ns hostmaster 1 3600 600 86400 30\n@ IN NS ns\n\
         ns IN A {}\napi IN A {api}\napi IN AAAA {api6}\n\
         alias IN CNAME second\nsecond IN CNAME third\nthird IN CNAME cdn.other.example.\n\
         outside IN CNAME www.other.example.\ntext IN TXT \"something\"\n*.wild IN A {papers}\n",
        addresses::UNBOUND,
        api = addresses::API,
        api6 = addresses::API6,
        papers = addresses::PAPERS,
    );
    let large = addresses::crowd().map(|address| format!("large IN A {address}\n"));
    zone.extend(large);
    zone
}

/// What it says of `other.example`.
fn other_zone() -> String {
    format!(
        "$ORIGIN other.example.\n$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 86400 30\n@ IN NS ns\n\
         ns IN A {}\ncdn IN A {}\nwww IN A {}\n",
        addresses::UNBOUND,
        addresses::CDN,
        addresses::ELSEWHERE
    )
}

impl NameServer {
    /// `unbound` on the far host, an authority for two zones, of which one is signed where `ldns` is installed.
    pub fn unbound(world: &World) -> Outcome<Self> {
        let program = installed("unbound", &["/usr/sbin/unbound"])?;
        let scratch = Scratch::new()?;
        let directory = scratch.path();
        write(directory, "real", &zone())?;
        write(directory, "other", &other_zone())?;
        let real = match sign(directory) {
            Ok(()) => "real.signed",
            Err(Error::Skipped(why)) => {
                println!("note: real.example is not signed: {why}");
                "real"
            }
            Err(error) => return Err(error),
        };
        let shown = directory.display();
        let zone = |name: &str, file: &str| {
            format!(
                "auth-zone:\n  name: \"{name}\"\n  zonefile: \"{shown}/{file}\"\n  for-downstream: no\n  \
                 for-upstream: yes\n  fallback-enabled: no\n"
            )
        };
        let text = format!(
            "server:\n  interface: {address}\n  port: 53\n  access-control: 0.0.0.0/0 allow\n  \
             username: \"\"\n  chroot: \"\"\n  directory: \"{shown}\"\n  pidfile: \"\"\n  \
             use-syslog: no\n  logfile: \"\"\n  do-daemonize: no\n  num-threads: 1\n  \
             do-ip6: no\n  module-config: \"iterator\"\n  local-zone: \"example.\" nodefault\n\
             remote-control:\n  control-enable: no\n{}{}",
            zone("real.example", real),
            zone("other.example", "other"),
            address = addresses::UNBOUND,
        );
        let configuration = write(directory, "unbound.conf", &text)?;
        let mut command = world.far.command(program);
        command.args(["-d", "-c"]).arg(configuration);
        Self::begin(command, addresses::UNBOUND, scratch)?.ready(&world.near, "api.real.example")
    }

    /// `dnsmasq` on the far host, which knows `masq.example`.
    pub fn dnsmasq(world: &World) -> Outcome<Self> {
        let mut command = dnsmasq(&world.far, addresses::DNSMASQ)?;
        command.args([
            format!(
                "--host-record=api.masq.example,{},{}",
                addresses::API,
                addresses::API6
            ),
            format!("--host-record=cdn.masq.example,{}", addresses::CDN),
            format!("--address=/wild.masq.example/{}", addresses::PAPERS),
            "--cname=alias.masq.example,cdn.masq.example".into(),
            "--txt-record=text.masq.example,something".into(),
            "--local=/example/".into(),
        ]);
        let server = Self::begin(command, addresses::DNSMASQ, Scratch::new()?)?;
        server.ready(&world.near, "api.masq.example")
    }

    /// `dnsmasq` on the agents' own host, which asks the scripted server: what a host has that has a stub.
    pub fn stub(world: &World) -> Outcome<Self> {
        let mut command = dnsmasq(&world.near, STUB)?;
        command.arg(format!("--server={}", addresses::SERVER));
        // What it remembers would not be asked again.
        command.arg("--cache-size=0");
        let server = Self::begin(command, STUB, Scratch::new()?)?;
        server.ready(&world.near, "api.agents.example")
    }

    fn begin(mut command: Command, address: IpAddr, scratch: Scratch) -> Outcome<Self> {
        let log = fs::File::create(scratch.path().join("log")).context("make a log")?;
        let errors = log.try_clone().context("share a log")?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        Ok(Self {
            child: Running::start(&mut command)?,
            address,
            scratch,
        })
    }

    /// Waits until it answers about a name.
    fn ready(mut self, from: &NetNs, name: &str) -> Outcome<Self> {
        let deadline = Instant::now() + PATIENCE;
        let address = self.address;
        while !from.run(|| answers(address, name))? {
            let ended = self.child.0.try_wait().context("wait for a name server")?;
            ensure!(
                ended.is_none() && Instant::now() < deadline,
                "the name server at {address} does not answer: {ended:?} {}",
                fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(self)
    }
}

/// Whether a server has an address for a name.
fn answers(address: IpAddr, name: &str) -> Outcome<bool> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).context("make a socket")?;
    let limited = socket.set_read_timeout(Some(Duration::from_millis(200)));
    limited.context("limit the wait for an answer")?;
    let question = Writer::new(1, RECURSE).question(&name_bytes(name), A, INTERNET);
    let mut buffer = [0; 1500];
    let got = socket
        .send_to(&question.finish(), name_server(address))
        .and_then(|_| socket.recv(&mut buffer));
    let message = got.ok().and_then(|length| Message::read(&buffer[..length]));
    Ok(message.is_some_and(|message| !message.addresses().is_empty()))
}

fn dnsmasq(inside: &NetNs, address: IpAddr) -> Outcome<Command> {
    let program = installed("dnsmasq-base", &["/usr/sbin/dnsmasq"])?;
    let mut command = inside.command(program);
    command.args([
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-hosts",
        "--no-resolv",
        "--bind-interfaces",
        "--user=root",
        "--group=root",
        "--pid-file=",
        "--log-facility=-",
    ]);
    command.arg(format!("--listen-address={address}"));
    Ok(command)
}

/// Signs `real` as `real.signed`.
fn sign(directory: &Path) -> Outcome {
    let (keygen, signzone) = (
        installed("ldnsutils", &["/usr/bin/ldns-keygen"])?,
        installed("ldnsutils", &["/usr/bin/ldns-signzone"])?,
    );
    let mut command = Command::new(keygen);
    command
        .args(["-a", "ECDSAP256SHA256", "-k", "real.example"])
        .current_dir(directory);
    let output = process::output(&mut command, PATIENCE)?;
    ensure!(output.status.success(), "ldns-keygen: {output:?}");
    let key = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut command = Command::new(signzone);
    command
        .args(["-f", "real.signed", "real", &key])
        .current_dir(directory);
    let output = process::output(&mut command, PATIENCE)?;
    ensure!(output.status.success(), "ldns-signzone: {output:?}");
    Ok(())
}

/// The first of the places of a program of a package where it is.
pub(super) fn installed(package: &str, places: &[&'static str]) -> Outcome<&'static Path> {
    let mut found = places.iter().copied().map(Path::new);
    found
        .find(|path| path.exists())
        .ok_or_else(|| Error::Skipped(format!("this machine has no {package}")))
}

fn write(directory: &Path, name: &str, text: &str) -> Outcome<std::path::PathBuf> {
    let path = directory.join(name);
    fs::write(&path, text).context(format!("write {}", path.display()))?;
    Ok(path)
}
