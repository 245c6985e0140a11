//! Where apt finds Debian's packages.

use std::{fmt::Write as _, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// Debian 12 has 6.1 and 6.12, the backports for 13 have newer kernels.
const SUITES: &[&str] = &["bookworm", "trixie", "trixie-backports"];
const SECURITY_SUITES: &[&str] = &["bookworm-security"];

/// The suites with the kernels, on the mirrors that this machine uses.
pub(crate) fn list() -> Result<String> {
    lines(SUITES, SECURITY_SUITES)
}

/// A release, with its security updates, on the mirrors that this machine uses.
pub(crate) fn of(suite: &str) -> Result<String> {
    lines(&[suite], &[&format!("{suite}-security")])
}

/// What was made for a release after it, on the mirrors that this machine uses.
pub(crate) fn backports(suite: &str) -> Result<String> {
    lines(&[&format!("{suite}-backports")], &[])
}

fn lines(suites: &[&str], security_suites: &[&str]) -> Result<String> {
    let targets = process::output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(SITE) $(RELEASE)",
    ]))
    .context("the virtual machines are made of Debian's packages, through apt")?;
    let mirror = |security: bool| {
        targets
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(_, suite)| is_debian(suite) && suite.ends_with("-security") == security)
            .map(|(site, _)| site)
    };
    let Some(main) = mirror(false) else {
        bail!("apt has no mirror of Debian, which the virtual machines are made of");
    };
    let keyring = [
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "/usr/share/keyrings/debian-archive-keyring.pgp",
    ]
    .into_iter()
    .find(|path| Path::new(path).is_file())
    .context("Debian's keys are missing: install debian-archive-keyring")?;
    let security = mirror(true)
        .into_iter()
        .flat_map(|site| security_suites.iter().map(move |suite| (site, suite)));
    let mut list = String::new();
    for (site, suite) in suites.iter().map(|suite| (main, suite)).chain(security) {
        writeln!(
            list,
            "deb [arch=amd64 target=Packages signed-by={keyring}] {site} {suite} main"
        )?;
    }
    Ok(list)
}

fn is_debian(suite: &str) -> bool {
    [
        "bookworm",
        "trixie",
        "forky",
        "sid",
        "stable",
        "testing",
        "unstable",
        "oldstable",
    ]
    .iter()
    .any(|name| {
        suite == *name
            || suite
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::is_debian;

    #[test]
    fn other_distributions_suites_are_not_debian() {
        assert!(is_debian("bookworm-security") && is_debian("trixie"));
        assert!(!is_debian("noble-security") && !is_debian("stablehand"));
    }
}
