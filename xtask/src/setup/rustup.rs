//! Distributions other than Debian: rustup's nightly, and packages that the reader installs.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Needs, debian, emulator};
use crate::{process, workspace};

/// Fails unless the programs that Debian's packages would bring are there.
pub(super) fn check_programs(needs: Needs) -> Result<()> {
    let mut programs = vec!["cc", "ldd"];
    if needs.run {
        programs.extend(["ip", "curl", "python3"]);
    }
    if needs.machines {
        programs.extend(["ip", "mkfs.ext4", "mmdebstrap", emulator::PROGRAM, "xz"]);
    }
    programs.sort_unstable();
    programs.dedup();
    programs.retain(|program| workspace::find_program(program).is_none());
    if !programs.is_empty() {
        bail!(
            "install with this distribution's package manager: {}",
            programs.join(" ")
        );
    }
    Ok(())
}

/// Says which programs of the cases about names are missing: those are skipped.
pub(super) fn tell_of_names() {
    let names = debian::NAMES.iter().map(|(program, _)| *program);
    let missing: Vec<&str> = names
        .filter(|program| workspace::find_program(program).is_none())
        .collect();
    if !missing.is_empty() {
        println!(
            "setup: cases about names that use these are skipped, since they are not installed: {}",
            missing.join(" ")
        );
    }
}

/// Installs the nightly compiler with the sources of `core`.
pub(super) fn install_compiler() -> Result<()> {
    let arguments = [
        "toolchain",
        "install",
        "nightly",
        "--profile",
        "minimal",
        "--component",
        "rust-src",
    ];
    println!("setup: rustup {}", arguments.join(" "));
    process::run(Command::new("rustup").args(arguments)).context(
        "the kernel side needs rustup's nightly with rust-src: install rustup, or run that command \
         where it can reach its server",
    )
}
