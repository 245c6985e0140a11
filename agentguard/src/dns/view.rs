//! One version of a scope: its rules by name, and its table in the kernel.

use std::{io, sync::Arc};

use agentguard_common::{address::Address, names::ServerName, rules::RuleSet, verdict::Action};

use super::{
    answer::A,
    interfaces::{Judgement, Learn, Policy},
    special::is_special,
};

/// Why an address was not learned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// There is no room for it.
    #[error("no room for more addresses and names")]
    Full,
    /// The table cannot be written.
    #[error("cannot write the table of names: {0}")]
    Table(#[from] io::Error),
}

/// Rules and table of one version of a scope.
#[derive(Clone)]
pub(super) struct View {
    pub policy: Arc<dyn Policy>,
    pub table: Arc<dyn Learn>,
}

impl View {
    /// What the rules say of a name that is resolved.
    pub(super) fn judge(&self, name: &str) -> Judgement {
        self.policy.judge(name, A)
    }

    /// Writes what is known of an address.
    pub(super) fn write(
        &self,
        address: &Address,
        rules: RuleSet,
        expires_ns: u64,
    ) -> Result<(), LearnError> {
        if self.table.learn(address, rules, expires_ns)? {
            Ok(())
        } else {
            Err(LearnError::Full)
        }
    }

    /// Writes what is known of a name.
    pub(super) fn write_name(
        &self,
        name: &str,
        rules: RuleSet,
        expires_ns: u64,
    ) -> Result<(), LearnError> {
        let Some(name) = ServerName::new(name.as_bytes()) else {
            // No plain name is too long or empty.
            return Ok(());
        };
        if self.table.learn_name(&name, rules, expires_ns)? {
            Ok(())
        } else {
            Err(LearnError::Full)
        }
    }
}

/// What becomes of an address of a name, and for which rules it is learned.
pub(super) fn judge_address(judgement: &Judgement, address: Address) -> (Action, RuleSet) {
    if judgement.verdict.action == Action::Refuse {
        (Action::Refuse, RuleSet::EMPTY)
    } else if !is_special(address) {
        (Action::Permit, judgement.rules)
    } else if judgement.private == Action::Refuse {
        (Action::Refuse, RuleSet::EMPTY)
    } else {
        (judgement.private, judgement.private_rules)
    }
}
