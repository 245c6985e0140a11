//! Network namespaces: where an agent's processes are, and sockets there.

mod inhabited;

use std::{
    fs::{self, File},
    io,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
    thread,
};

use nix::sched::{CloneFlags, setns};

pub use self::inhabited::inhabited;

/// That of the thread that looks.
const OWN: &str = "/proc/thread-self/ns/net";

/// A network namespace, which stays as long as this does.
#[derive(Debug)]
pub struct Namespace {
    file: File,
    cookie: u64,
    /// It was the thread's own as it was opened: nothing needs to enter it, which takes `CAP_SYS_ADMIN`.
    is_own: bool,
}

mod option {
    use nix::{getsockopt_impl, sockopt_impl};

    sockopt_impl!(
        /// `SO_NETNS_COOKIE` (Linux 5.14): the number by which programs know a network namespace
        /// (`bpf_get_netns_cookie`). No other has it until the host is booted again.
        Cookie, GetOnly, libc::SOL_SOCKET, libc::SO_NETNS_COOKIE, u64
    );
}

impl Namespace {
    /// The one of a process. Whoever has its number by now may be another: compare the [cookie](Self::cookie).
    pub fn of_process(pid: u32) -> io::Result<Self> {
        Self::open(Path::new(&format!("/proc/{pid}/ns/net")))
    }

    /// The one that this thread is in.
    pub fn own() -> io::Result<Self> {
        Self::open(Path::new(OWN))
    }

    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let is_own = fs::metadata(OWN)?.ino() == file.metadata()?.ino();
        let mut namespace = Self {
            file,
            cookie: 0,
            is_own,
        };
        namespace.cookie = namespace.within(cookie)??;
        Ok(namespace)
    }

    /// What programs call it.
    pub fn cookie(&self) -> u64 {
        self.cookie
    }

    /// Its inode, as that of `/proc/PID/ns/net`: another one's if this is dropped.
    pub fn inode(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.ino())
    }

    /// Does something in it, in a thread of its own unless this thread is in it. Sockets that are made there stay there.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        if self.is_own {
            return Ok(work());
        }
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                setns(self.file.as_fd(), CloneFlags::CLONE_NEWNET)?;
                Ok(work())
            });
            worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the thread in a namespace panicked")))
        })
    }
}

/// The cookie of the namespace that this thread is in.
fn cookie() -> io::Result<u64> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socket};

    let socket = socket(
        AddressFamily::Unix,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    Ok(getsockopt(&socket, option::Cookie)?)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use nix::{sched::unshare, unistd::gettid};

    use super::*;

    #[test]
    fn each_has_a_cookie_of_its_own() {
        let own = Namespace::own().unwrap();
        assert_eq!(own.cookie(), Namespace::own().unwrap().cookie());
        let of_process = Namespace::of_process(std::process::id()).unwrap();
        assert_eq!(own.cookie(), of_process.cookie());
        assert_eq!(own.inode().unwrap(), of_process.inode().unwrap());
        let other = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).ok()?;
            // Threads have numbers as processes have.
            let tid = u32::try_from(gettid().as_raw()).unwrap();
            Some((
                Namespace::own().unwrap(),
                Namespace::of_process(tid).unwrap(),
            ))
        });
        let Some((mut other, again)) = other.join().unwrap() else {
            println!("skipped: only root makes network namespaces");
            return;
        };
        assert_ne!(own.cookie(), other.cookie());
        assert_eq!(other.cookie(), again.cookie());
        // It was that thread's own.
        other.is_own = false;
        // Its loopback interface is down: nothing can be bound there but to no address.
        let socket = other
            .within(|| UdpSocket::bind("0.0.0.0:0"))
            .unwrap()
            .unwrap();
        assert!(socket.send_to(b"x", "127.0.0.1:9").is_err());
        assert_eq!(own.cookie(), Namespace::own().unwrap().cookie());
    }
}
