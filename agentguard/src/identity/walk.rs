//! Tags the cgroups that were there before they were declared.
//!
//! The tracepoint tags what is made from now on; the walk tags what is there. A cgroup is tagged
//! before its children are listed, so a child is either listed or inherits. One moment is left: a
//! child whose making began before the tag, and which was not visible when the children were
//! listed. The kernel makes cgroups under one lock, so making another one waits until it is
//! visible, and a second walk finds it.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsRawFd, unix::fs::MetadataExt},
    path::PathBuf,
};

use agentguard_common::{identity::Tag, limits::MAX_CGROUP_DEPTH};

use super::instance::is_populated;
use crate::kernel::{
    cgroup2::Cgroup2,
    tables::{TableError, Tables},
};

/// Why the hierarchy could not be walked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// A directory could not be read.
    #[error("cannot read the cgroup {path:?}: {source}")]
    Read {
        /// Its path.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The processes of a cgroup could not be killed.
    #[error("cannot kill the processes of the cgroup {path:?}, which nothing confines: {source}")]
    Kill {
        /// Its path.
        path: String,
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

/// What becomes of a cgroup that nothing can confine, because no table has room.
pub enum Shortage<'a> {
    /// The walk fails.
    Fail,
    /// Its processes are killed.
    Kill(&'a mut Casualties),
}

/// What nothing could confine.
#[derive(Debug, Default)]
pub struct Casualties {
    /// Cgroups that are still there.
    pub cgroups: u64,
    /// The paths of those whose processes were killed.
    pub killed: Vec<String>,
}

/// Walks until nothing is left to tag. `agent_of` says which agent declared the cgroup at a path.
pub fn tag_all(
    cgroups: &Cgroup2,
    tables: &mut Tables,
    agent_of: impl Fn(&str) -> Option<u32>,
    mut shortage: Shortage<'_>,
) -> Result<(), WalkError> {
    const ROUNDS: u32 = 100;
    let root = File::open(&cgroups.mount_point).map_err(|source| WalkError::Read {
        path: "/".to_owned(),
        source,
    })?;
    for _ in 0..ROUNDS {
        let made = tables.made_untagged()?;
        // What was counted until now is visible then.
        barrier(cgroups)?;
        let mut walk = Walk {
            tables,
            agent_of: &agent_of,
            shortage: &mut shortage,
            tagged: 0,
            untagged: 0,
        };
        walk.visit(&root, "", 0, None)?;
        let Walk {
            tagged, untagged, ..
        } = walk;
        if tagged == 0 {
            tables.settle(made, untagged)?;
            return Ok(());
        }
    }
    Err(WalkError::Restless)
}

struct Walk<'a, 'b, F> {
    tables: &'a mut Tables,
    agent_of: &'a F,
    shortage: &'a mut Shortage<'b>,
    /// Cgroups that are confined since this walk.
    tagged: u32,
    /// Cgroups of agents that have no tag still.
    untagged: u64,
}

impl<F: Fn(&str) -> Option<u32>> Walk<'_, '_, F> {
    /// Visits a cgroup and its descendants. Each directory is opened beneath its parent's
    /// descriptor: an agent can nest cgroups until a path is too long for the kernel.
    fn visit(
        &mut self,
        directory: &File,
        path: &str,
        depth: u32,
        parent: Option<Tag>,
    ) -> Result<(), WalkError> {
        let failed = |source| WalkError::Read {
            path: path.to_owned(),
            source,
        };
        let id = directory.metadata().map_err(failed)?.ino();
        let tag = match self.tag(id, path, parent) {
            Err(WalkError::Table(TableError::NoRoom)) => {
                self.untagged += 1;
                return self.give_up(directory, path);
            }
            tag => tag?,
        };
        if tag.is_none() && is_slice(path) {
            self.tables.mark_slice(id)?;
        }
        if depth >= MAX_CGROUP_DEPTH {
            // Nothing deeper can be declared, and what is an agent's is found by its ancestors.
            if tag.is_some() {
                self.tables.note_untagged()?;
                self.untagged += 1;
            }
            return Ok(());
        }
        let own = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
        let entries = match fs::read_dir(&own) {
            Ok(entries) => entries,
            // Removed while we walked.
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
            let child = match File::open(own.join(entry.file_name())) {
                Ok(child) => child,
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(failed(error)),
            };
            // A name that is not UTF-8 cannot be declared, but what is beneath can inherit.
            let name = format!("{path}/{}", entry.file_name().to_string_lossy());
            self.visit(&child, &name, depth + 1, tag)?;
        }
        Ok(())
    }

    fn tag(&mut self, id: u64, path: &str, parent: Option<Tag>) -> Result<Option<Tag>, WalkError> {
        if let Some(tag) = self.tables.tag(id)? {
            return Ok(Some(tag));
        }
        // An instance whose tag found no room stays the agent's whose it is.
        if let Some(tag) = self.tables.instance(id)?.or(parent) {
            // With a full table this cannot succeed, and need not: the programs then look among the
            // ancestors. It does not count as tagged, or the walk would never end.
            if self.tables.inherit(id, tag)? {
                self.tagged += 1;
            } else {
                self.untagged += 1;
            }
            return Ok(Some(tag));
        }
        let Some(agent) = (self.agent_of)(path) else {
            return Ok(None);
        };
        self.untagged += u64::from(!self.tables.tag_instance(id, agent)?);
        self.tagged += 1;
        Ok(Some(Tag {
            instance: id,
            agent,
            reserved: 0,
        }))
    }

    /// A cgroup is an agent's, and nothing can confine it.
    fn give_up(&mut self, directory: &File, path: &str) -> Result<(), WalkError> {
        match self.shortage {
            Shortage::Fail => Err(TableError::NoRoom.into()),
            Shortage::Kill(casualties) => {
                let own = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
                let killed = is_populated(&own).and_then(|populated| {
                    if populated {
                        // Linux 5.14.
                        fs::write(own.join("cgroup.kill"), "1")?;
                    }
                    Ok(populated)
                });
                match killed {
                    Ok(true) => casualties.killed.push(path.to_owned()),
                    Ok(false) => {}
                    Err(error) if is_gone(&error) => return Ok(()),
                    Err(source) => {
                        return Err(WalkError::Kill {
                            path: path.to_owned(),
                            source,
                        });
                    }
                }
                casualties.cgroups += 1;
                Ok(())
            }
        }
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
        path: path.display().to_string(),
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
