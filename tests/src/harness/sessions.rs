//! Processes that perform one technique after another.

use std::{
    collections::HashMap,
    process::Command,
    sync::{Mutex, PoisonError},
};

use super::Interactive;
use crate::{error::Outcome, probe::Reading};

/// The sessions of a stage, by agent.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<Option<String>, Interactive>>);

impl Sessions {
    /// Has the session of an agent, or of nobody, perform a technique. It is started where there is none.
    pub(super) fn ask(
        &self,
        agent: Option<&str>,
        technique: &[&str],
        command: impl FnOnce() -> Outcome<Command>,
    ) -> Outcome<Reading> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = agent.map(str::to_owned);
        let mut session = match sessions.remove(&whose) {
            Some(session) => session,
            None => Interactive::start(command()?)?,
        };
        // One that could not answer is not asked again.
        let reading = session.ask(technique)?;
        sessions.insert(whose, session);
        Ok(reading)
    }
}
