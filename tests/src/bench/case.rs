//! Whose process it is that is measured.

use super::{operation::Operation, switch::Programs};

/// A kind of process, by where it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// An agent with 16 rules.
    FewRules,
    /// An agent with 256 rules.
    ManyRules,
    /// Nobody's, beneath a cgroup that programs are attached to.
    Untagged,
    /// As before, but the programs are empty: what the kernel takes, whatever they do.
    Empty,
    /// In a cgroup that has no programs, while others have.
    Outside,
    /// As before, and programs are never attached: what this measures is the error of the others.
    Control,
}

impl Case {
    /// The programs that it is measured with.
    pub(super) const fn programs(self) -> Programs {
        match self {
            Self::FewRules | Self::ManyRules | Self::Untagged | Self::Outside => Programs::Ours,
            Self::Empty => Programs::Empty,
            Self::Control => Programs::None,
        }
    }

    /// All of them.
    pub(super) const ALL: [Self; 6] = [
        Self::FewRules,
        Self::ManyRules,
        Self::Untagged,
        Self::Empty,
        Self::Outside,
        Self::Control,
    ];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FewRules => "agent, 16 rules",
            Self::ManyRules => "agent, 256 rules",
            Self::Untagged => "untagged, beneath",
            Self::Empty => "(empty programs)",
            Self::Outside => "outside",
            Self::Control => "(nothing changes)",
        }
    }

    /// The agent and its number of rules, if it is one.
    pub(super) const fn agent(self) -> Option<(&'static str, usize)> {
        match self {
            Self::FewRules => Some(("few-rules", 16)),
            Self::ManyRules => Some(("many-rules", 256)),
            Self::Untagged | Self::Empty | Self::Outside | Self::Control => None,
        }
    }

    /// How much more an operation may cost than without any program, as a ratio.
    pub(super) const fn budget(self, operation: Operation) -> Option<f64> {
        match (self, operation) {
            (Self::Control | Self::Empty, _) => None,
            (Self::Outside, Operation::Datagram) => Some(1.08),
            (Self::Outside, Operation::Delivery) => Some(1.06),
            (Self::Outside, _) => Some(1.01),
            (_, Operation::Connect) => Some(1.04),
            (_, Operation::Delivery) => Some(1.15),
            (_, Operation::Datagram) => Some(1.20),
            (_, Operation::Exchange | Operation::Bulk) => Some(1.06),
        }
    }
}
