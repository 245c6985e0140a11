//! Scopes are loaded again.

use std::sync::PoisonError;

use super::{
    Daemon,
    backend::LastLoad,
    error::DaemonError,
    guard::Applied,
    memory,
    start::{load_scopes, suffices},
};
use crate::{log::DaemonEvent, policy::PolicyError};

impl Daemon {
    /// Loads the scopes again, all or nothing, and says in the log how it went.
    pub(super) fn load(&self) -> Result<Applied, DaemonError> {
        let loaded = load_scopes(&self.args.agents)
            .and_then(|scopes| suffices(&self.support, &scopes).map(|()| scopes))
            .and_then(|scopes| match self.guard().as_mut() {
                Some(guard) => Ok((guard.apply(scopes)?, guard.agents.declared())),
                None => Ok((Applied::default(), 0)),
            });
        let errors = match &loaded {
            Ok((applied, agents)) => {
                let message = format!(
                    "{} added, {} changed, {} removed",
                    applied.added.len(),
                    applied.changed.len(),
                    applied.removed.len()
                );
                self.log.daemon(DaemonEvent::Reload, message, *agents);
                Vec::new()
            }
            Err(error) => {
                let agents = self.guard().as_ref().map_or(0, |it| it.agents.declared());
                self.log
                    .daemon(DaemonEvent::ReloadFailed, error.to_string(), agents);
                error_lines(error)
            }
        };
        *self
            .last_load
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(LastLoad {
            time: self.clock.wall(self.clock.boot_ns()),
            errors,
        });
        memory::give_back();
        loaded.map(|(applied, _)| applied)
    }
}

/// One line an error.
pub(super) fn error_lines(error: &DaemonError) -> Vec<String> {
    match error {
        DaemonError::Scopes(errors) => errors.iter().map(PolicyError::to_string).collect(),
        DaemonError::Lacking(errors) => errors.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}
