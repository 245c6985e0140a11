//! An agent is confined, on this machine's kernel, for somebody to watch.

use std::{fs, path::Path, process::ExitCode};

use agentguard_tests::{
    demo,
    error::{Outcome, failed},
    supervise,
};

const USAGE: &str = "usage: agentguard-demo --agentguard PATH";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match start(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("agentguard-demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &[String]) -> Outcome<ExitCode> {
    let (child, rest) = match arguments {
        [word, rest @ ..] if word == supervise::CHILD => (true, rest),
        all => (false, all),
    };
    let [option, program] = rest else {
        return failed(USAGE);
    };
    if option != "--agentguard" || !Path::new(program).is_file() {
        return failed(format!("--agentguard must name the program\n{USAGE}"));
    }
    if child {
        // Commands are run from other directories.
        let program = fs::canonicalize(program)?;
        return demo::play(&program).map(|()| ExitCode::SUCCESS);
    }
    supervise::require_root("to load BPF programs and make network namespaces")?;
    demo::check_tools()?;
    supervise::supervise(arguments)
}
