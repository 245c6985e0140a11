//! Where it is said which upstream servers there are.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    path::{Path, PathBuf},
};

use nix::net::if_::if_nametoindex;

/// Servers that are used at most.
const MAX_SERVERS: usize = 8;
/// Bytes of a `resolv.conf`.
const MAX_FILE: u64 = 64 << 10;
/// The port of DNS.
pub(super) const PORT: u16 = 53;

/// Where upstream servers come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file in the form of `resolv.conf(5)`.
    ResolvConf(PathBuf),
    /// These.
    Servers(Vec<SocketAddr>),
}

/// Why upstream servers are not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It names no server.
    #[error("{} names no DNS server; name one in it, or give the daemon one", .0.display())]
    NoServer(PathBuf),
}

impl Source {
    /// What programs on the host use: `/etc/resolv.conf`. On a host with systemd-resolved that is its stub, which knows
    /// which server is for which name.
    pub fn host() -> Self {
        Self::ResolvConf("/etc/resolv.conf".into())
    }

    /// The servers that systemd-resolved has been told, without systemd-resolved.
    pub fn behind_resolved() -> Self {
        Self::ResolvConf("/run/systemd/resolve/resolv.conf".into())
    }

    /// The servers as of now. A file without any means, as `resolv.conf(5)` has it, the host itself; here it is an
    /// error, since nothing might listen there.
    pub fn servers(&self) -> Result<Vec<SocketAddr>, SourceError> {
        match self {
            Self::Servers(servers) => Ok(servers.clone()),
            Self::ResolvConf(path) => {
                let servers = parse(&read(path)?);
                if servers.is_empty() {
                    return Err(SourceError::NoServer(path.clone()));
                }
                Ok(servers)
            }
        }
    }
}

fn read(path: &Path) -> Result<String, SourceError> {
    let failed = |source| SourceError::Read {
        path: path.to_owned(),
        source,
    };
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MAX_FILE {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(failed)
}

/// The servers in a `resolv.conf`; what cannot be read is said, and left out, as every resolver library does.
fn parse(text: &str) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let Some(word) = words.next() else { continue };
        match server(word) {
            Some(server) if servers.contains(&server) => {}
            Some(_) if servers.len() == MAX_SERVERS => {
                tracing::warn!("only {MAX_SERVERS} DNS servers are used; {word} is not among them");
            }
            Some(server) => servers.push(server),
            None => tracing::warn!("'{word}' is no address of a DNS server"),
        }
    }
    servers
}

fn server(word: &str) -> Option<SocketAddr> {
    if let Ok(address) = word.parse::<IpAddr>() {
        return Some((address, PORT).into());
    }
    let (address, interface) = word.split_once('%')?;
    let address = address.parse().ok()?;
    let scope = interface
        .parse()
        .ok()
        .or_else(|| if_nametoindex(interface).ok())?;
    Some(SocketAddrV6::new(address, PORT, 0, scope).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_as_libraries_read_them() {
        let text = "# a comment\n; another\nsearch example.com\nnameserver 192.0.2.1\n\tnameserver\t2001:db8::1 \n\
            nameserver 192.0.2.1\nnameserver fe80::1%lo\nnameserver fe80::1%7\nnameserver nonsense\nnameserver\n\
            nameservers 192.0.2.9\noptions edns0\n";
        assert_eq!(
            parse(text),
            [
                "192.0.2.1:53".parse().unwrap(),
                "[2001:db8::1]:53".parse().unwrap(),
                SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 53, 0, 1)),
                SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 53, 0, 7)),
            ]
        );
    }

    #[test]
    fn a_file_without_servers_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        let source = Source::ResolvConf(path.clone());
        assert!(matches!(source.servers(), Err(SourceError::Read { .. })));
        fs::write(&path, "search example.com\n").unwrap();
        let error = source.servers().unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        fs::write(&path, "nameserver 192.0.2.1\n".repeat(4096)).unwrap();
        assert!(matches!(source.servers(), Err(SourceError::Read { .. })));
    }

    #[test]
    fn only_so_many_servers_are_used() {
        use std::fmt::Write;
        let mut text = String::new();
        for number in 0..20 {
            writeln!(text, "nameserver 192.0.2.{number}").unwrap();
        }
        assert_eq!(parse(&text).len(), MAX_SERVERS);
    }
}
