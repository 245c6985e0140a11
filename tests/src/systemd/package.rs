//! The Debian package, as apt and dpkg handle it.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, process::Command};

use super::{property, systemctl, try_systemctl};
use crate::{
    daemon::{COMMAND_LIMIT, message},
    ensure,
    error::{Context, Outcome, failed},
    host::process,
};

const NAME: &str = "agentguard";
/// Two packages that differ in their version: `agentguard-1.deb`, `agentguard-2.deb`.
const DIRECTORY: &str = "/usr/local/share/agentguard-machine";
/// The machine's system leaves documentation out of packages.
const WITH_DOCUMENTS: [&str; 4] = [
    "-o",
    "Dpkg::Options::=--path-include=/usr/share/doc/agentguard/*",
    "-o",
    "Dpkg::Options::=--path-include=/usr/share/man/*",
];
/// What the machine has without a package.
const BY_HAND: &[&str] = &[
    "/usr/bin/agentguard",
    "/usr/lib/systemd/system/agentguard.service",
];

/// The path of a package.
pub fn package(revision: u32) -> String {
    format!("{DIRECTORY}/agentguard-{revision}.deb")
}

/// A host that the package was never on: what the machine has of agentguard is taken away, for good.
pub fn without_package() -> Outcome {
    drop(try_systemctl(&["stop", "agentguard.service"]));
    if revision()?.is_some() {
        apt_get(&["purge", NAME])?;
    }
    for path in BY_HAND {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context(format!("remove {path}"));
            }
            _ => {}
        }
    }
    drop(fs::remove_dir_all("/etc/agentguard"));
    if group()?.is_some() {
        succeeds(Command::new("groupdel").arg(NAME))?;
    }
    systemctl(&["daemon-reload"]).map(drop)
}

/// A host that has some revision of the package, the first one if it had none. Answers which.
pub fn any_package() -> Outcome<u32> {
    if let Some(revision) = revision()? {
        return Ok(revision);
    }
    without_package()?;
    apt_get(&["install", &package(1)])?;
    let installed = revision()?;
    ensure!(installed == Some(1), "revision {installed:?} is installed");
    Ok(1)
}

/// The revision that is installed completely.
pub fn revision() -> Outcome<Option<u32>> {
    let mut command = Command::new("dpkg-query");
    command.args([
        "--show",
        "--showformat",
        "${db:Status-Status} ${Version}",
        NAME,
    ]);
    let output = process::output(&mut command, COMMAND_LIMIT)?;
    // It fails where the package was never installed.
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = said.strip_prefix("installed ");
    let Some((_, revision)) = version.and_then(|version| version.rsplit_once('-')) else {
        return Ok(None);
    };
    match revision.parse() {
        Ok(revision) => Ok(Some(revision)),
        Err(error) => failed(format!("{said} is installed: {error}")),
    }
}

/// A command of apt-get's, which must succeed. Answers all that it says.
pub fn apt_get(arguments: &[&str]) -> Outcome<String> {
    let mut command = Command::new("apt-get");
    command
        .args(["--yes", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"])
        .args(WITH_DOCUMENTS)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    succeeds(&mut command)
}

/// Installs a revision without apt, which is slow, and would not go back to an older one.
pub fn dpkg_install(revision: u32) -> Command {
    let mut command = Command::new("dpkg");
    command.args(["--install", &package(revision)]);
    command
}

/// A command that must succeed. Answers all that it says.
pub fn succeeds(command: &mut Command) -> Outcome<String> {
    let output = process::output(command, COMMAND_LIMIT)?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        message(&output)
    );
    ensure!(
        output.status.success(),
        "{command:?}: {}: {said}",
        output.status
    );
    Ok(said)
}

/// The id of the group whose members may use the control socket.
pub fn group() -> Outcome<Option<u32>> {
    let groups = fs::read_to_string("/etc/group").context("read /etc/group")?;
    let mut lines = groups.lines().map(|line| line.split(':'));
    let Some(mut line) = lines.find(|line| line.clone().next() == Some(NAME)) else {
        return Ok(None);
    };
    match line.nth(2).map(str::parse) {
        Some(Ok(id)) => Ok(Some(id)),
        other => failed(format!("/etc/group: the group's id is {other:?}")),
    }
}

/// Owner, group and mode of a file, as `0:0 100644`.
pub fn look(path: &str) -> Outcome<String> {
    let data = fs::symlink_metadata(Path::new(path)).context(format!("look at {path}"))?;
    Ok(format!("{}:{} {:o}", data.uid(), data.gid(), data.mode()))
}

/// What binds the unit `bot.service` to the daemon, by the line that the drop-in itself says.
#[derive(Debug)]
pub struct Binding(());

impl Binding {
    const DIRECTORY: &str = "/etc/systemd/system/bot.service.d";

    /// Runs that line.
    pub fn install() -> Outcome<Self> {
        let text = fs::read_to_string("/usr/share/agentguard/agent.conf")?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("#   install "));
        let words = line.unwrap_or_default().replace("NAME", "bot");
        succeeds(Command::new("install").args(words.split(' ')))?;
        systemctl(&["daemon-reload"])?;
        let requires = property("bot.service", "Requires")?;
        ensure!(
            requires.contains("agentguard.service"),
            "it requires {requires}, by: {words}"
        );
        Ok(Self(()))
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(Self::DIRECTORY));
        drop(systemctl(&["daemon-reload"]));
    }
}
