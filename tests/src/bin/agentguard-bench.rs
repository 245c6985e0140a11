//! What enforcement costs: ratios to no enforcement, measured in one run.

use std::process::ExitCode;

use agentguard_tests::{
    bench::{self, Options},
    error::Outcome,
    supervise,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match start(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("agentguard-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &[String]) -> Outcome<ExitCode> {
    match arguments {
        [word] if word == bench::WORKER => bench::work().map(|()| ExitCode::SUCCESS),
        [word] if word == bench::files::WORKER => bench::files::work().map(|()| ExitCode::SUCCESS),
        [word] if word == bench::names::WORKER => bench::names::work().map(|()| ExitCode::SUCCESS),
        [word, rest @ ..] if word == supervise::CHILD => {
            let options = Options::parse(rest)?;
            if options.files {
                bench::files::run(&options)
            } else if options.names {
                bench::names::run(&options)
            } else {
                bench::run(&options)
            }
        }
        _ => {
            Options::parse(arguments)?;
            supervise::require_root("to load BPF programs and make network namespaces")?;
            supervise::supervise(arguments)
        }
    }
}
