//! `agentguard completions`.

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::{generate, shells};

use super::{Cli, Error, ExitCode, output};

/// Print what a shell needs to complete this command line
///
/// Packages install it. By hand, for bash: source <(agentguard completions bash)
#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// A shell that completes words.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

pub(super) fn run(args: &CompletionsArgs) -> Result<ExitCode, Error> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    match args.shell {
        Shell::Bash => generate(shells::Bash, &mut command, name, &mut script),
        Shell::Fish => generate(shells::Fish, &mut command, name, &mut script),
        Shell::Zsh => generate(shells::Zsh, &mut command, name, &mut script),
    }
    output::print_script(&script)?;
    Ok(ExitCode::Done)
}
