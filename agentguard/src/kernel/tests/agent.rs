//! What an agent does: this test program again, in a cgroup of the agent's.

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// The variable that says what is to be done.
const TASK: &str = "AGENTGUARD_TEST_TASK";
/// A server answers at once, or never.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts an agent in a cgroup, which does a task.
pub(super) fn start(cgroup: &Path, task: &str) -> Child {
    Command::new("/bin/sh")
        .args(["-c", "echo $$ > \"$1\" && shift && exec \"$@\"", "sh"])
        .arg(cgroup.join("cgroup.procs"))
        .arg(env::current_exe().unwrap())
        .args([
            "--exact",
            "kernel::tests::agent::agent",
            "--ignored",
            "--nocapture",
        ])
        .env(TASK, task)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What an agent says that does a task: the lines that begin with a `>`.
pub(super) fn run(cgroup: &Path, task: &str) -> Vec<String> {
    said(start(cgroup, task))
}

/// What an agent has said in the end.
pub(super) fn said(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    text.lines()
        .filter_map(|line| line.split_once('>').map(|(_, said)| said.to_owned()))
        .collect()
}

#[test]
#[ignore = "other tests start it in an agent's cgroup"]
fn agent() {
    let task = env::var(TASK).unwrap();
    let words: Vec<_> = task.split(' ').collect();
    let said = match words[..] {
        ["ask", protocol, server] => ask(protocol, server.parse().unwrap()),
        ["connect", to] => TcpStream::connect(to).map(|_| "connected".to_owned()),
        ["keep", to] => keep(to),
        _ => panic!("{task}"),
    };
    match said {
        Ok(said) => println!(">{said}"),
        Err(error) => println!(">{:?}", error.kind()),
    }
}

/// Asks a name server, and says from whom the answer comes.
fn ask(protocol: &str, server: SocketAddr) -> io::Result<String> {
    let any: IpAddr = if server.is_ipv4() {
        [0; 4].into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let mut answer = [0; 512];
    let (length, from) = match protocol {
        "send" => {
            let socket = UdpSocket::bind((any, 0))?;
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.send_to(b"question", server)?;
            socket.recv_from(&mut answer)?
        }
        "udp" => {
            let socket = UdpSocket::bind((any, 0))?;
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.connect(server)?;
            socket.send(b"question")?;
            let (length, from) = socket.recv_from(&mut answer)?;
            assert_eq!(socket.peer_addr()?, from);
            assert_ne!(socket.local_addr()?.port(), 0);
            (length, from)
        }
        _ => {
            let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(b"question")?;
            (stream.read(&mut answer)?, stream.peer_addr()?)
        }
    };
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    Ok(format!("{from} {answer}"))
}

/// Connects, waits to be told to go on, and sends.
fn keep(to: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(to)?;
    println!(">connected");
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"x")?;
    let mut back = [0];
    stream.read_exact(&mut back)?;
    Ok("answered".to_owned())
}
