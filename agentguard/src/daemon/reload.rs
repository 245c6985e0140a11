//! Scopes are loaded again.

use std::sync::{MutexGuard, PoisonError};

use super::{
    Daemon,
    backend::LastLoad,
    error::DaemonError,
    guard::Applied,
    memory,
    start::{load_scopes, suffices},
};
use crate::{
    log::DaemonEvent,
    policy::{PolicyError, Scope},
};

/// What was changed, and how many agents are declared now.
type Loaded = Result<(Applied, u32), DaemonError>;

impl Daemon {
    /// Loads the scopes again, all or nothing, and says in the log how it went.
    pub(super) fn load(&self) -> Result<Applied, DaemonError> {
        let _alone = self.loading();
        let loaded = self.read_scopes().and_then(|scopes| self.put(scopes));
        self.tell(&loaded);
        memory::give_back();
        loaded.map(|(applied, _)| applied)
    }

    /// Loads the scopes again because their files have changed, if `holds` when they are read; answers
    /// whether it did. The log is told only what it does not know: that other scopes are in force, or
    /// that the files have other errors than before, or none any more.
    pub(super) fn load_changed(&self, holds: impl FnOnce() -> bool) -> bool {
        let _alone = self.loading();
        let scopes = self.read_scopes();
        let holds = holds();
        if holds {
            let loaded = scopes.and_then(|scopes| self.put(scopes));
            let errors = errors_of(&loaded);
            let has_changed = matches!(&loaded, Ok((applied, _)) if !applied.is_empty());
            if has_changed || errors != self.last_errors() {
                if let Err(error) = &loaded {
                    tracing::error!(
                        "the files of the scopes changed, and nothing was reloaded: {error}"
                    );
                }
                self.tell(&loaded);
            }
        }
        memory::give_back();
        holds
    }

    /// Held while scopes are read and put in force: who reads first is not to be in force last.
    fn loading(&self) -> MutexGuard<'_, ()> {
        self.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_scopes(&self) -> Result<Vec<Scope>, DaemonError> {
        let scopes = load_scopes(&self.args.agents)?;
        suffices(&self.support, &scopes)?;
        Ok(scopes)
    }

    fn put(&self, scopes: Vec<Scope>) -> Loaded {
        match self.guard().as_mut() {
            Some(guard) => Ok((guard.apply(scopes)?, guard.agents.declared())),
            None => Ok((Applied::default(), 0)),
        }
    }

    /// Says in the log how it went, and keeps it for who asks.
    fn tell(&self, loaded: &Loaded) {
        match loaded {
            Ok((applied, agents)) => {
                let message = format!(
                    "{} added, {} changed, {} removed",
                    applied.added.len(),
                    applied.changed.len(),
                    applied.removed.len()
                );
                self.log.daemon(DaemonEvent::Reload, message, *agents);
            }
            Err(error) => {
                let agents = self.guard().as_ref().map_or(0, |it| it.agents.declared());
                self.log
                    .daemon(DaemonEvent::ReloadFailed, error.to_string(), agents);
            }
        }
        *self.last_load() = Some(LastLoad {
            time: self.clock.wall(self.clock.boot_ns()),
            errors: errors_of(loaded),
        });
    }

    /// How the last load ended.
    pub(super) fn last_load(&self) -> MutexGuard<'_, Option<LastLoad>> {
        self.last_load
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What was wrong the last time.
    fn last_errors(&self) -> Vec<String> {
        let last = self.last_load();
        last.as_ref()
            .map_or_else(Vec::new, |last| last.errors.clone())
    }
}

fn errors_of(loaded: &Loaded) -> Vec<String> {
    loaded.as_ref().map_or_else(error_lines, |_| Vec::new())
}

/// One line an error.
pub(super) fn error_lines(error: &DaemonError) -> Vec<String> {
    match error {
        DaemonError::Scopes(errors) => errors.iter().map(PolicyError::to_string).collect(),
        DaemonError::Lacking(errors) => errors.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}
