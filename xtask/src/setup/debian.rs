//! Debian's packages.

use std::{collections::BTreeSet, fs, path::Path, process::Command, sync::Once};

use anyhow::{Context as _, Result, bail};
use nix::unistd::geteuid;

use super::Needs;
use crate::{process, sources, workspace};

/// Programs, and the packages that have them.
const BUILD: &[(&str, &str)] = &[("cc", "gcc"), ("ldd", "libc-bin")];
const RUN: &[(&str, &str)] = &[("ip", "iproute2"), ("curl", "curl"), ("python3", "python3")];
const MACHINES: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mmdebstrap", "mmdebstrap"),
    ("xz", "xz-utils"),
];
/// Programs that the cases about names try, or have at the other end, and the packages that have them. A case is skipped
/// where its program is missing.
pub(super) const NAMES: &[(&str, &str)] = &[
    ("dig", "bind9-dnsutils"),
    ("dnsmasq", "dnsmasq-base"),
    ("git", "git"),
    ("iodine", "iodine"),
    ("ldns-signzone", "ldnsutils"),
    ("openssl", "openssl"),
    ("ssh", "openssh-client"),
    ("unbound", "unbound"),
];
/// Services that come with them, and that the host is not to run because of us.
const SERVICES: &[(&str, &str)] = &[
    ("unbound", "unbound.service"),
    ("iodine", "iodined.service"),
];
/// The compiler of the kernel side: the newest that Debian's stable releases have, with its sources.
const COMPILER: &[&str] = &["cargo-web", "rust-web-src", "rustc-web"];

/// How apt-get installs.
const INSTALL: [&str; 5] = [
    "--quiet=2",
    "install",
    "--yes",
    "--no-install-recommends",
    "--no-remove",
];

/// The package lists are fetched once.
static UPDATE: Once = Once::new();

/// Whether this is Debian (and not something that is only like it: `rustc-web` is Debian's).
pub(super) fn is_debian() -> Result<bool> {
    Ok(os_release()?.lines().any(|line| line == "ID=debian"))
}

/// Its name for the release, if it has one.
pub(super) fn release() -> Result<Option<String>> {
    let name = |line: &str| line.strip_prefix("VERSION_CODENAME=").map(str::to_owned);
    Ok(os_release()?.lines().find_map(name))
}

/// What the system says of itself: nothing, where that is not the custom.
fn os_release() -> Result<String> {
    let path = Path::new("/etc/os-release");
    if !path.exists() {
        return Ok(String::new());
    }
    fs::read_to_string(path).context("cannot read /etc/os-release")
}

/// The packages that are missing for these needs.
pub(super) fn missing(needs: Needs, have_compiler: bool) -> Result<BTreeSet<String>> {
    let mut programs = BUILD.to_vec();
    if needs.run {
        programs.extend(RUN);
    }
    if needs.machines {
        programs.extend(MACHINES);
    }
    let mut packages: BTreeSet<String> = programs
        .iter()
        .filter(|(program, _)| workspace::find_program(program).is_none())
        .map(|&(_, package)| package.to_owned())
        .collect();
    // The static C library, which `cc` alone does not prove.
    let mut wanted = vec!["libc6-dev"];
    if needs.lint {
        wanted.push("rust-web-clippy");
    }
    if !have_compiler {
        wanted.extend(COMPILER);
    }
    packages.extend(not_installed(&wanted)?);
    Ok(packages)
}

/// Installs what the cases about names use, one package after another: what cannot be installed is said, and is no
/// failure.
pub(super) fn install_for_names() {
    for &(program, package) in NAMES {
        if workspace::find_program(program).is_some() {
            continue;
        }
        let installed = without_its_service(package)
            .and_then(|()| install(&BTreeSet::from([package.to_owned()])));
        if let Err(error) = installed {
            println!("setup: no {program}: {error:#}: cases about names that use it are skipped");
        }
    }
}

/// The service of a package that is about to be installed does not start by itself: it would answer for the host.
fn without_its_service(package: &str) -> Result<()> {
    let service = SERVICES.iter().find(|(known, _)| *known == package);
    let (Some((_, service)), true) = (service, Path::new("/run/systemd/system").exists()) else {
        return Ok(());
    };
    println!("setup: disabling {service}, which comes with {package}: unmask it to use it");
    let sudo = needs_sudo(&format!("systemctl mask {service}"))?;
    let mut command = Command::new(if sudo { "sudo" } else { "systemctl" });
    if sudo {
        command.arg("systemctl");
    }
    process::run(command.args(["--quiet", "mask", service]))
}

/// The packages that are missing to build bpf-linker.
pub(super) fn missing_for_linker(llvm: u32) -> Result<BTreeSet<String>> {
    not_installed(&[
        &format!("llvm-{llvm}-dev"),
        "g++",
        "libzstd-dev",
        "zlib1g-dev",
    ])
}

/// Those of `packages` that are not installed.
fn not_installed(packages: &[&str]) -> Result<BTreeSet<String>> {
    // dpkg-query fails when it does not know one of them; what it prints is right all the same.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"])
        .args(packages)
        .output()
        .context("cannot start dpkg-query")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let installed: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .collect();
    Ok(packages
        .iter()
        .filter(|package| !installed.contains(*package))
        .map(|&package| package.to_owned())
        .collect())
}

/// Installs packages, as root or through sudo.
pub(super) fn install(packages: &BTreeSet<String>) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ");
    let sudo = needs_sudo(&format!(
        "apt-get update\n  apt-get install --no-install-recommends {list}"
    ))?;
    println!("setup: installing with apt-get: {list}");
    UPDATE.call_once(|| {
        // An update that fails may still leave usable lists: the installation decides.
        if let Err(error) = process::run(apt_get(sudo).args(["--quiet=2", "update"])) {
            println!("setup: {error:#}: going on with the package lists that are there");
        }
    });
    process::run(apt_get(sudo).args(INSTALL).args(packages))
        .with_context(|| format!("cannot install {list}"))
}

/// Installs a package as it was made for the release after this one, from lists that are apt's for this one time:
/// what it takes its packages from stays as it is.
pub(super) fn install_backport(package: &str, suite: &str) -> Result<()> {
    let sudo = needs_sudo(&format!("apt-get install -t {suite}-backports {package}"))?;
    println!("setup: installing with apt-get, from {suite}-backports: {package}");
    let state = tempfile::tempdir().context("cannot make a directory for apt")?;
    let list = state.path().join("sources.list");
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(state.path().join(part)).context("cannot make a directory for apt")?;
    }
    fs::write(&list, sources::of(suite)? + &sources::backports(suite)?)
        .context("cannot write the list of sources")?;
    let apt_get = || {
        let mut command = apt_get(sudo);
        command.args([
            "-o",
            &format!("Dir::Etc::SourceList={}", list.display()),
            "-o",
            "Dir::Etc::SourceParts=/dev/null",
            "-o",
            &format!("Dir::State::Lists={}", state.path().join("lists").display()),
            "-o",
            &format!("Dir::Cache={}", state.path().join("cache").display()),
            // Its own user cannot write there.
            "-o",
            "APT::Sandbox::User=root",
        ]);
        command
    };
    process::run(apt_get().args(["--quiet=2", "--error-on=any", "update"]))
        .and_then(|()| {
            let release = format!("{suite}-backports");
            process::run(
                apt_get()
                    .args(INSTALL)
                    .args(["--target-release", &release, package]),
            )
        })
        .with_context(|| format!("cannot install {package} from {suite}-backports"))
}

/// Whether it takes sudo to install. Fails, with what root must run, if that is not there.
fn needs_sudo(commands: &str) -> Result<bool> {
    let sudo = !geteuid().is_root();
    if sudo && workspace::find_program("sudo").is_none() {
        bail!("not root, and there is no sudo: run these as root, then again this:\n  {commands}");
    }
    Ok(sudo)
}

/// apt-get that asks nothing and waits for another one to end.
fn apt_get(sudo: bool) -> Command {
    let mut command = if sudo {
        let mut command = Command::new("sudo");
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    } else {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    command.args(["-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]);
    command
}
