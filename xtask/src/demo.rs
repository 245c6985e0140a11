//! `cargo xtask demo`: on this machine's kernel, or in a virtual machine.

use std::{
    env,
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use anyhow::{Result, bail};

use crate::{
    host::Programs,
    process,
    setup::{self, Needs},
    suites, vm, with_agentguard,
};

/// The program that plays it.
const PROGRAM: &str = "agentguard-demo";
/// The machine in which it is played where this one cannot.
const MACHINE: &str = "6.12";

/// Plays it. The exit status is 0 only if everything was as the story says.
pub(crate) fn run(programs: &Programs) -> Result<ExitCode> {
    let Some(why) = why_not_here(programs)? else {
        return with_agentguard(PROGRAM, programs, &[]);
    };
    println!(
        "demo: not on this machine's kernel ({why}): in a virtual machine with Linux {MACHINE}"
    );
    setup::install(Needs {
        machines: true,
        ..Needs::default()
    })?;
    let mut command = vec!["/bin/agentguard-demo", "--agentguard", "/bin/agentguard"];
    if is_plain() {
        command.push("--plain");
    }
    let command: Vec<_> = command.into_iter().map(str::to_owned).collect();
    match vm::run(MACHINE, programs, &command, vm::Pace::Clock, "", |line| {
        println!("{line}");
    })? {
        vm::Outcome::Exit(status) => Ok(ExitCode::from(status)),
        vm::Outcome::Signal(number) => bail!("the demonstration died of signal {number}"),
    }
}

/// Why it cannot be played on this machine's kernel, in the words of the program; nothing if it can.
fn why_not_here(programs: &Programs) -> Result<Option<String>> {
    let mut command = suites::as_root(programs.get(PROGRAM)?);
    command
        .arg("--agentguard")
        .arg(programs.get("agentguard")?)
        .arg("--check");
    let output = match process::finished(&mut command) {
        Ok(output) if output.status.success() => return Ok(None),
        Ok(output) => output,
        // There is no sudo.
        Err(error) => return Ok(Some(format!("{error:#}"))),
    };
    process::check_interrupted()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(Some(
        said.lines()
            .next()
            .unwrap_or("it does not say why")
            .to_owned(),
    ))
}

/// Whether nobody wants colours: the machine cannot tell.
fn is_plain() -> bool {
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    unwanted || !io::stdout().is_terminal()
}
