//! The command line of the benchmark.

use std::path::PathBuf;

use crate::error::{Outcome, failed};

const USAGE: &str = "usage: agentguard-bench --agentguard PATH [--files | --names] [--quick] [--json FILE] \
                     [--only PROGRAM]… [FILTER]";

/// What to measure.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The binary `agentguard`.
    pub agentguard: PathBuf,
    /// What rules for files cost, and not those for the network.
    pub files: bool,
    /// What rules by name cost.
    pub names: bool,
    /// Fewer rounds.
    pub quick: bool,
    /// Where to write the figures.
    pub json: Option<PathBuf>,
    /// Attach these programs only, to find out which of them costs what. Without any, all.
    pub only: Vec<String>,
    /// Measure only what has this in its name.
    pub filter: String,
}

impl Options {
    /// From the arguments after the program's name.
    pub fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || match arguments.next() {
                Some(value) => Ok(value),
                None => failed(format!("{argument} needs a value\n{USAGE}")),
            };
            match argument.as_str() {
                "--files" => options.files = true,
                "--names" => options.names = true,
                "--quick" => options.quick = true,
                "--agentguard" => options.agentguard = std::path::absolute(value()?)?,
                "--json" => options.json = Some(PathBuf::from(value()?)),
                "--only" => options.only.push(value()?.clone()),
                filter if !filter.starts_with('-') && options.filter.is_empty() => {
                    filter.clone_into(&mut options.filter);
                }
                other => return failed(format!("{other} is not understood\n{USAGE}")),
            }
        }
        if options.agentguard.is_file() {
            return Ok(options);
        }
        failed(format!(
            "--agentguard PATH must name the program under test\n{USAGE}"
        ))
    }
}
