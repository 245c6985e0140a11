//! What a case is.

use super::{FileRow, NameRow, ObjectRow, Row, Stage};
use crate::{error::Outcome, host::Layout};

/// Something that must hold.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, unique in its group. It begins with the id of the threat where there is one.
    pub name: &'static str,
    /// How it is checked.
    pub check: Check,
}

/// How a case is checked.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// One technique: it works untagged; as an agent it ends as the row says.
    Row(Row),
    /// One technique against files: likewise.
    Files(FileRow),
    /// One technique against sockets or processes: likewise.
    Objects(ObjectRow),
    /// One technique with names: likewise.
    Names(NameRow),
    /// A story with the daemon.
    Scenario(fn(&Stage) -> Outcome),
    /// A story with the daemon, and what shows that it would succeed without.
    Paired {
        /// Without the daemon: the world lets it happen.
        control: fn(&Stage) -> Outcome,
        /// With it.
        scenario: fn(&Stage) -> Outcome,
    },
}

impl Case {
    /// Whether there is something to check without the daemon.
    pub const fn has_control(&self) -> bool {
        matches!(
            self.check,
            Check::Row(_)
                | Check::Files(_)
                | Check::Objects(_)
                | Check::Names(_)
                | Check::Paired { .. }
        )
    }
}

/// Cases that share a world, and a daemon if there are scopes.
#[derive(Debug)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// The scope files (name without `.toml`, text) of the daemon that all cases share. Where there
    /// are none, each case starts its own daemon.
    pub scopes: &'static [(&'static str, &'static str)],
    /// What is on disk before each case, in a group about files. Such a group needs BPF LSM.
    pub layout: Option<Layout>,
    /// Whether the far host is an Internet with names, which the daemon's resolver asks. The daemon is on the agents' host
    /// then.
    pub internet: bool,
    /// The cases, in order.
    pub cases: &'static [Case],
}
