//! `dist --check`: what other programs say of the packages.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{process, workspace};

/// Asks those that are installed, and says which are not.
pub(super) fn run(deb: &Path, rpm: &Path) -> Result<()> {
    asked(
        "lintian",
        &["--fail-on", "error", "--tag-display-limit", "0"],
        deb,
    )?;
    asked("rpm", &["--nosignature", "--checksig", "--verbose"], rpm)?;
    asked("rpm", &["--query", "--list", "--verbose", "--package"], rpm)
}

fn asked(name: &str, arguments: &[&str], package: &Path) -> Result<()> {
    let Some(program) = workspace::find_program(name) else {
        println!("dist: skipped: {name} is not installed (Debian has it)");
        return Ok(());
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(package);
    println!("dist: {}", process::describe(&command));
    let output = process::finished(&mut command)?;
    let said = [output.stdout, output.stderr].concat();
    print!("{}", String::from_utf8_lossy(&said));
    if !output.status.success() {
        bail!("{name} finds fault: {}", output.status);
    }
    Ok(())
}
