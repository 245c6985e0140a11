//! What became of scopes that were loaded.

/// What loading scopes changed.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Applied {
    /// Agents that were not declared before.
    pub added: Vec<String>,
    /// Agents whose scope is another one.
    pub changed: Vec<String>,
    /// Agents that are declared no longer.
    pub removed: Vec<String>,
}

impl Applied {
    /// Whether the scopes are what they were.
    pub(in crate::daemon) const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}
