//! Landlock's ruleset, and what our accesses are in it.

use std::{os::fd::BorrowedFd, path::Path};

// The crate, not this room.
use ::landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset as Builder,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    make_bitflags,
};
use agentguard_common::path::Access;

use super::{
    coverage,
    walk::{Grants, Kind},
};
use crate::policy::paths::Accesses;

/// The newest ABI whose rights are known here: what a later kernel can refuse besides is not asked for.
const NEWEST: ABI = ABI::V9;

/// A ruleset that grants nothing yet.
pub(super) struct Ruleset {
    /// Adding a rule takes it and gives it back; an error leaves none.
    created: Option<RulesetCreated>,
    granted: u64,
}

/// What of our accesses Landlock of this ABI decides.
pub(super) fn handled(abi: u32) -> Accesses {
    let all = [Access::Read, Access::Write, Access::Exec];
    let connect = (abi >= coverage::RESOLVE_UNIX).then_some(Access::Connect);
    all.into_iter().chain(connect).collect()
}

impl Ruleset {
    /// Fails on a kernel without Landlock.
    pub(super) fn new() -> Result<Self, RulesetError> {
        // Requests to devices are not asked for: who may open one may send it requests, as with the
        // kernel's programs.
        let rights = AccessFs::from_all(NEWEST) & !AccessFs::IoctlDev;
        let created = Builder::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(rights)?
            .scope(Scope::from_all(NEWEST))?
            .create()?
            .no_new_privs(true);
        Ok(Self {
            created: Some(created),
            granted: 0,
        })
    }

    /// Number of rules so far.
    pub(super) const fn granted(&self) -> u64 {
        self.granted
    }

    /// Confines this thread, and all that it starts, for good. Answers whether it is confined.
    pub(super) fn restrict(self) -> Result<bool, RulesetError> {
        let Some(created) = self.created else {
            return Ok(false);
        };
        let status = created.restrict_self()?;
        Ok(status.ruleset != RulesetStatus::NotEnforced && status.no_new_privs)
    }
}

impl Grants for Ruleset {
    type Error = RulesetError;

    fn grant(
        &mut self,
        object: BorrowedFd<'_>,
        kind: Kind,
        accesses: Accesses,
        _: &Path,
    ) -> Result<(), RulesetError> {
        let rights = accesses
            .iter()
            .fold(BitFlags::EMPTY, |all, access| all | rights(access, kind));
        if let Some(created) = self.created.take() {
            self.created = Some(created.add_rule(PathBeneath::new(object, rights))?);
            self.granted += 1;
        }
        Ok(())
    }
}

fn rights(access: Access, kind: Kind) -> BitFlags<AccessFs> {
    match (access, kind) {
        (Access::Read, Kind::Hierarchy) => make_bitflags!(AccessFs::{ReadFile | ReadDir}),
        (Access::Read, Kind::File) => AccessFs::ReadFile.into(),
        // No devices: who may make one may reach every file of the disk that it stands for.
        (Access::Write, Kind::Hierarchy) => make_bitflags!(AccessFs::{
            WriteFile | Truncate | MakeReg | MakeDir | MakeSym | MakeSock | MakeFifo
                | RemoveFile | RemoveDir | Refer
        }),
        (Access::Write, Kind::File) => make_bitflags!(AccessFs::{WriteFile | Truncate}),
        (Access::Exec, _) => AccessFs::Execute.into(),
        (Access::Connect, _) => AccessFs::ResolveUnix.into(),
    }
}
