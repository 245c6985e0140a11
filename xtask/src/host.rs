//! Builds user space: static programs, which run here and in the virtual machines alike.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    process::{self, Job},
    workspace,
};

/// How user space is compiled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Profile {
    /// Quick to compile, with run-time checks: the demonstration and the tests.
    Quick,
    /// What is shipped and measured.
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Release => "release",
        }
    }
}

/// The programs that were built, by name.
#[derive(Debug)]
pub(crate) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// The path of a program.
    pub(crate) fn get(&self, name: &str) -> Result<&Path> {
        self.0
            .get(name)
            .map(PathBuf::as_path)
            .with_context(|| format!("the workspace has no program {name}"))
    }
}

/// Builds every program of the workspace but this one. The eBPF object must be there.
pub(crate) fn build(profile: Profile) -> Result<Programs> {
    println!("build: user space ({})", profile.name());
    let mut command = cargo(profile, "build")?;
    command
        .args(["--workspace", "--exclude", "xtask", "--bins"])
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped());
    let mut job = Job::start(&mut command)?;
    let stdout = job
        .child()
        .stdout
        .take()
        .context("cargo has no standard output")?;
    let mut programs = BTreeMap::new();
    for line in BufReader::new(stdout).lines() {
        let message: Value = serde_json::from_str(&line?).context("cargo's messages changed")?;
        if let (Some(name), Some(path)) = (
            message["target"]["name"].as_str(),
            message["executable"].as_str(),
        ) {
            programs.insert(name.to_owned(), PathBuf::from(path));
        }
    }
    job.finish()?;
    Ok(Programs(programs))
}

/// Compiles the dependencies while the kernel side is not there yet. The daemon itself cannot be
/// built without it, so a failure means nothing here: the real build comes later, and tells.
pub(crate) fn build_dependencies(profile: Profile) -> Result<()> {
    let mut command = cargo(profile, "build")?;
    command
        .args(["--workspace", "--exclude", "xtask", "--bins"])
        .args(["--keep-going", "--quiet"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Job::start(&mut command)?.wait()?;
    Ok(())
}

/// A cargo command for static programs of this machine.
pub(crate) fn cargo(profile: Profile, verb: &str) -> Result<Command> {
    let mut flags = env::var("RUSTFLAGS").unwrap_or_default();
    flags.push_str(" -C target-feature=+crt-static");
    let mut command = workspace::cargo();
    command.env("RUSTFLAGS", flags.trim()).args([
        verb,
        "--locked",
        "--profile",
        profile.name(),
        "--target",
        &target()?,
    ]);
    Ok(command)
}

/// The target of user space: this machine's own. Naming it keeps the flags for static programs
/// away from build scripts and procedural macros.
fn target() -> Result<String> {
    let description = process::output(Command::new("rustc").arg("-vV"))?;
    match description
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
    {
        Some(target) => Ok(target.to_owned()),
        None => bail!("rustc -vV names no host"),
    }
}
