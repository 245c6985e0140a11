//! Formatting, lints and licences.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{ebpf, process, setup::Tools, workspace};

/// Runs every check to its end, and fails if one of them did.
pub(crate) fn run(tools: &Tools) -> Result<()> {
    // The daemon's build script wants the object.
    ebpf::build(&tools.compiler, &tools.linker)?;
    let ebpf = workspace::root().join("agentguard-ebpf/Cargo.toml");
    let mut failed = Vec::new();
    let mut check = |name: &str, command: &mut Command| -> Result<()> {
        println!("lint: {name}");
        let result = process::run(command);
        process::check_interrupted()?;
        if let Err(error) = result {
            println!("lint: {name} failed: {error:#}");
            failed.push(name.to_owned());
        }
        Ok(())
    };

    check(
        "format of user space",
        cargo(&["fmt", "--all", "--check"]).arg("--quiet"),
    )?;
    check(
        "format of the kernel side",
        cargo(&["fmt", "--check", "--quiet"])
            .arg("--manifest-path")
            .arg(&ebpf),
    )?;
    check(
        "clippy of user space",
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
        ])
        .args(["--", "-D", "warnings"]),
    )?;
    if tools.compiler.has_clippy() {
        check(
            "clippy of the kernel side",
            tools
                .compiler
                .cargo()
                .args([
                    "clippy",
                    "--release",
                    "--locked",
                    "--quiet",
                    "--",
                    "-D",
                    "warnings",
                ])
                .env(
                    "CARGO_TARGET_DIR",
                    workspace::artefacts().join("ebpf/build"),
                ),
        )?;
    } else {
        println!(
            "lint: skipped: clippy of the kernel side (this compiler has none: on Debian it is in \
             rust-web-clippy, with rustup `rustup component add --toolchain nightly clippy`)"
        );
    }
    let advisories = fetch_advisories()?;
    for (name, manifest) in [
        ("user space", workspace::root().join("Cargo.toml")),
        ("the kernel side", ebpf),
    ] {
        check(
            &format!("licences, bans and sources of {name}"),
            deny(&manifest).args(["check", "licenses", "bans", "sources"]),
        )?;
        if advisories {
            check(
                &format!("advisories for {name}"),
                deny(&manifest).args(["check", "advisories"]),
            )?;
        }
    }
    if !failed.is_empty() {
        bail!("lint failed: {}", failed.join(", "));
    }
    println!("lint: passed");
    Ok(())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = workspace::cargo();
    command.args(arguments);
    command
}

fn deny(manifest: &Path) -> Command {
    let mut command = cargo(&[
        "deny",
        "--log-level",
        "error",
        "--locked",
        "--manifest-path",
    ]);
    command
        .arg(manifest)
        .arg("--config")
        .arg(workspace::root().join("deny.toml"));
    command
}

/// Fetches the database of advisories. Where it cannot be reached the check is skipped, and said so.
fn fetch_advisories() -> Result<bool> {
    let manifest = workspace::root().join("Cargo.toml");
    match process::output(deny(&manifest).args(["fetch", "db"])) {
        Ok(_) => Ok(true),
        Err(error) => {
            process::check_interrupted()?;
            let reason = format!("{error:#}");
            let reason = reason
                .lines()
                .rfind(|line| line.contains("fatal"))
                .unwrap_or(&reason);
            println!(
                "lint: skipped: advisories (the database cannot be fetched: {})",
                reason.trim()
            );
            Ok(false)
        }
    }
}
