//! Cgroups of version 2.

use std::{
    fs,
    os::{fd::AsRawFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::error::{Context, Error, Outcome, failed};

/// Where cgroup v2 is mounted, also on hosts that have version 1 beside it.
pub fn mount_point() -> Outcome<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("read the mount table")?;
    mounts
        .lines()
        .find_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let root = mount.split(' ').nth(3)?;
            let point = mount.split(' ').nth(4)?;
            (kind.starts_with("cgroup2 ") && root == "/").then(|| point.into())
        })
        .ok_or_else(|| Error::Failed("cgroup v2 is not mounted".into()))
}

/// A cgroup that is removed, with everything in it, when it is dropped.
#[derive(Debug)]
pub struct Cgroup {
    directory: PathBuf,
    path: String,
}

impl Cgroup {
    /// Makes it (and its ancestors). `path` is as in a scope file: absolute, from the root of the hierarchy.
    pub fn create(path: &str) -> Outcome<Self> {
        let directory = mount_point()?.join(path.trim_start_matches('/'));
        fs::create_dir_all(&directory).context(format!("make cgroup {path}"))?;
        Ok(Self {
            directory,
            path: path.to_owned(),
        })
    }

    /// The path as in a scope file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the command begin in this cgroup.
    pub fn place(&self, command: &mut Command) -> Outcome {
        place(&self.directory, command)
    }

    /// Writes one of its files.
    pub fn write(&self, file: &str, text: &str) -> Outcome {
        fs::write(self.directory.join(file), text)
            .context(format!("write {file} of cgroup {}", self.path))
    }

    /// A number of `memory.stat`, in bytes.
    pub fn statistic(&self, name: &str) -> Outcome<u64> {
        let file = self.directory().join("memory.stat");
        let text = fs::read_to_string(&file).context("read memory.stat")?;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
            .ok_or_else(|| Error::Failed(format!("{}: no {name}", file.display())))
    }

    /// Removes it now, to make it again later.
    pub fn remove(self) -> Outcome {
        remove(&self.directory)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if self.directory.exists()
            && let Err(error) = remove(&self.directory)
        {
            eprintln!("cgroup {} stays behind: {error}", self.path);
        }
    }
}

/// Makes the command begin in the cgroup of this directory.
pub fn place(directory: &Path, command: &mut Command) -> Outcome {
    let procs = fs::File::options()
        .write(true)
        .open(directory.join("cgroup.procs"))
        .context(format!("open cgroup {}", directory.display()))?;
    // SAFETY: between fork and exec only write is called, which is async-signal-safe; the
    // closure owns the descriptor.
    unsafe {
        command.pre_exec(move || {
            let zero = b"0";
            let written = libc::write(procs.as_raw_fd(), zero.as_ptr().cast(), zero.len());
            crate::sys::check_len(written).map(drop)
        });
    }
    Ok(())
}

/// Top-level cgroups have limits of memory until this is dropped, or for good if they had before.
#[derive(Debug)]
pub struct Memory {
    /// The file that says so, if it is to be put back.
    control: Option<PathBuf>,
}

impl Memory {
    /// Lets them have limits.
    pub fn limited() -> Outcome<Self> {
        let control = mount_point()?.join("cgroup.subtree_control");
        let controllers = fs::read_to_string(&control).context("read the root's controllers")?;
        if controllers.split_whitespace().any(|it| it == "memory") {
            return Ok(Self { control: None });
        }
        fs::write(&control, "+memory").context("limit the memory of cgroups")?;
        Ok(Self {
            control: Some(control),
        })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(control) = &self.control
            && let Err(error) = fs::write(control, "-memory")
        {
            eprintln!("cgroups keep limits of memory: {error}");
        }
    }
}

/// Kills what lives in a cgroup and removes it with its descendants.
pub fn remove(directory: &Path) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if !directory.exists() {
            return Ok(());
        }
        // The kernel before 5.14 has no such file; killing is then not possible, removal shows it.
        drop(fs::write(directory.join("cgroup.kill"), "1"));
        match remove_tree(directory) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return failed(format!("remove {}: {error}", directory.display()));
            }
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Works with paths of any length: each directory is reached from the one above it.
fn remove_tree(directory: &Path) -> std::io::Result<()> {
    let open = fs::File::open(directory)?;
    let here = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
    for entry in fs::read_dir(&here)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&here.join(entry.file_name()))?;
        }
    }
    fs::remove_dir(directory)
}

/// The top-level cgroups whose name begins so.
pub fn named(prefix: &str) -> Outcome<Vec<PathBuf>> {
    let root = mount_point()?;
    let entries = fs::read_dir(&root).context("list the cgroups")?;
    Ok(entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect())
}
