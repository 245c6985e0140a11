//! The files that are worked with, and the scopes that permit it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::error::{Context, Outcome};

/// How many files a worker opens between two looks at the clock.
pub(super) const FILES: usize = 64;
/// The depths at which there are files.
const DEPTHS: [usize; 3] = [2, 8, 20];
/// Those at which there are some that share no directories but the highest two.
const COLD_DEPTHS: [usize; 2] = [8, 20];
/// The tree: right beneath the root, so that there are files with two directories above.
const ROOT: &str = "/agentguard-bench";
/// Directories that rules name and nobody visits.
const OTHERS: &str = "/agentguard-bench-others";
/// Rules that permit what is measured.
const NEEDED: usize = 4;

/// A program that ends at once with status 0: header, one segment, `exit_group(0)`.
const PROGRAM: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\
    \x02\0\x3e\0\x01\0\0\0\x78\0\x40\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0\
    \x01\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\0\0\0\0\0\x81\0\0\0\0\0\0\0\x81\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\
    \x31\xff\xb8\xe7\0\0\0\x0f\x05";

/// The tree. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Tree;

impl Tree {
    /// Makes it, for scopes of at most this many rules.
    pub(super) fn new(rules: usize) -> Outcome<Self> {
        let tree = Self;
        for depth in DEPTHS {
            for number in 0..FILES {
                make(&own(depth, number))?;
            }
            // And one that makes the directory known.
            for number in 0..=FILES {
                make(&shared(depth, number))?;
            }
        }
        for depth in COLD_DEPTHS {
            for number in 0..FILES {
                make(&apart(depth, number))?;
            }
        }
        for number in NEEDED..rules {
            fs::create_dir_all(other(number)).context("make a directory")?;
        }
        make(&changing("file"))?;
        make(&program())?;
        fs::write(program(), PROGRAM).context("write a program")?;
        fs::set_permissions(program(), fs::Permissions::from_mode(0o755))
            .context("make a program")?;
        Ok(tree)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        for directory in [ROOT, OTHERS] {
            if Path::new(directory).exists()
                && let Err(error) = fs::remove_dir_all(directory)
            {
                eprintln!("{directory} stays behind: {error}");
            }
        }
    }
}

fn make(file: &Path) -> Outcome {
    let directory = file.parent().unwrap_or(file);
    fs::create_dir_all(directory).context(format!("make {}", directory.display()))?;
    fs::write(file, "content").context(format!("write {}", file.display()))
}

/// A directory with so many names above what is in it.
fn directory(depth: usize, last: &str) -> PathBuf {
    let mut path = PathBuf::from(ROOT);
    if depth > 2 {
        path.push(format!("depth-{depth}"));
    }
    for level in 3..depth {
        path.push(format!("level-{level}"));
    }
    path.join(last)
}

/// A file with a directory of its own.
pub(super) fn own(depth: usize, number: usize) -> PathBuf {
    directory(depth, &format!("own-{number}")).join("document.txt")
}

/// A file that shares only the highest two directories with others.
pub(super) fn apart(depth: usize, number: usize) -> PathBuf {
    let mut path = PathBuf::from(ROOT);
    path.push(format!("apart-{depth}"));
    path.push(format!("tree-{number}"));
    for level in 4..=depth {
        path.push(format!("level-{level}"));
    }
    path.join("document.txt")
}

/// A file in a directory with others.
pub(super) fn shared(depth: usize, number: usize) -> PathBuf {
    directory(depth, "shared").join(format!("document-{number}.txt"))
}

/// What is made and removed.
pub(super) fn changing(name: &str) -> PathBuf {
    Path::new(ROOT).join("changing").join(name)
}

/// A program that does nothing.
pub(super) fn program() -> PathBuf {
    Path::new(ROOT).join("bin").join("nothing")
}

fn other(number: usize) -> PathBuf {
    Path::new(OTHERS).join(format!("place-{number}"))
}

/// A scope of so many rules.
pub(super) fn scope(agent: &str, rules: usize, worker: &Path) -> String {
    let mut read: Vec<_> = (NEEDED..rules)
        .map(|number| format!("{}/**", other(number).display()))
        .collect();
    read.push(format!("{ROOT}/**"));
    let write = [format!("{ROOT}/changing/**")];
    let exec = [
        program().display().to_string(),
        worker.display().to_string(),
    ];
    format!(
        "[agent]\nname = \"{agent}\"\n\n[files]\nread = {read:?}\nwrite = {write:?}\nexec = {exec:?}\n"
    )
}
