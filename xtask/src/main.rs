//! Development tasks: `cargo xtask VERB`.

mod demo;
mod digest;
mod dist;
mod ebpf;
mod host;
mod lint;
mod process;
mod setup;
mod sources;
mod suites;
mod toolchain;
mod vm;
mod workspace;

use std::{process::ExitCode, thread};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::{
    host::{Profile, Programs},
    process::Job,
    setup::Needs,
    suites::Selection,
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
        /// Also install what `lint` needs
        #[arg(long)]
        lint: bool,
    },
    /// Build the eBPF object and the programs
    Build {
        /// As shipped: optimised, without run-time checks
        #[arg(long)]
        release: bool,
    },
    /// Show an agent being confined: on this machine's kernel, or in a virtual machine
    Demo,
    /// Run the tests: all of them, or those that are named
    Test {
        /// Unit and property tests
        #[arg(long)]
        unit: bool,
        /// The suite on this machine's kernel (as root)
        #[arg(long)]
        native: bool,
        /// The suite in virtual machines: all, or those that are named (6.1,6.12,7.3,systemd,
        /// systemd-257)
        #[arg(long, value_name = "MACHINE", num_args = 0.., value_delimiter = ',', require_equals = true)]
        vm: Option<Vec<String>>,
        /// Only cases whose name has this in it
        filter: Option<String>,
    },
    /// Measure what enforcement costs
    Bench {
        /// What rules for files cost, by instructions, in a virtual machine
        #[arg(long)]
        files: bool,
        /// Passed on: `--names` for rules by name, `--quick`, `--json FILE`, `--only PROGRAM`, a part of a name
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build a Debian package and an RPM
    Dist(dist::Options),
    /// Check format, lints and licences
    Lint,
    /// Run a command in a virtual machine
    Vm {
        /// Debian's kernel: 6.1, 6.12, 7.3, or another of its cloud kernels; or `systemd` and `systemd-257`, a whole
        /// Debian
        machine: String,
        /// Added to the kernel's command line
        #[arg(long, default_value = "", allow_hyphen_values = true)]
        append: String,
        /// The command in the machine; without one, the suite
        #[arg(last = true)]
        command: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            // The shell's convention for a death by signal.
            let code = process::interrupted().and_then(|signal| u8::try_from(128 + signal).ok());
            ExitCode::from(code.unwrap_or(1))
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    process::forward_signals()?;
    match task {
        Task::Setup { lint } => {
            setup::run(Needs {
                run: true,
                names: true,
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
        Task::Demo => {
            let programs = build(
                Needs {
                    run: true,
                    ..Needs::default()
                },
                Profile::Quick,
            )?;
            return demo::run(&programs);
        }
        Task::Bench { files, arguments } => return bench(files, &arguments),
        Task::Test {
            unit,
            native,
            vm,
            filter,
        } => {
            let all = !unit && !native && vm.is_none();
            let every = || vm::machines().map(str::to_owned).collect();
            let machines = match vm {
                Some(machines) if machines.is_empty() => every(),
                Some(machines) => machines,
                None if all => every(),
                None => Vec::new(),
            };
            let selection = Selection {
                unit: unit || all,
                native: native || all,
                machines,
                filter,
            };
            let needs = Needs {
                run: selection.native,
                names: selection.native,
                machines: !selection.machines.is_empty(),
                lint: false,
            };
            let programs = build(needs, Profile::Quick)?;
            return suites::run(&selection, &programs);
        }
        Task::Dist(options) => dist::run(&options, &build(Needs::default(), Profile::Release)?)?,
        Task::Lint => lint::run(&setup::run(Needs {
            lint: true,
            ..Needs::default()
        })?)?,
        Task::Vm {
            machine,
            append,
            command,
        } => {
            let programs = build(
                Needs {
                    machines: true,
                    ..Needs::default()
                },
                Profile::Quick,
            )?;
            let command = if command.is_empty() {
                vm::suite_command(&machine, None)
            } else {
                command
            };
            return in_machine(&machine, &programs, &command, vm::Pace::Clock, &append);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Sets up and builds everything. On a bare machine the dependencies of user space are compiled
/// while the tools of the kernel side are fetched and built.
fn build(needs: Needs, profile: Profile) -> Result<Programs> {
    let dependencies = (!workspace::ebpf_object().is_file())
        .then(|| thread::spawn(move || host::build_dependencies(profile)));
    let tools = setup::run(needs)?;
    ebpf::build(&tools.compiler, &tools.linker)?;
    if let Some(Err(error)) = dependencies.and_then(|thread| thread.join().ok()) {
        // The build that follows meets the same obstacle, and says more.
        println!("build: dependencies: {error:#}");
    }
    host::build(profile)
}

/// Measures what the network half costs on this machine, or what the file half does in one of ours.
fn bench(files: bool, arguments: &[String]) -> Result<ExitCode> {
    if files {
        let needs = Needs {
            machines: true,
            ..Needs::default()
        };
        // Most of what is counted is the kernel's, and all of what differs.
        let programs = build(needs, Profile::Quick)?;
        let command = vm::bench_command(arguments);
        let pace = vm::Pace::Instructions;
        return in_machine(vm::MEASURED, &programs, &command, pace, "");
    }
    let needs = Needs {
        run: true,
        ..Needs::default()
    };
    let programs = build(needs, Profile::Release)?;
    with_agentguard("agentguard-bench", &programs, arguments)
}

/// Runs a command in a machine; its exit status is ours.
fn in_machine(
    machine: &str,
    programs: &Programs,
    command: &[String],
    pace: vm::Pace,
    append: &str,
) -> Result<ExitCode> {
    let print = |line: &str| println!("{line}");
    match vm::run(machine, programs, command, pace, append, print)? {
        vm::Outcome::Exit(status) => Ok(ExitCode::from(status)),
        vm::Outcome::Signal(number) => bail!("the command died of signal {number}"),
    }
}

/// Runs one of the suite's programs as root on this machine; its exit status is ours.
fn with_agentguard(name: &str, programs: &Programs, arguments: &[String]) -> Result<ExitCode> {
    let mut command = suites::as_root(programs.get(name)?);
    command
        .arg("--agentguard")
        .arg(programs.get("agentguard")?)
        .args(arguments);
    let status = Job::start(&mut command)?.wait()?;
    process::check_interrupted()?;
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) => Ok(ExitCode::from(code)),
        None => bail!("{name}: {status}"),
    }
}
