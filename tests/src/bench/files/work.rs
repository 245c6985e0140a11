//! The process that is measured. It reads `OPERATION DEPTH ROUNDS` from standard input and answers the nanoseconds
//! that [so many](Operation::count) operations took, in a [typical](Operation::rank) round. `landlock SCOPE` confines
//! it, for good.

use std::{
    ffi::CString,
    io::{self, BufRead},
    os::unix::ffi::OsStrExt,
    path::Path,
    ptr,
    time::Instant,
};

use agentguard::{
    landlock::{Rules, confine},
    policy::{Host, load_file},
};

use super::{
    super::scheduling,
    operation::Operation,
    tree::{self, FILES},
};
use crate::{
    error::{Context, Error, Outcome},
    sys::check,
};

/// The loop of the worker; it ends with its input.
pub fn work() -> Outcome {
    scheduling::real_time();
    // What is executed lies at the same addresses each time.
    // SAFETY: it changes nothing but how later programs of this process are laid out.
    check(unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) })?;
    println!("ready");
    for line in io::stdin().lock().lines() {
        let line = line?;
        let unknown = || Error::Failed(format!("a worker cannot do `{line}`"));
        let words: Vec<_> = line.split(' ').collect();
        let answer = match words[..] {
            ["landlock", scope] => {
                confine_to(Path::new(scope))?;
                0
            }
            [operation, depth, rounds] => {
                let operation = Operation::named(operation).ok_or_else(unknown)?;
                let depth = depth.parse().map_err(|_| unknown())?;
                let rounds = rounds.parse().map_err(|_| unknown())?;
                measure(operation, depth, rounds)?
            }
            _ => return Err(unknown()),
        };
        println!("{answer}");
    }
    Ok(())
}

fn confine_to(scope: &Path) -> Outcome {
    let failed = |error: &dyn std::fmt::Display| Error::Failed(format!("Landlock: {error}"));
    let scope = load_file(scope, &Host).map_err(|errors| failed(&format!("{errors:?}")))?;
    let Some(files) = &scope.files else {
        return Err(failed(&"the scope has no rules for files"));
    };
    let rules = files.path_rules().map_err(|error| failed(&error))?;
    confine(&Rules::new(&rules)?).map_err(|error| failed(&error))?;
    Ok(())
}

/// Nanoseconds of one round. A quarter before the others counts for nothing.
fn measure(operation: Operation, depth: usize, rounds: usize) -> Outcome<u64> {
    let work = Work::new(operation, depth)?;
    let (rounds, first) = (
        rounds * operation.rounds(),
        rounds * operation.rounds() / 4 + 1,
    );
    let mut took = Vec::with_capacity(rounds);
    for round in 0..rounds + first {
        work.prepare()?;
        let begin = Instant::now();
        work.perform().context(operation)?;
        let elapsed = begin.elapsed().as_nanos();
        if round >= first {
            took.push(u64::try_from(elapsed).unwrap_or(u64::MAX));
        }
    }
    took.sort_unstable();
    Ok(took
        .get(operation.rank(rounds))
        .copied()
        .unwrap_or_default())
}

/// One round's work.
struct Work {
    operation: Operation,
    paths: Vec<CString>,
    /// What is renamed, so that whatever was kept of names is void.
    renamed: [CString; 2],
}

impl Work {
    fn new(operation: Operation, depth: usize) -> Outcome<Self> {
        let path = |number| match operation {
            Operation::OpenAgain | Operation::OpenFirst | Operation::Stat => {
                tree::own(depth, number)
            }
            Operation::OpenCold => tree::apart(depth, number.min(FILES - 1)),
            Operation::OpenBeside => tree::shared(depth, number),
            Operation::Exec => tree::program(),
            Operation::Unlink => tree::changing(&format!("made-{number}")),
            Operation::Rename => tree::changing(if number % 2 == 0 { "file" } else { "other" }),
        };
        // Whoever renames there and back ends where it began.
        let paths = (0..=FILES).map(|number| spelt(&path(number)));
        Ok(Self {
            operation,
            paths: paths.collect::<Outcome<_>>()?,
            renamed: [
                spelt(&tree::changing("file"))?,
                spelt(&tree::changing("again"))?,
            ],
        })
    }

    /// Makes a first visit of each that shall be one: a rename anywhere does, as after it no path that was seen before
    /// is known to be what it was.
    fn prepare(&self) -> Outcome {
        if matches!(
            self.operation,
            Operation::OpenBeside | Operation::OpenFirst | Operation::OpenCold
        ) {
            let [file, again] = &self.renamed;
            rename(file, again)?;
            rename(again, file)?;
        }
        if self.operation == Operation::OpenBeside
            && let Some(path) = self.paths.get(FILES)
        {
            open(path, libc::O_RDONLY)?;
        }
        Ok(())
    }

    fn perform(&self) -> io::Result<()> {
        let files = self.paths.iter().take(FILES);
        match self.operation {
            Operation::OpenAgain
            | Operation::OpenBeside
            | Operation::OpenFirst
            | Operation::OpenCold => {
                for path in files {
                    open(path, libc::O_RDONLY)?;
                }
            }
            Operation::Stat => {
                for path in files {
                    stat(path)?;
                }
            }
            Operation::Exec => {
                for path in files.take(self.operation.count()) {
                    execute(path)?;
                }
            }
            Operation::Unlink => {
                for path in files {
                    open(path, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL)?;
                    // SAFETY: the path ends with NUL.
                    check(unsafe { libc::unlink(path.as_ptr()) })?;
                }
            }
            Operation::Rename => {
                for (from, to) in files.zip(self.paths.iter().skip(1)) {
                    rename(from, to)?;
                }
            }
        }
        Ok(())
    }
}

fn spelt(path: &Path) -> Outcome<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::Failed(format!("{} holds NUL", path.display())))
}

fn open(path: &CString, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: the path ends with NUL.
    let file = check(unsafe { libc::open(path.as_ptr(), flags, 0o600) })?;
    // SAFETY: the descriptor is this function's own.
    check(unsafe { libc::close(file) }).map(drop)
}

fn stat(path: &CString) -> io::Result<()> {
    // SAFETY: numbers, of which all can be zero.
    let mut found = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends with NUL, and there is room for the answer.
    check(unsafe { libc::stat(path.as_ptr(), &raw mut found) }).map(drop)
}

fn rename(from: &CString, to: &CString) -> io::Result<()> {
    // SAFETY: the paths end with NUL.
    check(unsafe { libc::rename(from.as_ptr(), to.as_ptr()) }).map(drop)
}

fn execute(path: &CString) -> io::Result<()> {
    let arguments = [path.as_ptr().cast_mut(), ptr::null_mut()];
    let environment = [ptr::null_mut()];
    let (mut child, mut status) = (0, 0);
    // SAFETY: path and lists end as they must.
    let error = unsafe {
        libc::posix_spawn(
            &raw mut child,
            path.as_ptr(),
            ptr::null(),
            ptr::null(),
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    // SAFETY: the child is this process's own.
    check(unsafe { libc::waitpid(child, &raw mut status, 0) })?;
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::other(format!("it ends with {status:#x}")))
    }
}
