//! What is printed and written.

use serde_json::{Value, json};

use super::{case::Case, operation::Operation, statistics::Spread};

/// What was found of one operation in one case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub(super) operation: Operation,
    pub(super) case: Case,
    /// Time with programs to time without.
    pub(super) ratio: Spread,
    /// Nanoseconds of one operation without programs.
    pub(super) base: f64,
}

/// What a ratio says about its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is no budget.
    None,
    /// Kept.
    Kept,
    /// The median is above, and yet a quarter of the rounds is not.
    Unsure,
    /// Three quarters of the rounds are above.
    Broken,
}

impl Verdict {
    /// What a figure says about its budget, if it has one.
    pub(super) fn of(figure: Spread, budget: Option<f64>) -> Self {
        match budget {
            None => Self::None,
            Some(budget) if figure.median <= budget => Self::Kept,
            Some(budget) if figure.lower <= budget => Self::Unsure,
            Some(_) => Self::Broken,
        }
    }

    /// As it is printed.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Kept => "kept",
            Self::Unsure => "unsure",
            Self::Broken => "BROKEN",
        }
    }

    /// As it is written.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kept => "kept",
            Self::Unsure => "unsure",
            Self::Broken => "broken",
        }
    }
}

impl Finding {
    pub(super) fn verdict(&self) -> Verdict {
        Verdict::of(self.ratio, self.case.budget(self.operation))
    }

    /// One line of the table.
    pub(super) fn row(&self) -> String {
        let verdict = self.verdict().mark();
        let budget = self.case.budget(self.operation);
        format!(
            "{:<12} {:<18} {:>9.2}  {:.3}  {:.3} … {:.3}   {:<6}  {verdict}",
            self.operation.name(),
            self.case.name(),
            self.base / 1000.0,
            self.ratio.median,
            self.ratio.lower,
            self.ratio.upper,
            budget
                .map(|budget| format!("{budget:.2}"))
                .unwrap_or_default(),
        )
        .trim_end()
        .to_owned()
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "operation": self.operation.name(),
            "case": self.case.name(),
            "base_ns": self.base.round(),
            "ratio": round(self.ratio.median),
            "lower_quartile": round(self.ratio.lower),
            "upper_quartile": round(self.ratio.upper),
            "budget": self.case.budget(self.operation),
            "verdict": self.verdict().name(),
        })
    }
}

fn round(ratio: f64) -> f64 {
    (ratio * 10_000.0).round() / 10_000.0
}

/// The head of the table.
pub(super) const HEAD: &str =
    "operation    process             base µs  ratio  quartiles       budget  verdict";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_broken_only_with_confidence() {
        let (operation, case) = (Operation::Datagram, Case::FewRules);
        let budget = case.budget(operation).unwrap();
        let verdict = |lower, median| {
            let ratio = Spread {
                lower: budget + lower,
                median: budget + median,
                upper: 2.0,
            };
            let finding = Finding {
                operation,
                case,
                ratio,
                base: 1.0,
            };
            finding.verdict()
        };
        assert_eq!(verdict(-0.1, 0.0), Verdict::Kept);
        assert_eq!(verdict(-0.05, 0.05), Verdict::Unsure);
        assert_eq!(verdict(0.01, 0.05), Verdict::Broken);
    }
}
