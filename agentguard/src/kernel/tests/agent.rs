//! What an agent does: this test program again, in a cgroup of the agent's.

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    os::fd::AsRawFd as _,
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
        ["ask-again", server] => ask_again(server.parse().unwrap()),
        ["connect", to] => TcpStream::connect(to).map(|_| "connected".to_owned()),
        ["connects", to, count] => connects(to, count.parse().unwrap()),
        ["keep", to] => keep(to),
        ["hello", to, how] => hello(to, how),
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

/// Asks a name server twice by one socket; the second time when it is told to.
fn ask_again(server: SocketAddr) -> io::Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(server)?;
    socket.send(b"question")?;
    socket.recv(&mut [0; 512])?;
    println!(">answered");
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    socket.send(b"question")?;
    Ok("asked".to_owned())
}

/// Connects so many times, again and again, and says how long that takes at the median, in nanoseconds.
fn connects(to: &str, count: u32) -> io::Result<String> {
    let mut times = Vec::new();
    for _ in 0..51 {
        let begun = std::time::Instant::now();
        for _ in 0..count {
            TcpStream::connect(to)?;
        }
        times.push(begun.elapsed().as_nanos());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2].to_string())
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

/// What `hello` sends first is on its standard input, as hexadecimal digits.
fn bytes() -> io::Result<Vec<u8>> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let digits = line.trim_end().as_bytes();
    Ok(digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect())
}

/// Connects and sends, and goes on when it is told to, as long as it is answered.
fn hello(to: &str, how: &str) -> io::Result<String> {
    let hello = bytes()?;
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    match how {
        "whole" => stream.write_all(&hello)?,
        "split" => {
            let (first, second) = hello.split_at(100);
            stream.write_all(first)?;
            stream.write_all(second)?;
        }
        "urgent" => {
            // SAFETY: the bytes are there.
            let sent = unsafe {
                libc::send(
                    stream.as_raw_fd(),
                    hello.as_ptr().cast(),
                    hello.len(),
                    libc::MSG_OOB,
                )
            };
            assert_eq!(usize::try_from(sent).unwrap(), hello.len());
        }
        _ => panic!("{how}"),
    }
    let mut back = [0];
    loop {
        stream.read_exact(&mut back)?;
        println!(">answered");
        let next = bytes()?;
        if next.is_empty() {
            return Ok("done".to_owned());
        }
        if next == b"again" {
            disconnect(&stream);
            connect(&stream, to.parse().unwrap())?;
            stream.write_all(&bytes()?)?;
        } else {
            stream.write_all(&next)?;
        }
    }
}

/// Disconnects a socket, which can then connect again.
fn disconnect(stream: &TcpStream) {
    // SAFETY: an address of no family is all zeros.
    let none: libc::sockaddr = unsafe { std::mem::zeroed() };
    // SAFETY: the address is there.
    let result = unsafe { libc::connect(stream.as_raw_fd(), &raw const none, 16) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

fn connect(stream: &TcpStream, to: std::net::SocketAddrV4) -> io::Result<()> {
    let address = libc::sockaddr_in {
        sin_family: 2,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*to.ip()).to_be(),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: the address is there, and of that size.
    match unsafe { libc::connect(stream.as_raw_fd(), (&raw const address).cast(), 16) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
