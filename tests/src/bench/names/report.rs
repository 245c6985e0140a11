//! What is printed and written.

use std::fs;

use serde_json::{Value, json};

use super::{
    super::{Options, report::Verdict, statistics::Spread},
    Operation,
};
use crate::{
    error::{Context, Outcome},
    host::programs,
};

/// A figure, in microseconds or as a ratio.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    what: String,
    case: String,
    value: Spread,
    budget: Option<f64>,
    is_ratio: bool,
}

impl Figure {
    /// Microseconds.
    pub(super) fn time(what: &str, case: &str, value: Spread, budget: f64) -> Self {
        Self {
            what: what.to_owned(),
            case: case.to_owned(),
            value,
            budget: Some(budget),
            is_ratio: false,
        }
    }

    /// A ratio to what an agent takes that may reach the place by its address.
    pub(super) fn ratio(operation: Operation, case: &str, value: Spread) -> Self {
        Self {
            what: operation.name().to_owned(),
            case: case.to_owned(),
            value,
            budget: operation.budget(),
            is_ratio: true,
        }
    }

    fn verdict(&self) -> Verdict {
        Verdict::of(self.value, self.budget)
    }

    fn row(&self) -> String {
        let digits = if self.is_ratio { 3 } else { 1 };
        let budget = self
            .budget
            .map(|budget| format!("{budget:.2}"))
            .unwrap_or_default();
        let row = format!(
            "{:<18} {:<22} {:>7.digits$}  {:>7.digits$} … {:<7.digits$}  {budget:<6}  {}",
            self.what,
            self.case,
            self.value.median,
            self.value.lower,
            self.value.upper,
            self.verdict().mark(),
        );
        row.trim_end().to_owned()
    }

    fn to_json(&self) -> Value {
        let round = |value: f64| (value * 10_000.0).round() / 10_000.0;
        json!({
            "operation": self.what,
            "case": self.case,
            "unit": if self.is_ratio { "ratio" } else { "µs" },
            "median": round(self.value.median),
            "lower_quartile": round(self.value.lower),
            "upper_quartile": round(self.value.upper),
            "budget": self.budget,
            "verdict": self.verdict().name(),
        })
    }
}

/// All of them.
pub(super) struct Report {
    kernel: String,
    rounds: usize,
    figures: Vec<Figure>,
    lost: Option<u64>,
}

impl Report {
    /// Prints the head.
    pub(super) fn new(rounds: usize) -> Outcome<Self> {
        let kernel =
            fs::read_to_string("/proc/sys/kernel/osrelease").context("ask for the release")?;
        let kernel = kernel.trim().to_owned();
        println!("agentguard bench of names on Linux {kernel}, {rounds} rounds");
        let others = programs::all()?.len();
        if others > 0 {
            println!("note: {others} BPF programs of others are loaded");
        }
        println!(
            "\noperation          case              µs, or ratio  quartiles          budget  verdict"
        );
        Ok(Self {
            kernel,
            rounds,
            figures: Vec::new(),
            lost: None,
        })
    }

    /// Prints a figure.
    pub(super) fn note(&mut self, figure: Figure) {
        println!("{}", figure.row());
        self.figures.push(figure);
    }

    /// Prints how many answers were lost.
    pub(super) fn lost(&mut self, per_second: u32, seconds: u32, lost: u64) {
        let all = per_second * seconds;
        let verdict = if lost == 0 { "kept" } else { "BROKEN" };
        println!(
            "{per_second} questions a second: {lost} of {all} answers are missing; none may be: {verdict}"
        );
        self.lost = Some(lost);
    }

    /// Whether a budget is broken.
    pub(super) fn is_broken(&self) -> bool {
        let figures = self.figures.iter();
        self.lost.is_some_and(|lost| lost > 0)
            || figures
                .map(Figure::verdict)
                .any(|verdict| verdict == Verdict::Broken)
    }

    /// Writes what was found, if that is wanted.
    pub(super) fn write(&self, options: &Options) -> Outcome {
        let Some(path) = &options.json else {
            return Ok(());
        };
        let report = json!({
            "kernel": self.kernel,
            "rounds": self.rounds,
            "figures": self.figures.iter().map(Figure::to_json).collect::<Vec<Value>>(),
            "missing_answers": self.lost,
        });
        fs::write(path, format!("{report:#}\n")).context(format!("write {}", path.display()))
    }
}
