//! An agent is confined, on this machine's kernel, for somebody to watch.
//!
//! In the story this program is also the agent, and the tool that the agent is told to start: it is what it is
//! called.

use std::{env, fs, path::Path, path::PathBuf, process::ExitCode};

use agentguard_tests::{
    demo,
    error::{Outcome, failed},
    supervise,
};

const USAGE: &str = "usage: agentguard-demo --agentguard PATH [--plain] [--check]";

/// The exit status of `--check` where the story cannot be played.
const UNSUITABLE: u8 = 3;

fn main() -> ExitCode {
    let name = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let ended = match demo::called(&name, &arguments) {
        Some(ended) => ended.map(|()| ExitCode::SUCCESS),
        None => start(&arguments),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!(
                "{}: {error}",
                name.file_name().unwrap_or_default().display()
            );
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &[String]) -> Outcome<ExitCode> {
    let (child, rest) = match arguments {
        [word, rest @ ..] if word == supervise::CHILD => (true, rest),
        all => (false, all),
    };
    let [option, program, rest @ ..] = rest else {
        return failed(USAGE);
    };
    if option != "--agentguard" || !Path::new(program).is_file() {
        return failed(format!("--agentguard must name the program\n{USAGE}"));
    }
    // Commands are run from other directories.
    let program = fs::canonicalize(program)?;
    let mut check = false;
    for option in rest {
        match option.as_str() {
            "--plain" => demo::plain(),
            "--check" => check = true,
            _ => return failed(USAGE),
        }
    }
    if child {
        return demo::play(&program).map(|()| ExitCode::SUCCESS);
    }
    match demo::unsuitable(&program)? {
        Some(why) if check => {
            println!("{why}");
            Ok(ExitCode::from(UNSUITABLE))
        }
        Some(why) => failed(why),
        None if check => Ok(ExitCode::SUCCESS),
        None => supervise::supervise(arguments),
    }
}
