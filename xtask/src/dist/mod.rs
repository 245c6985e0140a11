//! `cargo xtask dist`: a Debian package and an RPM, of the same files and scripts.

mod check;
mod contents;
mod deb;
mod moment;
mod redhat;
mod scripts;

use std::{
    env::consts::ARCH,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};

use self::{contents::Format, moment::Moment};
use crate::{host::Programs, workspace};

/// What both packages say of themselves.
const NAME: &str = "agentguard";
const MAINTAINER: &str = "agentguard maintainers <agentguard@users.noreply.github.com>";
const HOMEPAGE: &str = env!("CARGO_PKG_REPOSITORY");
const SUMMARY: &str = "confines AI agents from the kernel";
const DESCRIPTION: &[&str] = &[
    "agentguard gives each AI agent on a host a scope: the network destinations,",
    "files, programs, sockets and processes that it may touch, declared in a TOML",
    "file. eBPF programs in the kernel know every process of an agent by its",
    "cgroup and refuse whatever is outside the scope before it happens. A daemon",
    "writes each refusal to a log.",
];

/// The version, as both formats order it: what comes before a release sorts before it.
fn version() -> String {
    as_packaged(env!("CARGO_PKG_VERSION"))
}

fn as_packaged(version: &str) -> String {
    version.replace('-', "~")
}

/// What tells one build of a version from the next.
#[derive(Clone, Copy, Debug)]
struct Build {
    /// The last part of the version: `1` in `0.1.0-1`.
    revision: u32,
    /// When it was made, as far as the package says.
    moment: Moment,
}

/// What is built, and where it goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the packages go: `target/dist` of this tree if it is not said
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The packages' revision: a package of a version that was packaged before has a higher one
    #[arg(long, value_name = "N", default_value_t = 1)]
    revision: u32,
    /// Have lintian and rpm look at the packages, where they are installed
    #[arg(long)]
    check: bool,
}

/// Packages the programs.
pub(crate) fn run(options: &Options, programs: &Programs) -> Result<()> {
    let directory = options.out.clone();
    let directory = directory.unwrap_or_else(|| workspace::artefacts().join("dist"));
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let build = Build {
        revision: options.revision,
        moment: Moment::of_the_sources()?,
    };
    let program = programs.get(NAME)?;
    let arch = Arch::this()?;
    let version = format!("{}-{}", version(), build.revision);
    let deb = directory.join(format!("{NAME}_{version}_{}.deb", arch.debian));
    write(&deb, &debian(program, build)?)?;
    let rpm = directory.join(format!("{NAME}-{version}.{}.rpm", arch.rpm));
    let entries = contents::of(program, Format::Rpm, build)?;
    write(&rpm, &redhat::package(&entries, build, arch.rpm)?)?;
    if options.check {
        check::run(&deb, &rpm)?;
    }
    Ok(())
}

fn debian(program: &Path, build: Build) -> Result<Vec<u8>> {
    let entries = contents::of(program, Format::Deb, build)?;
    deb::package(&entries, build, Arch::this()?.debian)
}

fn write(path: &Path, package: &[u8]) -> Result<()> {
    fs::write(path, package).with_context(|| format!("cannot write {}", path.display()))?;
    println!("dist: {} ({} KiB)", path.display(), package.len() / 1024);
    Ok(())
}

/// Debian packages of one version and of the next one, for the machines that install them. They are made once.
pub(crate) fn for_machines(programs: &Programs) -> Result<[Vec<u8>; 2]> {
    static PACKAGES: Mutex<Option<[Vec<u8>; 2]>> = Mutex::new(None);
    let mut packages = PACKAGES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(packages) = &*packages {
        return Ok(packages.clone());
    }
    println!("dist: packaging for the machines");
    let of_revision = |revision| {
        let moment = Moment::ANY;
        debian(programs.get(NAME)?, Build { revision, moment })
    };
    let both = [of_revision(1)?, of_revision(2)?];
    Ok(packages.insert(both).clone())
}

/// What the formats call this machine's processor.
#[derive(Clone, Copy, Debug)]
struct Arch {
    debian: &'static str,
    rpm: &'static str,
}

impl Arch {
    fn this() -> Result<Self> {
        let (debian, rpm) = match ARCH {
            "x86_64" => ("amd64", "x86_64"),
            "aarch64" => ("arm64", "aarch64"),
            other => bail!("no package for {other}: agentguard does not run there"),
        };
        Ok(Self { debian, rpm })
    }
}

/// A file of the sources.
fn source(path: &str) -> Result<Vec<u8>> {
    let path = workspace::root().join(path);
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// A text of the sources.
fn text(path: &str) -> Result<String> {
    String::from_utf8(source(path)?).with_context(|| format!("{path} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_comes_before_a_release_sorts_before_it() {
        assert_eq!(super::as_packaged("1.0.0"), "1.0.0");
        assert_eq!(super::as_packaged("1.0.0-rc.1"), "1.0.0~rc.1");
    }
}
