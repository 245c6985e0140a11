//! What a command sees of how it was started, and how it ends.

use std::io::{IsTerminal, Read, Write};

use nix::sys::signal::{Signal, raise};

use super::{Report, Step, Technique, arguments::Arguments, child::exit};

pub(super) const TECHNIQUES: &[Technique] = &[
    ("exit", exit_with),
    ("raise", raise_signal),
    ("copy", copy),
    ("terminal", terminal),
    ("no-new-privileges", no_new_privileges),
];

/// `exit CODE`.
fn exit_with(_: &mut Report, arguments: &Arguments) -> Step {
    exit(arguments.parse(0)?)
}

/// `raise SIGNAL`: dies of it.
fn raise_signal(_: &mut Report, arguments: &Arguments) -> Step {
    raise(arguments.parse::<Signal>(0)?)?;
    Ok(())
}

/// Standard input to standard output, and a word to standard error.
fn copy(_: &mut Report, _: &Arguments) -> Step {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    std::io::stdout().write_all(&input)?;
    eprintln!("copied");
    exit(0)
}

/// Which of the three streams are a terminal, and whether this is its foreground.
fn terminal(report: &mut Report, _: &Arguments) -> Step {
    report.fact("stdin", std::io::stdin().is_terminal());
    report.fact("stdout", std::io::stdout().is_terminal());
    report.fact("stderr", std::io::stderr().is_terminal());
    let foreground = nix::unistd::tcgetpgrp(std::io::stdin()).map_err(Into::into);
    let group = report.step("tcgetpgrp", foreground)?;
    report.fact("foreground", group == nix::unistd::getpgrp());
    Ok(())
}

/// Whether executing a program can give it rights.
fn no_new_privileges(report: &mut Report, _: &Arguments) -> Step {
    report.fact("no_new_privileges", nix::sys::prctl::get_no_new_privs()?);
    Ok(())
}
