//! The adversarial suite: one static program that is harness, probe and far side at once.

use std::process::ExitCode;

use agentguard_tests::{
    cases,
    error::{Outcome, failed},
    harness::{self, Group, Options},
    probe,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match start(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The family of groups that is asked for.
const fn groups(options: &Options) -> &'static [&'static Group] {
    if options.systemd {
        cases::SYSTEMD
    } else {
        cases::ALL
    }
}

/// Answers whether nothing failed.
fn start(arguments: &[String]) -> Outcome<bool> {
    match arguments {
        [word, rest @ ..] if word == "probe" => probe::main(rest).map(|()| true),
        [word, name, rest @ ..] if word == "group" => {
            let options = Options::parse(rest)?;
            let Some(group) = groups(&options).iter().find(|group| group.name == name) else {
                return failed(format!("there is no group {name}"));
            };
            harness::work(group, &options).map(|()| true)
        }
        _ => {
            let options = Options::parse(arguments)?;
            harness::run(groups(&options), &options)
        }
    }
}
