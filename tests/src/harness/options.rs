//! The command line of the suite.

use std::path::PathBuf;

use crate::error::{Outcome, failed};

/// How to use the program.
const USAGE: &str = "usage: agentguard-tests [FILTER] (--agentguard PATH | --controls) [--list] [--keep] [--systemd]";

/// What to do with the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Name them.
    List,
    /// Run only what needs no daemon: every technique must work untagged.
    Controls,
    /// Run them.
    Run,
}

/// The arguments.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only cases whose `group/name` contains this.
    pub filter: String,
    /// The binary `agentguard`.
    pub agentguard: PathBuf,
    /// What to do.
    pub mode: Mode,
    /// Leave the directories of the daemons.
    pub keep: bool,
    /// The groups that need a host that systemd runs, instead of the others.
    pub systemd: bool,
}

impl Options {
    /// From the arguments after the program's name.
    pub fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self {
            filter: String::new(),
            agentguard: PathBuf::new(),
            mode: Mode::Run,
            keep: false,
            systemd: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--list" => options.mode = Mode::List,
                "--controls" => options.mode = Mode::Controls,
                "--keep" => options.keep = true,
                "--systemd" => options.systemd = true,
                "--agentguard" => match arguments.next() {
                    Some(path) => options.agentguard = std::path::absolute(path)?,
                    None => return failed(format!("--agentguard needs a path\n{USAGE}")),
                },
                filter if !filter.starts_with('-') && options.filter.is_empty() => {
                    filter.clone_into(&mut options.filter);
                }
                other => return failed(format!("{other} is not understood\n{USAGE}")),
            }
        }
        if options.mode == Mode::Run && !options.agentguard.is_file() {
            return failed(format!(
                "--agentguard PATH must name the program under test\n{USAGE}"
            ));
        }
        Ok(options)
    }

    /// As arguments, for the processes of the groups.
    pub fn to_arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.filter.clone()];
        arguments.retain(|filter| !filter.is_empty());
        if self.mode == Mode::Controls {
            arguments.push("--controls".into());
        }
        if !self.agentguard.as_os_str().is_empty() {
            arguments.extend(["--agentguard".into(), self.agentguard.display().to_string()]);
        }
        if self.keep {
            arguments.push("--keep".into());
        }
        if self.systemd {
            arguments.push("--systemd".into());
        }
        arguments
    }
}
