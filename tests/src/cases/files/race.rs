//! What moves while it is opened.

use std::{
    fs,
    os::fd::OwnedFd,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use nix::{
    fcntl::{AT_FDCWD, OFlag, openat, renameat},
    sys::stat::Mode,
};

use super::super::{
    story::is_emulated,
    table::{paired, scenario},
};
use crate::{
    ensure,
    error::{Error, Outcome},
    harness::{Case, Stage},
    probe::Reading,
};

/// How often the file is opened. A refusal has its record, which takes an emulated machine long.
const TRIES: u64 = 20_000;
const EMULATED_TRIES: u64 = 2_000;

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    paired("race-never-permitted", |stage| is_open(stage, SECRET), is_never_permitted),
    paired("race-always-permitted", |stage| is_open(stage, OPEN), is_always_permitted),
    scenario("S13-many-at-once", many_at_once),
];

/// A directory that goes from one place to another and back, and what is in it now and then.
///
/// The file is in `inner`, deep beneath `first`, while `first` is at home, and in `second/inner` while it is away:
/// beneath the place that `first` goes to it is at no time. Who reads `inner`'s parent before and `first`'s parent
/// after finds it there.
#[derive(Clone, Copy)]
struct Ways {
    home: &'static str,
    away: &'static str,
}

/// The file is never in what may be written, but a directory is that the file was in.
const SECRET: Ways = Ways {
    home: "secret",
    away: "open",
};
/// The file is always in what may be written.
const OPEN: Ways = Ways {
    home: "open",
    away: "secret",
};

/// Directories between `first` and `inner`: the longer the way up is, the more can happen on it.
const BETWEEN: usize = 110;

/// The ends of the moves, which take no time to be looked up.
struct Places {
    home: OwnedFd,
    away: OwnedFd,
    deepest: OwnedFd,
    second: OwnedFd,
    /// The path of the file at first.
    file: String,
}

impl Places {
    fn make(stage: &Stage, ways: Ways) -> Outcome<Self> {
        let tree = stage.tree()?;
        tree.fill()?;
        let (home, away) = (tree.path().join(ways.home), tree.path().join(ways.away));
        let second = home.join("second");
        let deepest = (0..BETWEEN).fold(home.join("first"), |path, _| path.join("d"));
        let inner = deepest.join("inner");
        fs::create_dir_all(&inner)?;
        fs::create_dir(&second)?;
        let file = inner.join("file");
        fs::write(&file, "moving")?;
        let open = |path: &Path| openat(AT_FDCWD, path, OFlag::O_PATH, Mode::empty());
        Ok(Self {
            home: open(&home)?,
            away: open(&away)?,
            deepest: open(&deepest)?,
            second: open(&second)?,
            file: file.to_string_lossy().into_owned(),
        })
    }

    /// Once there and back.
    fn go(&self) -> Outcome {
        renameat(&self.deepest, "inner", &self.second, "inner")?;
        renameat(&self.home, "first", &self.away, "first")?;
        renameat(&self.away, "first", &self.home, "first")?;
        renameat(&self.second, "inner", &self.deepest, "inner")?;
        Ok(())
    }
}

/// Has somebody open the file again and again while it moves. Answers also how often it has moved.
fn race(stage: &Stage, ways: Ways, agent: Option<&str>) -> Outcome<(Reading, u64)> {
    let places = Places::make(stage, ways)?;
    let stop = AtomicBool::new(false);
    let tries = tries().to_string();
    thread::scope(|scope| {
        let mover = scope.spawn(|| -> Outcome<u64> {
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) {
                places.go()?;
                rounds += 1;
            }
            Ok(rounds)
        });
        let reading = stage.perform(agent, &["reopen-many", &places.file, &tries]);
        stop.store(true, Ordering::Relaxed);
        let rounds = mover
            .join()
            .map_err(|_| Error::Failed("the thread that moves panicked".into()))??;
        Ok((reading?, rounds))
    })
}

fn tries() -> u64 {
    if is_emulated() { EMULATED_TRIES } else { TRIES }
}

/// Untagged, every open succeeds, wherever the file is.
fn is_open(stage: &Stage, ways: Ways) -> Outcome {
    let (reading, rounds) = race(stage, ways, None)?;
    ensure!(reading.number("passed")? == tries(), "{:?}", reading.facts);
    ensure!(rounds > tries() / 100, "it has moved only {rounds} times");
    Ok(())
}

fn is_never_permitted(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("clerk")?;
    let (reading, rounds) = race(stage, SECRET, Some("clerk"))?;
    ensure!(rounds > tries() / 100, "it has moved only {rounds} times");
    ensure!(reading.number("refused")? == tries(), "{:?}", reading.facts);
    let happened = daemon.since(&moment)?;
    ensure!(
        happened.counters.refused == tries(),
        "{:?}",
        happened.counters
    );
    Ok(())
}

/// What cannot be said for the moving is refused, with that reason and its record; nothing else is.
fn is_always_permitted(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    let moment = daemon.moment("clerk")?;
    let (reading, rounds) = race(stage, OPEN, Some("clerk"))?;
    ensure!(rounds > tries() / 100, "it has moved only {rounds} times");
    let (passed, refused) = (reading.number("passed")?, reading.number("refused")?);
    ensure!(passed + refused == tries(), "{:?}", reading.facts);
    ensure!(refused <= tries() / 100, "{:?}", reading.facts);
    let happened = daemon.since(&moment)?;
    ensure!(
        happened.counters.refused == refused,
        "{:?}",
        happened.counters
    );
    for record in &happened.violations {
        ensure!(
            record.text("reason") == "renamed",
            "not for the moving: {}",
            record.0
        );
    }
    Ok(())
}

/// Threads of [`many_at_once`]: many on each processor, so that they interrupt each other in the middle.
const THRONG: u64 = 100;

/// Everyone gets the answer to what he asked, however many are being decided about. The machines preempt the
/// kernel wherever it can be (`preempt=full`).
fn many_at_once(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    stage.tree()?.fill()?;
    let each = if is_emulated() { 40 } else { 400 };
    let moment = daemon.moment("clerk")?;
    let paths = ["open/file", "secret/file", "open/other"];
    let paths = paths.map(|path| stage.tree().map(|tree| tree.path().join(path)));
    let [permitted, refused, moving] = paths.map(|path| path.map(|it| it.display().to_string()));
    let (permitted, refused, moving) = (permitted?, refused?, moving?);
    let numbers = (THRONG.to_string(), each.to_string());
    let technique = [
        "open-throng",
        &permitted,
        &refused,
        &moving,
        &numbers.0,
        &numbers.1,
    ];
    let reading = stage.perform(Some("clerk"), &technique)?;
    let happened = daemon.since(&moment)?;
    // Why, should somebody have got another one.
    let others: Vec<String> = happened
        .violations
        .iter()
        .filter(|record| record.0.get("path").and_then(|path| path.as_str()) != Some(&refused))
        .map(|record| record.0.to_string())
        .collect();
    ensure!(
        reading.facts.get("moved") == Some(&true.into()) && reading.number("wrong")? == 0,
        "{:?}: {others:?}",
        reading.facts
    );
    ensure!(
        happened.counters.refused == THRONG / 2 * each,
        "{:?}",
        happened.counters
    );
    Ok(())
}
