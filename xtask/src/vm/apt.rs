//! Debian's archive, as the machine's own mirror has it, through a private state of apt: nothing of
//! the machine changes, and apt verifies what it fetches against Debian's keys.

use std::{
    cmp::Ordering,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{digest, process, sources};

/// Package lists that are younger are not fetched again.
const FRESH: Duration = Duration::from_hours(1);

/// A package of the archive.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// As the signed package list has it.
    pub(super) sha256: String,
}

/// The archive.
#[derive(Debug)]
pub(super) struct Archive {
    options: Vec<String>,
    updated: PathBuf,
}

impl Archive {
    /// The archive, with its package lists in `directory`.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(directory.join(part))
                .with_context(|| format!("cannot make {}", directory.display()))?;
        }
        let sources = directory.join("sources.list");
        fs::write(&sources, sources::list()?)
            .with_context(|| format!("cannot write {}", sources.display()))?;
        let at = |part: &str| directory.join(part).display().to_string();
        let options = [
            format!("Dir::Etc::SourceList={}", sources.display()),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            "Dir::Etc::Preferences=/dev/null".to_owned(),
            "Dir::Etc::PreferencesParts=/dev/null".to_owned(),
            "Dir::State::Status=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", at("lists")),
            format!("Dir::Cache={}", at("cache")),
            "Acquire::Languages=none".to_owned(),
            // apt's own user cannot write into somebody's source tree.
            "APT::Sandbox::User=root".to_owned(),
        ];
        let options = options
            .into_iter()
            .flat_map(|option| ["-o".to_owned(), option])
            .collect();
        Ok(Self {
            options,
            updated: directory.join("updated"),
        })
    }

    /// Fetches the package lists, unless they are fresh.
    pub(super) fn update(&self) -> Result<()> {
        let age = fs::metadata(&self.updated)
            .and_then(|data| data.modified())
            .ok();
        if age
            .and_then(|time| time.elapsed().ok())
            .is_some_and(|age| age < FRESH)
        {
            return Ok(());
        }
        println!("vm: fetching Debian's package lists");
        // By default a list that cannot be fetched is only a warning.
        process::output(
            self.command("apt-get")
                .args(["--quiet=2", "--error-on=any", "update"]),
        )?;
        fs::write(&self.updated, "").context("cannot note the update")
    }

    /// The newest cloud kernel of a series (such as `6.12`) and its modules: one package or two.
    pub(super) fn newest_kernel(&self, series: &str) -> Result<Vec<Package>> {
        let names = process::output(self.command("apt-cache").args(["pkgnames", "linux-"]))?;
        let names: Vec<&str> = names.lines().collect();
        let candidates: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| is_kernel(name, series, &names))
            .collect();
        ensure!(
            !candidates.is_empty(),
            "the mirror has no cloud kernel {series} for amd64"
        );
        let mut newest = Package::default();
        for package in self.show(&candidates)? {
            if newest.name.is_empty()
                || compare_versions(&package.version, &newest.version)? == Ordering::Greater
            {
                newest = package;
            }
        }
        let Some(release) = newest.name.strip_prefix("linux-binary-") else {
            return Ok(vec![newest]);
        };
        let modules = self.show(&[&format!("linux-modules-{release}")])?;
        ensure!(
            modules.len() == 1,
            "the mirror has no linux-modules-{release}"
        );
        Ok([vec![newest], modules].concat())
    }

    /// Fetches a package; its path beneath `directory`, which must be empty.
    pub(super) fn download(&self, package: &Package, directory: &Path) -> Result<PathBuf> {
        println!("vm: fetching {} {}", package.name, package.version);
        process::output(
            self.command("apt-get")
                .args(["--quiet=2", "download"])
                .arg(format!("{}={}", package.name, package.version))
                .current_dir(directory),
        )?;
        let mut files = fs::read_dir(directory)?;
        let file = files.next().context("apt-get downloaded nothing")??.path();
        let sum = digest::file(&file)?;
        ensure!(
            sum == package.sha256,
            "{}: SHA-256 is {sum}, not {}",
            file.display(),
            package.sha256
        );
        Ok(file)
    }

    fn show(&self, names: &[&str]) -> Result<Vec<Package>> {
        let text = process::output(
            self.command("apt-cache")
                .args(["show", "--no-all-versions"])
                .args(names),
        )?;
        text.split("\n\n")
            .filter(|stanza| !stanza.trim().is_empty())
            .map(parse)
            .collect()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options).env("LC_ALL", "C.UTF-8");
        command
    }
}

/// Whether this is the kernel of a series. From 7.1 `linux-image` only depends on `linux-binary`.
fn is_kernel(name: &str, series: &str, names: &[&str]) -> bool {
    let release = |prefix: &str| {
        let release = name.strip_prefix(prefix)?;
        let number = release.strip_suffix("-cloud-amd64")?.strip_prefix(series)?;
        number.starts_with('.').then_some(release)
    };
    release("linux-binary-").is_some()
        || release("linux-image-").is_some_and(|release| {
            let binary = format!("linux-binary-{release}");
            !names.contains(&binary.as_str())
        })
}

fn parse(stanza: &str) -> Result<Package> {
    let field = |key: &str| {
        stanza
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
            .map(str::to_owned)
            .with_context(|| format!("apt-cache shows no {key}"))
    };
    Ok(Package {
        name: field("Package")?,
        version: field("Version")?,
        sha256: field("SHA256")?,
    })
}

fn compare_versions(one: &str, other: &str) -> Result<Ordering> {
    let holds = |relation: &str| {
        Command::new("dpkg")
            .args(["--compare-versions", one, relation, other])
            .status()
            .context("cannot start dpkg")
            .map(|status| status.success())
    };
    Ok(if holds("gt")? {
        Ordering::Greater
    } else if holds("eq")? {
        Ordering::Equal
    } else {
        Ordering::Less
    })
}

#[cfg(test)]
mod tests {
    use super::{is_kernel, parse};

    #[test]
    fn only_kernels_of_the_series_are_candidates() {
        let names = [
            "linux-image-6.1.0-56-cloud-amd64",
            "linux-image-6.12-cloud-amd64",
            "linux-image-6.12.117+deb12-cloud-amd64",
            "linux-image-6.12.117+deb12-cloud-amd64-dbg",
            "linux-image-6.12.117+deb12-rt-amd64",
            "linux-image-7.3.4+deb13-cloud-amd64",
            "linux-binary-7.3.4+deb13-cloud-amd64",
            "linux-binary-unsigned-7.3.4+deb13-cloud-amd64",
        ];
        let of = |series: &str| -> Vec<&str> {
            names
                .iter()
                .copied()
                .filter(|name| is_kernel(name, series, &names))
                .collect()
        };
        assert_eq!(of("6.1"), ["linux-image-6.1.0-56-cloud-amd64"]);
        assert_eq!(of("6.12"), ["linux-image-6.12.117+deb12-cloud-amd64"]);
        assert_eq!(of("7.3"), ["linux-binary-7.3.4+deb13-cloud-amd64"]);
        assert!(of("7").len() == 1 && of("5.10").is_empty());
    }

    #[test]
    fn a_stanza_is_read_by_whole_keys() {
        let stanza = "Package: a\nVersion: 1-2\nInstalled-Size: 3\nSHA256: ff\nDescription-md5: 0";
        let package = parse(stanza).unwrap();
        assert_eq!(
            (&*package.name, &*package.version, &*package.sha256),
            ("a", "1-2", "ff")
        );
        assert!(parse("Package: a\nVersion: 1").is_err());
    }
}
