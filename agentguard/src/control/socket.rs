//! The control socket's file.

use std::{
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
};

use nix::sys::{
    socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket},
    stat::{Mode, fchmod},
};

/// Members of this group may use the control socket, besides root.
pub const GROUP: &str = "agentguard";

/// Why the control socket cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// A daemon answers there.
    #[error("{path}: another daemon answers there; stop it first, or choose another --run-dir", path = .0.display())]
    InUse(PathBuf),
    /// The path is taken by something that is not a socket.
    #[error("{path}: is not a socket; move it away, or choose another --run-dir", path = .0.display())]
    NotASocket(PathBuf),
    /// The kernel refused.
    #[error("{path}: cannot {action}: {source}", path = .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// The listening control socket. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    inode: (u64, u64),
}

impl ControlSocket {
    /// Makes the socket, with mode 0660 and the group [`GROUP`] if there is one, else for root
    /// alone. A socket that nobody listens on is replaced.
    ///
    /// The caller holds the daemon's run lock: no other daemon does the same at this moment.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed = |action| {
            move |source: io::Error| SocketError::Io {
                path: path.to_owned(),
                action,
                source,
            }
        };
        remove_stale(path)?;
        let socket = listening_socket(path).map_err(failed("make the socket"))?;
        let listener = UnixListener::from(socket);
        let metadata = fs::symlink_metadata(path).map_err(failed("look at the socket"))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            inode: (metadata.dev(), metadata.ino()),
        })
    }

    /// The listener, non-blocking, for the runtime.
    pub(super) fn listener(&self) -> io::Result<tokio::net::UnixListener> {
        let listener = self.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        tokio::net::UnixListener::from_std(listener)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.inode);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("{}: cannot remove the socket: {error}", self.path.display());
        }
    }
}

/// Makes way for a new socket, if what stands there is a socket without a listener.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let failed = |action| {
        move |source: io::Error| SocketError::Io {
            path: path.to_owned(),
            action,
            source,
        }
    };
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => return Err(SocketError::NotASocket(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at it")(error)),
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed("remove the stale socket"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        // For one, EAGAIN: somebody listens, and its queue is full.
        Err(error) => Err(failed("tell whether a daemon answers there")(error)),
    }
}

/// Nobody can connect before the permissions are final: the file has no bits that it must not have
/// from its creation on, and is not listened on until it has them all.
fn listening_socket(path: &Path) -> io::Result<OwnedFd> {
    let socket = socket(
        AddressFamily::Unix,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // bind(2) gives the file the mode of the socket's inode, less the umask.
    fchmod(&socket, Mode::from_bits_truncate(0o600))?;
    bind(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    let group = group_id(GROUP)?.unwrap_or(0);
    if nix::unistd::geteuid().is_root() {
        lchown(path, Some(0), Some(group))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    listen(&socket, Backlog::new(128)?)?;
    Ok(socket)
}

/// The id of a local group. `/etc/group` is read directly: the name service would load libraries of
/// the host's choice into the daemon, and a static program cannot bear that.
fn group_id(name: &str) -> io::Result<Option<u32>> {
    let groups = match fs::read_to_string("/etc/group") {
        Ok(groups) => groups,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_for_root_and_the_group_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agentguard.sock");
        let socket = ControlSocket::bind(&path).unwrap();
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o660);
        UnixStream::connect(&path).unwrap();
        drop(socket);
        assert!(!path.exists(), "the file goes with the socket");
    }

    #[test]
    fn a_stale_socket_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agentguard.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let _socket = ControlSocket::bind(&path).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_socket_that_is_listened_on_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agentguard.sock");
        let _other = UnixListener::bind(&path).unwrap();
        assert!(matches!(
            ControlSocket::bind(&path),
            Err(SocketError::InUse(_))
        ));
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agentguard.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(
            ControlSocket::bind(&path),
            Err(SocketError::NotASocket(_))
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_successor_s_socket_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agentguard.sock");
        let first = ControlSocket::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _second = ControlSocket::bind(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
    }
}
