//! What was found, and what it says about the budgets.

use serde_json::{Value, json};

use super::{case::Case, operation::Operation};

/// What a ratio may be above its budget: counts differ by so much between two runs of the same.
const ERROR: f64 = 0.003;

/// What an operation costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub(super) case: Case,
    pub(super) operation: Operation,
    pub(super) depth: usize,
    /// Instructions of one operation without enforcement.
    pub(super) base: f64,
    /// Those with enforcement to those without.
    pub(super) ratio: f64,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

/// The head of the table.
const HEAD: &str = "operation    depth  process             base  ratio   budget  verdict";

impl Findings {
    /// Prints them. Answers whether every budget is kept.
    pub(super) fn print(&self) -> bool {
        println!("{HEAD}");
        let mut all_kept = true;
        for (operation, depth) in self.measured() {
            for case in Case::ALL {
                let Some(finding) = self.find(case, operation, depth) else {
                    continue;
                };
                let budget = self.budget(finding);
                let is_kept = budget.map(|budget| finding.ratio <= budget + ERROR);
                all_kept &= is_kept != Some(false);
                let row = format!(
                    "{operation:<12} {depth:>5}  {:<16} {:>7.0}  {:.3}   {:<6}  {}",
                    case.name(),
                    finding.base,
                    finding.ratio,
                    budget
                        .map(|budget| format!("{budget:.2}"))
                        .unwrap_or_default(),
                    match is_kept {
                        None => "",
                        Some(true) => "kept",
                        Some(false) => "BROKEN",
                    }
                );
                println!("{}", row.trim_end());
            }
        }
        all_kept
    }

    /// For other programs.
    pub(super) fn to_json(&self) -> Value {
        let round = |ratio: f64| (ratio * 10_000.0).round() / 10_000.0;
        let finding = |it: &Finding| {
            json!({
                "operation": it.operation.name(),
                "depth": it.depth,
                "case": it.case.name(),
                "base": it.base.round(),
                "ratio": round(it.ratio),
                "budget": self.budget(it).map(round),
            })
        };
        self.0.iter().map(finding).collect()
    }

    fn measured(&self) -> Vec<(Operation, usize)> {
        let mut measured: Vec<_> = Vec::new();
        for finding in &self.0 {
            let key = (finding.operation, finding.depth);
            if !measured.contains(&key) {
                measured.push(key);
            }
        }
        measured
    }

    fn budget(&self, finding: &Finding) -> Option<f64> {
        let Finding {
            case,
            operation,
            depth,
            ..
        } = *finding;
        let of = |case| {
            self.find(case, operation, depth)
                .map(|finding| finding.ratio)
        };
        case.budget(operation, depth, of)
    }

    fn find(&self, case: Case, operation: Operation, depth: usize) -> Option<&Finding> {
        self.0
            .iter()
            .find(|it| (it.case, it.operation, it.depth) == (case, operation, depth))
    }
}
