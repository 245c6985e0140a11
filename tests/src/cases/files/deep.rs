//! F17, F18, F19: deep paths, long paths, long names.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{AT_FDCWD, OFlag, openat},
    sys::stat::{Mode, mkdirat},
};

use super::super::{
    story::{has, only, worked},
    table::paired,
};
use crate::{
    ensure,
    error::{Context, Outcome},
    harness::{Case, Stage},
};

/// Names that a path may have.
const DEEPEST: usize = 128;

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    paired("F18-depth-21", |stage| is_open(stage, 21), |stage| is_decided(stage, 21)),
    paired("F18-depth-65", |stage| is_open(stage, 65), |stage| is_decided(stage, 65)),
    paired("F18-depth-127", |stage| is_open(stage, 127), |stage| is_decided(stage, 127)),
    paired("F18-depth-128", |stage| is_open(stage, 128), |stage| is_decided(stage, 128)),
    paired("F18-depth-129", |stage| is_open(stage, 129), |stage| is_refused(stage, 129)),
    paired("F18-depth-257", |stage| is_open(stage, 257), |stage| is_refused(stage, 257)),
    paired("F17-path-of-5000-bytes", long_path_is_open, long_path_is_decided),
    paired("F19-names", names_are_open, names_are_compared),
];

/// A path with so many names, the last of which is a file.
fn deep(stage: &Stage, depth: usize, last: &str) -> Outcome<PathBuf> {
    let mut path = stage.tree()?.path().join("open");
    while path.components().count() < depth {
        path.push("d");
    }
    fs::create_dir_all(&path).context("make a deep directory")?;
    path.push(last);
    fs::write(&path, "deep").context("make a deep file")?;
    // The root is a component here, and no name.
    ensure!(path.components().count() == depth + 1, "not {depth} names");
    Ok(path)
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()
}

fn is_open(stage: &Stage, depth: usize) -> Outcome {
    stage.tree()?.fill()?;
    let path = text(&deep(stage, depth, "file")?);
    worked(&stage.perform(None, &["open", "open", "read", &path])?)
}

/// As deep as can be decided: the rules count, to the last name.
fn is_decided(stage: &Stage, depth: usize) -> Outcome {
    let daemon = stage.daemon()?;
    let path = text(&deep(stage, depth, "file")?);
    let moment = daemon.moment("clerk")?;
    worked(&stage.perform(Some("clerk"), &["open", "open", "read", &path])?)?;
    ensure!(
        daemon.since(&moment)?.violations.is_empty(),
        "there are records"
    );
    let path = text(&deep(stage, depth, ".env")?);
    let rule = [
        ("reason", "rule"),
        ("rule", "deny **/.env"),
        ("path", &path),
    ];
    refused(stage, &["open", "open", "read", &path], &rule)
}

/// Deeper: whatever the rules say, and whatever is known of the directories above.
fn is_refused(stage: &Stage, depth: usize) -> Outcome {
    ensure!(depth > DEEPEST, "{depth} is not too deep");
    let deepest = text(&deep(stage, DEEPEST, "deepest")?);
    worked(&stage.perform(Some("clerk"), &["open", "open", "read", &deepest])?)?;
    let path = text(&deep(stage, depth, "file")?);
    let fields = [("reason", "too-deep")];
    refused(stage, &["open", "open", "read", &path], &fields)
}

/// The agent is refused to read, with one record.
fn refused(stage: &Stage, technique: &[&str], fields: &[(&str, &str)]) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("clerk")?;
    let reading = stage.perform(Some("clerk"), technique)?;
    ensure!(
        reading.first_error() == Some(("open", "EACCES")),
        "open should be refused: {}",
        reading.summary()
    );
    let happened = daemon.since(&moment)?;
    let record = only(&happened)?;
    has(record, &[("operation", "open"), ("access", "read")])?;
    has(record, fields)
}

/// Twenty directories, and what is in the last of them.
const LINKS: usize = 20;
const INSIDE: &[&str] = &["file", ".env"];

fn long_name() -> String {
    "l".repeat(250)
}

/// Makes them beneath a directory of the tree.
fn long(stage: &Stage, base: &str) -> Outcome<String> {
    let base = stage.tree()?.path().join(base);
    let (name, mode) = (long_name(), Mode::from_bits_truncate(0o755));
    let mut directory = openat(AT_FDCWD, &base, OFlag::O_PATH, mode)?;
    for _ in 0..LINKS {
        mkdirat(&directory, &*name, mode)?;
        directory = openat(&directory, &*name, OFlag::O_PATH, mode)?;
    }
    for file in INSIDE {
        openat(&directory, *file, OFlag::O_CREAT | OFlag::O_WRONLY, mode)?;
    }
    Ok(text(&base))
}

fn long_path_is_open(stage: &Stage) -> Outcome {
    stage.tree()?.fill()?;
    let (name, count) = (long_name(), LINKS.to_string());
    for base in ["open", "secret"] {
        let base = long(stage, base)?;
        for file in INSIDE {
            worked(&stage.perform(None, &["chained", &base, &name, &count, file])?)?;
        }
    }
    Ok(())
}

fn long_path_is_decided(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let (name, count) = (long_name(), LINKS.to_string());
    let (open, secret) = (stage.expand("$tree/open"), stage.expand("$tree/secret"));
    let moment = daemon.moment("clerk")?;
    worked(&stage.perform(Some("clerk"), &["chained", &open, &name, &count, "file"])?)?;
    ensure!(
        daemon.since(&moment)?.violations.is_empty(),
        "there are records"
    );
    let denied = [("reason", "rule"), ("rule", "deny **/.env")];
    refused(stage, &["chained", &open, &name, &count, ".env"], &denied)?;
    let unknown = [("reason", "no-rule"), ("rule", "")];
    refused(
        stage,
        &["chained", &secret, &name, &count, "file"],
        &unknown,
    )
}

/// Lengths at which something begins or ends: of short keys, of buffers, of what a name can have.
const LENGTHS: &[usize] = &[
    1, 2, 15, 16, 22, 23, 24, 25, 26, 31, 32, 63, 64, 65, 127, 128, 199, 200, 201, 254, 255,
];

/// For each length: a name that the scope of `namer` has, and others that differ from it as little as can be.
fn names() -> Vec<(String, bool)> {
    let mut names = Vec::new();
    for length in LENGTHS {
        let known = "k".repeat(*length);
        names.push((known.clone(), true));
        let others = [
            format!("{}z", &known[1..]),
            format!("z{}", &known[1..]),
            format!("{}K", &known[1..]),
        ];
        names.extend(others.map(|other| (other, false)));
    }
    for length in [3, 14, 17, 21, 27, 30, 33, 62, 66, 126, 129, 198, 202, 253] {
        names.push(("k".repeat(length), false));
    }
    names.sort();
    names.dedup();
    names
}

fn names_are_open(stage: &Stage) -> Outcome {
    stage.tree()?.fill()?;
    for (name, _) in names() {
        fs::write(stage.tree()?.path().join("open").join(name), "named")?;
    }
    worked(&stage.perform(None, &words(stage)?)?)
}

/// An attempt at each name.
fn words(stage: &Stage) -> Outcome<Vec<&'static str>> {
    let directory = stage.tree()?.path().join("open");
    let mut words = vec!["attempts"];
    for (name, _) in names() {
        // Some kilobytes, twice in all.
        words.extend(["read", &*text(&directory.join(name)).leak()]);
    }
    Ok(words)
}

fn names_are_compared(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let known: Vec<_> = LENGTHS.iter().map(|length| "k".repeat(*length)).collect();
    let rules: Vec<_> = known
        .iter()
        .map(|name| format!("$tree/open/{name}"))
        .collect();
    let scope = format!(
        "[agent]\nname = \"namer\"\nprofiles = [\"base\"]\n\n[files]\nread = {rules:?}\nexec = [\"$program\"]\n"
    );
    daemon.write_scope("namer", &stage.expand(&scope))?;
    daemon.reload()?;
    let moment = daemon.moment("namer")?;
    let reading = stage.perform(Some("namer"), &words(stage)?)?;
    let names = names();
    ensure!(
        reading.steps.len() == names.len(),
        "not {} attempts",
        names.len()
    );
    for ((name, may), (_, result)) in names.iter().zip(&reading.steps) {
        let expected = if *may { "ok" } else { "EACCES" };
        ensure!(result == expected, "{} bytes, {name}: {result}", name.len());
    }
    let refused = names.iter().filter(|(_, may)| !may);
    let records = daemon.since(&moment)?.violations;
    ensure!(
        records.len() == refused.clone().count(),
        "{} records",
        records.len()
    );
    for ((name, _), record) in refused.zip(&records) {
        has(
            record,
            &[("path", &stage.expand(&format!("$tree/open/{name}")))],
        )?;
    }
    daemon.remove_scope("namer")?;
    daemon.reload()
}
