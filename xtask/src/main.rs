//! Development tasks: `cargo xtask VERB`.

mod digest;
mod ebpf;
mod host;
mod process;
mod setup;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    host::{Profile, Programs},
    setup::{Needs, Tools},
};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "Sets up, builds, tests and demonstrates agentguard"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what building, the demonstration and the tests need
    Setup {
        /// Also install cargo-deny, which `lint` uses
        #[arg(long)]
        lint: bool,
    },
    /// Build the eBPF object and the programs
    Build {
        /// As shipped: optimised, without run-time checks
        #[arg(long)]
        release: bool,
    },
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            // The shell's convention for a death by signal.
            let code = process::interrupted().and_then(|signal| u8::try_from(128 + signal).ok());
            ExitCode::from(code.unwrap_or(1))
        }
    }
}

fn run() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    process::forward_signals()?;
    match arguments.task {
        Task::Setup { lint } => {
            setup::run(Needs {
                run: true,
                machines: true,
                lint,
            })?;
        }
        Task::Build { release } => {
            let profile = if release {
                Profile::Release
            } else {
                Profile::Quick
            };
            build(Needs::default(), profile)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Sets up and builds everything.
fn build(needs: Needs, profile: Profile) -> Result<Programs> {
    let tools = setup::run(needs)?;
    ebpf::build(&tools.compiler, &tools.linker)?;
    host::build(profile)
}
