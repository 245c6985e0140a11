//! Real servers upstream, where they are installed.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use agentguard::dns::Resolver;

use crate::{
    fakes::{A, AAAA, Names, TXT},
    stage::{Stage, config, edns_question},
    zone::{Upstream, zone},
};

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Starts a server if there is one, and waits until it listens.
async fn start(program: &str, arguments: &[&str], port: u16) -> Option<Server> {
    let child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = child else {
        eprintln!("{program} is not installed: not tested with it");
        return None;
    };
    let server = Server(child);
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .is_err()
    {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{program} does not listen"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Some(server)
}

async fn questions(port: u16, follows_aliases: bool) {
    let unused = Upstream::start(Arc::new(zone)).await;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let config = agentguard::dns::Config {
        timeout: Duration::from_secs(3),
        deadline: Duration::from_secs(6),
        ..config()
    };
    let stage = Stage::of(
        unused,
        Resolver::new(config, vec![address]),
        Names::default(),
    );
    assert_eq!(stage.ask("A.Example", A).await.addresses(), ["192.0.2.1"]);
    assert_eq!(
        stage.ask("a.example", AAAA).await.addresses(),
        ["2001:db8::1"]
    );
    let alias = stage.ask("alias.example", A).await;
    if follows_aliases {
        assert_eq!(alias.addresses(), ["192.0.2.1"]);
    }
    assert_eq!(
        alias.message.answers.len(),
        1 + usize::from(follows_aliases)
    );
    assert_eq!(stage.ask("missing.example", A).await.code(), 3);
    assert!(stage.ask("inside.example", A).await.addresses().is_empty());
    assert_eq!(
        stage.ask("text.example", TXT).await.message.answers.len(),
        1
    );
    // More than a datagram of 1232 bytes holds: the server is asked again over TCP.
    let big = stage
        .send(&edns_question("big.example", A, 4096))
        .await
        .unwrap();
    assert_eq!(big.addresses().len(), 100);
    assert!(stage.resolver.stats().upstream_tcp > 0);
    assert_eq!(stage.resolver.stats().foreign, 0);
    assert!(stage.table.rules_of("192.0.2.99").is_some());
}

#[tokio::test]
async fn with_dnsmasq() {
    use std::fmt::Write;
    let port = free_port();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dnsmasq.conf");
    let mut text = format!(
        "port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-daemon\nlocal=/example/\n\
         host-record=a.example,192.0.2.1,2001:db8::1\ncname=alias.example,a.example\nhost-record=inside.example,10.0.0.5\n\
         txt-record=text.example,hello\nlocal-ttl=300\npid-file=\nuser=root\n"
    );
    for number in 0..100 {
        writeln!(text, "host-record=big.example,192.0.2.{number}").unwrap();
    }
    fs::write(&path, text).unwrap();
    let argument = format!("--conf-file={}", path.display());
    if let Some(_server) = start("dnsmasq", &[&argument], port).await {
        questions(port, true).await;
    }
}

#[tokio::test]
async fn with_unbound() {
    use std::fmt::Write;
    let port = free_port();
    let directory = tempfile::tempdir().unwrap();
    let mut text = format!(
        "server:\n interface: 127.0.0.1@{port}\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n\
         directory: \"{}\"\n pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n num-threads: 1\n module-config: \"iterator\"\n\
         local-zone: \"example.\" static\n local-data: \"example. 300 IN SOA ns.example. root.example. 1 2 3 4 30\"\n\
         local-data: \"a.example. 300 IN A 192.0.2.1\"\n local-data: \"a.example. 300 IN AAAA 2001:db8::1\"\n\
         local-data: \"alias.example. 300 IN CNAME a.example.\"\n local-data: \"inside.example. 300 IN A 10.0.0.5\"\n\
         local-data: 'text.example. 300 IN TXT \"hello\"'\n",
        directory.path().display()
    );
    for number in 0..100 {
        writeln!(
            text,
            " local-data: \"big.example. 300 IN A 192.0.2.{number}\""
        )
        .unwrap();
    }
    text.push_str("remote-control:\n control-enable: no\n");
    let path: &Path = &directory.path().join("unbound.conf");
    fs::write(path, text).unwrap();
    if let Some(_server) = start("unbound", &["-d", "-c", path.to_str().unwrap()], port).await {
        // It follows no aliases in what it is given.
        questions(port, false).await;
    }
}
