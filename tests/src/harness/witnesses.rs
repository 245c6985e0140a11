//! Processes that others do something to: they say what has reached them.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Mutex, PoisonError},
};

use super::Interactive;
use crate::error::Outcome;

/// The witness who is nobody's agent.
pub(super) const STRANGER: &str = "stranger";
/// The agents that witnesses are of, where a group has such a scope.
pub(super) const AGENTS: &[&str] = &["neighbour", "clerk"];

/// The witnesses of a stage, by name.
#[derive(Debug, Default)]
pub struct Witnesses(Mutex<BTreeMap<String, Interactive>>);

impl Witnesses {
    /// Whether there are any.
    pub(super) fn are_called(&self) -> bool {
        !self.lock().is_empty()
    }

    /// One more.
    pub(super) fn call(&self, name: &str, command: Command) -> Outcome {
        let witness = Interactive::start(command)?;
        self.lock().insert(name.to_owned(), witness);
        Ok(())
    }

    /// What each of them has seen so far.
    pub(super) fn states(&self) -> Outcome<BTreeMap<String, String>> {
        let mut witnesses = self.lock();
        let states = witnesses.iter_mut().map(|(name, witness)| {
            let seen = witness.ask(&["state"])?;
            Ok((name.clone(), format!("{:?}", seen.facts)))
        });
        states.collect()
    }

    /// A text in which `$NAME.WHAT` stands for what a witness said of itself.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, witness) in self.lock().iter() {
            for said in witness.detail.split(' ') {
                if let Some((what, value)) = said.split_once('=') {
                    text = text.replace(&format!("${name}.{what}"), value);
                }
            }
        }
        text
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Interactive>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
