//! Whose process it is that is measured, and what is attached meanwhile.

use super::operation::Operation;

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// Nothing, for a process outside every scope, while there are scopes.
    Outside,
    /// A scope of so many rules.
    Scope(usize),
    /// Landlock, with the rules of that scope.
    Landlock(usize),
    /// Empty programs: what the kernel takes to call programs, whatever they do.
    Empty,
    /// Nothing at all, once more: what this measures is the error of the others.
    Control,
}

impl Case {
    /// All of them: those that others are compared with come first.
    pub(super) const ALL: [Self; 7] = [
        Self::Control,
        Self::Empty,
        Self::Outside,
        Self::Landlock(16),
        Self::Scope(16),
        Self::Landlock(256),
        Self::Scope(256),
    ];

    /// Its name.
    pub(super) fn name(self) -> String {
        match self {
            Self::Outside => "outside".to_owned(),
            Self::Scope(rules) => format!("scope, {rules} rules"),
            Self::Landlock(rules) => format!("(Landlock, {rules})"),
            Self::Empty => "(empty programs)".to_owned(),
            Self::Control => "(nothing)".to_owned(),
        }
    }

    /// How much more an operation may cost than without enforcement, as a ratio. `of` says what another case costs.
    pub(super) fn budget(
        self,
        operation: Operation,
        depth: usize,
        of: impl Fn(Self) -> Option<f64>,
    ) -> Option<f64> {
        let by_depth = |[low, middle, high]: [f64; 3]| {
            Some(match depth {
                ..=2 => low,
                3..=8 => middle,
                _ => high,
            })
        };
        match (self, operation) {
            (Self::Outside | Self::Scope(_), Operation::Stat) => Some(1.0),
            (Self::Outside, Operation::Exec) => Some(1.02),
            (
                Self::Outside,
                Operation::OpenAgain
                | Operation::OpenBeside
                | Operation::OpenFirst
                | Operation::OpenCold,
            ) => by_depth([1.06, 1.04, 1.03]),
            (Self::Scope(_), Operation::OpenAgain) => by_depth([1.12, 1.10, 1.08]),
            (Self::Scope(rules), Operation::OpenFirst | Operation::OpenCold) => {
                of(Self::Landlock(rules))
            }
            _ => None,
        }
    }
}
