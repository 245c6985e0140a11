//! Debian's kernels, fetched once and kept.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::apt::{Archive, Package};
use crate::{digest, process, workspace};

/// The kernels that the suite runs on: the oldest that is supported, a long-term one, the newest.
pub(crate) const SERIES: &[&str] = &["6.1", "6.12", "7.3"];
/// A kernel that is younger than this in the cache is not asked for again.
const FRESH: Duration = Duration::from_hours(24);

/// A kernel that can be booted.
#[derive(Debug)]
pub(super) struct Kernel {
    /// The packages' version, for people.
    pub(super) version: String,
    /// The kernel's image.
    pub(super) image: PathBuf,
    /// The directory of its modules (`lib/modules/RELEASE`).
    pub(super) modules: PathBuf,
}

/// The newest kernel of a series that Debian has: from the cache if it was looked for lately or the
/// mirror cannot be reached, else from the mirror.
pub(super) fn get(series: &str) -> Result<Kernel> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the virtual machines need an x86-64 host"
    );
    let cache = workspace::artefacts().join("vm/kernels").join(series);
    let record = cache.join("record");
    let cached = read_cache(&cache);
    if let Ok(packages) = &cached {
        let age = fs::metadata(&record).and_then(|data| data.modified()).ok();
        if age
            .and_then(|time| time.elapsed().ok())
            .is_some_and(|age| age < FRESH)
        {
            return unpacked(&cache, packages);
        }
    }
    match fetch(series, &cache, cached.as_deref().ok()) {
        Ok(packages) => unpacked(&cache, &packages),
        Err(error) => {
            process::check_interrupted()?;
            let Ok(packages) = cached else {
                return Err(error).with_context(|| format!("cannot get a kernel {series}"));
            };
            println!("vm: using the cached kernel {series}, as the mirror fails: {error:#}");
            unpacked(&cache, &packages)
        }
    }
}

/// Asks the mirror for its newest kernel, and fetches it if the cache has another.
fn fetch(series: &str, cache: &Path, cached: Option<&[Package]>) -> Result<Vec<Package>> {
    let archive = Archive::open(&workspace::artefacts().join("vm/apt"))?;
    archive.update()?;
    let packages = archive.newest_kernel(series)?;
    if cached != Some(&packages) {
        // Beside the old one, which stays usable until the new one is complete.
        let parent = cache.parent().context("the cache has a parent")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        let fresh = tempfile::Builder::new()
            .prefix("fetch-")
            .tempdir_in(parent)?;
        for package in &packages {
            let directory = tempfile::tempdir_in(fresh.path())?;
            let file = archive.download(package, directory.path())?;
            fs::rename(file, package_file(fresh.path(), package))?;
        }
        if cache.exists() {
            fs::remove_dir_all(cache)
                .with_context(|| format!("cannot empty {}", cache.display()))?;
        }
        fs::rename(fresh.keep(), cache)
            .with_context(|| format!("cannot fill {}", cache.display()))?;
    }
    let mut record = String::new();
    for Package {
        name,
        version,
        sha256,
    } in &packages
    {
        writeln!(record, "{name} {version} {sha256}")?;
    }
    fs::write(cache.join("record"), record).context("cannot write the cache's record")?;
    Ok(packages)
}

/// What the cache holds, verified: every package has the digest that was recorded when it came.
fn read_cache(cache: &Path) -> Result<Vec<Package>> {
    let record = fs::read_to_string(cache.join("record")).context("nothing is cached")?;
    let mut packages = Vec::new();
    for line in record.lines() {
        let [name, version, sha256] = line.split(' ').collect::<Vec<_>>()[..] else {
            bail!("the cache's record is damaged");
        };
        let [name, version, sha256] = [name, version, sha256].map(str::to_owned);
        let package = Package {
            name,
            version,
            sha256,
        };
        let sum = digest::file(&package_file(cache, &package))?;
        ensure!(
            sum == package.sha256,
            "the cached {} is damaged",
            package.name
        );
        packages.push(package);
    }
    ensure!(!packages.is_empty(), "the cache's record is empty");
    Ok(packages)
}

fn package_file(directory: &Path, package: &Package) -> PathBuf {
    directory.join(format!("{}.deb", package.name))
}

/// The kernel in the packages, which are unpacked once.
fn unpacked(cache: &Path, packages: &[Package]) -> Result<Kernel> {
    let root = cache.join("root");
    if !root.is_dir() {
        let partial = tempfile::tempdir_in(cache)?;
        for package in packages {
            process::output(
                Command::new("dpkg-deb")
                    .arg("--extract")
                    .arg(package_file(cache, package))
                    .arg(partial.path()),
            )?;
        }
        fs::rename(partial.keep(), &root)?;
    }
    let package = packages.first().context("no package")?;
    let release = package
        .name
        .trim_start_matches("linux-image-")
        .trim_start_matches("linux-binary-");
    let find = |candidates: [String; 2]| {
        candidates
            .iter()
            .map(|path| root.join(path))
            .find(|path| path.exists())
            .with_context(|| {
                format!(
                    "{} {} has no {}",
                    package.name, package.version, candidates[0]
                )
            })
    };
    Ok(Kernel {
        version: format!("{release} ({})", package.version),
        image: find([
            format!("boot/vmlinuz-{release}"),
            format!("usr/lib/modules/{release}/vmlinuz"),
        ])?,
        modules: find([
            format!("lib/modules/{release}"),
            format!("usr/lib/modules/{release}"),
        ])?,
    })
}
