//! What a question about a file or a socket is about.

use std::path::{Path, PathBuf};

use agentguard_common::path::Access;

use super::{
    host_paths::{HostPaths, follow},
    resolve::names,
};

/// A file or a socket, and what is done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTarget {
    /// What is done with it.
    pub access: Access,
    /// Its path, as the kernel sees it; or `@` and the name of an abstract socket.
    pub path: PathBuf,
    /// The directory above it that takes names that differ in case for the same, if there is one: then no rule counts.
    pub folded: Option<PathBuf>,
    /// What else there is to know about the way to it.
    pub note: Option<String>,
}

/// Why a text is nothing that can be asked about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathTargetError {
    /// It does not begin at the root.
    #[error("{0:?} is no absolute path; write it from the root on, as in \"/srv/papers/a.pdf\"")]
    Relative(String),
    /// No socket has an empty name here.
    #[error("\"@\" names no abstract socket; write \"@name\"")]
    NoName,
    /// A NUL byte.
    #[error("a path cannot hold a NUL character")]
    Nul,
}

impl PathTarget {
    /// A target from its path, which this host is asked about: links are followed, as the kernel would.
    /// What is to be connected to can be `@` and the name of an abstract socket.
    pub fn parse(
        text: &str,
        access: Access,
        host: &dyn HostPaths,
    ) -> Result<Self, PathTargetError> {
        if text.contains('\0') {
            return Err(PathTargetError::Nul);
        }
        if access == Access::Connect && text.starts_with('@') {
            if text == "@" {
                return Err(PathTargetError::NoName);
            }
            return Ok(Self {
                access,
                path: text.into(),
                folded: None,
                note: None,
            });
        }
        if !text.starts_with('/') {
            return Err(PathTargetError::Relative(text.to_owned()));
        }
        let asked = Path::new(text);
        let way = follow(host, names(asked));
        let note = match way.error {
            Some(error) => Some(error.to_string()),
            None if way.end != asked => Some(format!("{text} is {}", way.end.display())),
            None => None,
        };
        let mut above = way.end.ancestors().skip(1);
        let folded = above.find(|directory| host.ignores_case(directory));
        Ok(Self {
            access,
            folded: folded.map(Path::to_owned),
            path: way.end,
            note,
        })
    }

    /// Its names, as they are compared.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        use std::os::unix::ffi::OsStrExt;

        // The name of an abstract socket may hold slashes.
        let whole = (!self.path.is_absolute()).then(|| self.path.as_os_str().as_bytes());
        let parts = whole.is_none().then(|| names(&self.path));
        whole.into_iter().chain(parts.into_iter().flatten())
    }
}
