//! Somebody to whom things are done, and who says what: `witness DIRECTORY NAME`.
//!
//! It has sockets of each type beneath the directory and, with names that begin with `NAME`, abstract ones; counts
//! signals; has something in its memory and in a descriptor; and gives descriptors away to who asks for one.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Seek, Write},
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    process,
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
    time::Duration,
};

use nix::{
    fcntl::{AT_FDCWD, OFlag, openat},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
        socket::{ControlMessage, MsgFlags, sendmsg},
        stat::Mode,
    },
    unistd::{Pid, read, setpgid},
};

use super::super::{Report, Step, Stop, Technique, arguments::Arguments, arguments::family};
use crate::{
    error::{Error, Outcome},
    sys::{self, SockAddr},
};

pub(in super::super) const TECHNIQUES: &[Technique] = &[("witness", witness)];

/// What it has in its memory.
const SECRET: &[u8; 16] = b"a memory of mine";
/// How long it takes with who asks for a descriptor.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names of its sockets, and their types. Those that begin with `granted` are in the scopes' rules, `offer` gives
/// descriptors away, and of connections to `quiet` it says nothing.
const SOCKETS: &[(&str, i32)] = &[
    ("docker.sock", libc::SOCK_STREAM),
    ("log", libc::SOCK_DGRAM),
    ("packets", libc::SOCK_SEQPACKET),
    ("granted.sock", libc::SOCK_STREAM),
    ("granted.log", libc::SOCK_DGRAM),
    ("granted.packets", libc::SOCK_SEQPACKET),
    ("granted.not", libc::SOCK_STREAM),
    ("offer", libc::SOCK_STREAM),
    ("quiet", libc::SOCK_STREAM),
];

static SIGNALS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

struct Socket {
    name: &'static str,
    kind: i32,
    listens: OwnedFd,
}

#[derive(Default)]
struct Seen {
    connections: u64,
    messages: u64,
    /// The last connections: what was connected stays so.
    kept: VecDeque<OwnedFd>,
}

/// How many connections it keeps.
const KEPT: usize = 16;

fn witness(_: &mut Report, arguments: &Arguments) -> Step {
    // Signals to its group are for it alone.
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    let action = SigAction::new(
        SigHandler::Handler(count),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [
        Signal::SIGUSR1,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGCONT,
        Signal::SIGIO,
    ] {
        // SAFETY: the handler only adds to an atomic number.
        unsafe { sigaction(signal, &action) }?;
    }
    let sockets = sockets(arguments.text(0)?, arguments.text(1)?)?;
    let memory: &'static [AtomicU8] =
        Box::leak(SECRET.iter().map(|byte| AtomicU8::new(*byte)).collect());
    let mut file = File::from(memfd_create(c"secret", MFdFlags::empty())?);
    file.write_all(b"a file of mine")?;
    println!(
        "ready pid={} memory={} descriptor={}",
        process::id(),
        memory.as_ptr() as usize,
        file.as_raw_fd()
    );
    io::stdout().flush()?;
    let (mut seen, mut asked) = (Seen::default(), Vec::new());
    loop {
        let input = io::stdin();
        let wait: Vec<BorrowedFd> = std::iter::once(input.as_fd())
            .chain(sockets.iter().map(|it| it.listens.as_fd()))
            .collect();
        let ready = ready(&wait, PollTimeout::NONE)?;
        attend(&sockets, &mut seen)?;
        if !ready[0] {
            continue;
        }
        let mut some = [0; 256];
        match read(&input, &mut some) {
            Ok(0) => return Err(Stop::Silent),
            Ok(count) => asked.extend_from_slice(&some[..count]),
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        while let Some(end) = asked.iter().position(|byte| *byte == b'\n') {
            asked.drain(..=end);
            // What was sent before the question is counted in the answer.
            attend(&sockets, &mut seen)?;
            let mut report = Report::default();
            report.fact("connections", seen.connections);
            report.fact("messages", seen.messages);
            report.fact("signals", SIGNALS.load(Ordering::Relaxed));
            let memory = memory.iter().map(|byte| byte.load(Ordering::Relaxed));
            let memory: Vec<u8> = memory.collect();
            report.fact("memory", String::from_utf8_lossy(&memory));
            file.rewind()?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            report.fact("file", text);
            println!("{}", report.to_json());
            io::stdout().flush()?;
        }
    }
}

/// Which of them can be read from.
fn ready(of: &[BorrowedFd], timeout: PollTimeout) -> Result<Vec<bool>, Stop> {
    let mut wait: Vec<_> = of
        .iter()
        .map(|fd| PollFd::new(*fd, PollFlags::POLLIN))
        .collect();
    match poll(&mut wait, timeout) {
        Ok(_) => Ok(wait
            .iter()
            .map(|fd| fd.revents().is_some_and(|events| !events.is_empty()))
            .collect()),
        Err(nix::Error::EINTR) => Ok(vec![false; of.len()]),
        Err(error) => Err(error.into()),
    }
}

fn sockets(directory: &str, name: &str) -> Outcome<Vec<Socket>> {
    let mut sockets = Vec::new();
    for (own, kind) in SOCKETS {
        for address in [format!("{directory}/{own}"), format!("@{name}-{own}")] {
            let socket = sys::socket(libc::AF_UNIX, *kind, 0)?;
            sys::bind(&socket, &SockAddr::unix(&address)?)?;
            if *kind != libc::SOCK_DGRAM {
                sys::listen(&socket)?;
            }
            sockets.push(Socket {
                name: own,
                kind: *kind,
                listens: socket,
            });
        }
    }
    Ok(sockets)
}

/// Takes everything that waits.
fn attend(sockets: &[Socket], seen: &mut Seen) -> Step {
    loop {
        let wait: Vec<_> = sockets.iter().map(|it| it.listens.as_fd()).collect();
        let ready = ready(&wait, PollTimeout::ZERO)?;
        if ready.iter().all(|ready| !ready) {
            return Ok(());
        }
        for (socket, _) in sockets.iter().zip(ready).filter(|(_, ready)| *ready) {
            if socket.kind == libc::SOCK_DGRAM {
                sys::recv(&socket.listens, &mut [0; 64])?;
                seen.messages += 1;
                continue;
            }
            let peer = sys::accept(&socket.listens)?;
            if socket.name == "offer" {
                // Who asks may go away before the answer.
                drop(offer(&peer));
                continue;
            }
            seen.connections += u64::from(socket.name != "quiet");
            seen.kept.push_back(peer);
            if seen.kept.len() > KEPT {
                seen.kept.pop_front();
            }
        }
    }
}

/// Sends the descriptor that is asked for.
fn offer(peer: &OwnedFd) -> Outcome {
    sys::timeouts(peer, PATIENCE)?;
    let mut asked = [0; 256];
    let len = sys::recv(peer, &mut asked)?;
    let asked = String::from_utf8_lossy(&asked[..len]).into_owned();
    let thing = thing(&asked)?;
    sendmsg::<()>(
        peer.as_raw_fd(),
        &[io::IoSlice::new(b"!")],
        &[ControlMessage::ScmRights(&[thing.as_raw_fd()])],
        MsgFlags::empty(),
        None,
    )?;
    Ok(())
}

fn thing(asked: &str) -> Outcome<OwnedFd> {
    let words: Vec<_> = asked.split(' ').collect();
    Ok(match *words {
        ["read", path] => File::open(path)?.into(),
        ["write", path] => File::options().write(true).open(path)?.into(),
        ["both", path] => File::options().read(true).write(true).open(path)?.into(),
        ["path", path] => openat(AT_FDCWD, path, OFlag::O_PATH, Mode::empty())?,
        ["memory"] => {
            let mut file = File::from(memfd_create(c"passed", MFdFlags::empty())?);
            file.write_all(b"passed")?;
            file.into()
        }
        ["pipe"] => {
            let (read, write) = nix::unistd::pipe()?;
            File::from(write).write_all(b"passed")?;
            read
        }
        ["ring"] => super::passing::ring_of_its_own()?,
        ["udp", to] => {
            let to: SocketAddr = to.parse().map_err(io::Error::other)?;
            let socket = sys::socket(family(to), libc::SOCK_DGRAM, 0)?;
            sys::connect(&socket, &to.into())?;
            socket
        }
        ["unix", name] => {
            let socket = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
            sys::connect(&socket, &SockAddr::unix(name)?)?;
            socket
        }
        _ => return Err(Error::Failed(format!("probe: there is no {asked} to give"))),
    })
}
