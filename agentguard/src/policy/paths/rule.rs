//! Rules about paths.

use agentguard_common::path::Access;

use super::Pattern;
use crate::policy::Mode;

/// A rule about paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// Its number in the scope. Several patterns may have one number.
    pub number: u16,
    /// The paths.
    pub pattern: Pattern,
    /// What it says about them.
    pub effect: Effect,
    /// Whether it is enforced. An agent in observe mode observes every rule, whatever this says.
    pub mode: Mode,
}

/// What a rule says about a path that it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It may not be accessed, whatever else allows it.
    Deny,
    /// It may be accessed in these ways.
    Allow(Vec<Access>),
}
