//! F30 on a file system that takes names that differ in case for the same in all of its directories.

use std::{fs, process::Command};

use super::{
    super::story::{has, only},
    LIMIT, Mounts,
};
use crate::{
    ensure,
    error::{Context, Outcome},
    harness::Stage,
    host::process::output,
};

const SECRET: &str = "fat/secret";
const BY_OTHER_NAMES: [&str; 2] = ["fat/SECRET", "fat/Secret"];

fn with_secret() -> Outcome<Mounts> {
    let mut mounts = Mounts::new()?;
    mounts.fat("fat")?;
    mounts.file(SECRET)?;
    mounts.file("fat/within/file")?;
    Ok(mounts)
}

/// Whoever looks a name up first says what it is. The kernel keeps some all the same.
fn forget_names() -> Outcome {
    fs::write("/proc/sys/vm/drop_caches", "2").context("forget names")
}

/// Untagged: to the kernel it is one file by each of the names.
pub(super) fn is_open(_: &Stage) -> Outcome {
    let mounts = with_secret()?;
    for name in BY_OTHER_NAMES {
        forget_names()?;
        let read = fs::read_to_string(mounts.at(name)).context(format!("read {name}"))?;
        ensure!(read == SECRET, "{name} is another file: {read}");
    }
    Ok(())
}

/// What a rule denies is not open by another name; what a rule permits is refused, too, and `explain` says so.
pub(super) fn is_refused(stage: &Stage) -> Outcome {
    let mounts = with_secret()?;
    let daemon = mounts.daemon(stage, &["fat/**"], &[SECRET])?;
    for name in BY_OTHER_NAMES
        .into_iter()
        .chain([SECRET, "fat/within/file"])
    {
        forget_names()?;
        let moment = daemon.moment("bot")?;
        mounts.expect(stage, &daemon, name, "EACCES")?;
        let path = mounts.at(name).display().to_string();
        let happened = daemon.since(&moment)?;
        let record = only(&happened)?;
        has(record, &[("operation", "open"), ("reason", "folded")])?;
        // By the name that it has in the kernel, which need not have forgotten the last one.
        let recorded = record.text("path");
        ensure!(
            recorded.eq_ignore_ascii_case(&path),
            "{path} is recorded as {recorded}"
        );
        let mut explain: Command = daemon.command(&["explain", "bot", "open", &path]);
        let said = output(&mut explain, LIMIT)?;
        let said = String::from_utf8_lossy(&said.stdout);
        ensure!(
            said.contains("refused") && said.contains("differ in case"),
            "explain says: {said}"
        );
    }
    Ok(())
}
