//! Tags the cgroups that were there before they were declared.
//!
//! The tracepoint tags what is made from now on; the walk tags what is there. A cgroup is tagged
//! before its children are listed, so a child is either listed or inherits. One moment is left: a
//! child whose making began before the tag, and which was not visible when the children were
//! listed. The kernel makes cgroups under one lock, so making another one waits until it is
//! visible, and a second walk finds it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use agentguard_common::identity::Tag;

use crate::kernel::{
    cgroup2::Cgroup2,
    tables::{TableError, Tables},
};

/// Why the hierarchy could not be walked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// A directory could not be read.
    #[error("cannot read the cgroup {path}: {source}")]
    Read {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A tag could not be set.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The walk found new cgroups again and again.
    #[error("cgroups are made faster than they can be tagged")]
    Restless,
}

/// Walks until nothing is left to tag. `agent_of` says which agent declared the cgroup at a path.
pub fn tag_all(
    cgroups: &Cgroup2,
    tables: &mut Tables,
    agent_of: impl Fn(&str) -> Option<u32>,
) -> Result<(), WalkError> {
    const ROUNDS: u32 = 100;
    for _ in 0..ROUNDS {
        let mut walk = Walk {
            tables,
            agent_of: &agent_of,
            tagged: 0,
        };
        walk.visit(&cgroups.mount_point, "", None)?;
        let tagged = walk.tagged;
        if tagged == 0 {
            return Ok(());
        }
        barrier(cgroups)?;
    }
    Err(WalkError::Restless)
}

struct Walk<'a, F> {
    tables: &'a mut Tables,
    agent_of: &'a F,
    tagged: u32,
}

impl<F: Fn(&str) -> Option<u32>> Walk<'_, F> {
    fn visit(
        &mut self,
        directory: &Path,
        path: &str,
        parent: Option<Tag>,
    ) -> Result<(), WalkError> {
        let failed = |source| WalkError::Read {
            path: directory.to_owned(),
            source,
        };
        let id = match fs::metadata(directory) {
            Ok(metadata) => metadata.ino(),
            // Removed while we walked.
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let tag = self.tag(id, path, parent)?;
        if tag.is_none() && is_slice(path) {
            self.tables.mark_slice(id)?;
        }
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if is_gone(&error) => return Ok(()),
                Err(error) => return Err(failed(error)),
            };
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            // A name that is not UTF-8 cannot be declared, but what is beneath can inherit.
            let child = format!("{path}/{}", entry.file_name().to_string_lossy());
            self.visit(&entry.path(), &child, tag)?;
        }
        Ok(())
    }

    fn tag(&mut self, id: u64, path: &str, parent: Option<Tag>) -> Result<Option<Tag>, WalkError> {
        if let Some(tag) = self.tables.tag(id)? {
            return Ok(Some(tag));
        }
        if let Some(tag) = parent {
            // With a full table this cannot succeed, and need not: the programs then look among the
            // ancestors. It is not counted, or the walk would never end.
            self.tables.inherit(id, tag)?;
            self.tagged += u32::from(self.tables.tag(id)?.is_some());
            return Ok(Some(tag));
        }
        let Some(agent) = (self.agent_of)(path) else {
            return Ok(None);
        };
        self.tables.tag_instance(id, agent)?;
        self.tagged += 1;
        Ok(Some(Tag {
            instance: id,
            agent,
            reserved: 0,
        }))
    }
}

/// Whether a cgroup is where systemd's units are: the root, or a slice beneath nothing but slices.
fn is_slice(path: &str) -> bool {
    path.split('/').skip(1).all(|name| {
        name.strip_suffix(".slice")
            .is_some_and(|stem| !stem.is_empty())
    })
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::ENODEV | libc::ENOTDIR)
    )
}

/// Waits until every cgroup whose making has begun is visible, by making one more.
fn barrier(cgroups: &Cgroup2) -> Result<(), WalkError> {
    let path = cgroups
        .mount_point
        .join(format!("agentguard-barrier-{}", std::process::id()));
    let failed = |source| WalkError::Read {
        path: path.clone(),
        source,
    };
    fs::create_dir(&path).map_err(failed)?;
    fs::remove_dir(&path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_beneath_slices() {
        for path in ["", "/system.slice", "/a.slice/a-b.slice"] {
            assert!(is_slice(path), "{path}");
        }
        for path in [
            "/x",
            "/.slice",
            "/user.slice/user@1.service",
            "/x/system.slice",
        ] {
            assert!(!is_slice(path), "{path}");
        }
    }
}
