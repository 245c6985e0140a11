//! What the programs are told of tasks that live already.

use std::io::{self, Read as _};

use aya::{
    maps::{Array, MapError},
    programs::{Iter, ProgramError},
};

use super::{
    hooks::TASK_PROGRAM,
    load_error::{LoadError, refused},
    object::{Loaded, program},
};

/// How many tasks have run the manager's program.
const PREPARED: &str = "PREPARED";

impl Loaded {
    /// Has the programs look for those who prepare services, which they do by themselves once they have seen one. It
    /// must come before cgroups are tagged in which such a one may be.
    pub fn expect_executors(&mut self) -> Result<(), LoadError> {
        let failed = |error: MapError| LoadError::Tasks(io::Error::other(error));
        let map = self.ebpf.map_mut(PREPARED);
        let map = map.ok_or(LoadError::Absent(PREPARED))?;
        let mut prepared = Array::<_, u64>::try_from(map).map_err(failed)?;
        prepared.set(0, 1, 0).map_err(failed)
    }

    /// Notes with each task that lives whose its cgroup is.
    pub fn note_tasks(&mut self) -> Result<(), LoadError> {
        let refused = |error: &ProgramError| refused(TASK_PROGRAM, error);
        let program: &mut Iter = program(&mut self.ebpf, TASK_PROGRAM)?;
        let id = program.attach().map_err(|error| refused(&error))?;
        let link = program.take_link(id).map_err(|error| refused(&error))?;
        let mut file = link
            .into_file()
            .map_err(|error| LoadError::Tasks(io::Error::other(error)))?;
        // It runs for every task, and writes nothing.
        let mut nothing = Vec::new();
        file.read_to_end(&mut nothing)
            .map(drop)
            .map_err(LoadError::Tasks)
    }
}
