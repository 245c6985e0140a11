//! The log under stress: a full disk, more events than there is room for, a reader that follows, a death
//! in the middle of a line.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    thread,
    time::Duration,
};

use super::{
    scopes::GUARDED,
    story::{FORBIDDEN, eventually, is_confined, refused as is_refused},
    table::scenario,
};
use crate::{
    daemon::{Counters, Daemon, Record},
    ensure,
    error::{Context, Outcome},
    harness::{Group, Interactive, Stage},
    host::{Scratch, process::Running},
    world::addresses::FORBIDDEN4,
};

pub(super) const GROUP: Group = Group {
    name: "log",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("full-disk", full_disk),
        scenario("T03-flood", flood),
        scenario("tail-follows-a-flood", tail_follows),
        scenario("killed-while-it-writes", killed),
    ],
};

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

/// Waits until the daemon has worked off what the kernel gave it.
fn at_rest(daemon: &Daemon) -> Outcome<Counters> {
    let mut last = 0;
    eventually("the log stands still", || {
        let now = size(&daemon.log()) + daemon.status()?.unwritten;
        thread::sleep(Duration::from_millis(150));
        Ok(std::mem::replace(&mut last, now) == now)
    })?;
    daemon.status()?.counters("guarded")
}

/// Everything that the kernel refused is accounted for, and shown to be.
fn accounted(daemon: &Daemon) -> Outcome {
    let counters = at_rest(daemon)?;
    counters.check()?;
    let (ledger, status) = (daemon.ledger()?, daemon.status()?);
    ensure!(
        ledger.violations("guarded") + status.unwritten == counters.recorded,
        "recorded is not lines + unwritten ({}): {counters:?} {ledger:?}",
        status.unwritten
    );
    Ok(())
}

/// Refusals at a time, until neither the disk nor the daemon's queue has room for more. How many are
/// lost before they reach the daemon depends on the machine.
const MANY: u64 = 20_000;

/// The disk is full: agents stay confined, and what cannot be written is counted. When there is
/// room again the log goes on, tells how much is missing, and every record is accounted for.
fn full_disk(stage: &Stage) -> Outcome {
    let disk = Scratch::with_size(32 << 20)?;
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; (32 << 20) - (64 << 10)]).context("fill the disk")?;
    let mut settings = stage.settings();
    settings.log = Some(disk.path().join("violations.jsonl"));
    let daemon = Daemon::start(settings, &[GUARDED])?;
    stage.world.settle()?;
    let before = stage.world.arrivals(FORBIDDEN4);
    let flood = |count: u64| -> Outcome {
        let count = count.to_string();
        let reading = stage.try_tagged(&daemon, "guarded", &["flood", FORBIDDEN, &count])?;
        ensure!(
            reading.number("passed")? == 0,
            "some passed: {:?}",
            reading.facts
        );
        Ok(())
    };
    eventually("records go unwritten", || {
        flood(MANY)?;
        Ok(daemon.status()?.unwritten > 0)
    })?;
    fs::remove_file(&ballast).context("make room")?;
    flood(10)?;
    eventually("the log tells how many records are missing", || {
        Ok(daemon.ledger()?.unwritten == daemon.status()?.unwritten)
    })?;
    accounted(&daemon)?;
    stage.world.settle()?;
    ensure!(
        stage.world.arrivals(FORBIDDEN4) == before,
        "a packet arrives"
    );
    Ok(())
}

/// Refusals as fast as can be.
const FLOOD: u64 = 200_000;

fn flood(stage: &Stage) -> Outcome {
    let daemon = stage.start(&[GUARDED])?;
    stage.world.settle()?;
    let before = stage.world.arrivals(FORBIDDEN4);
    let reading = stage.try_tagged(
        &daemon,
        "guarded",
        &["flood", FORBIDDEN, &FLOOD.to_string()],
    )?;
    ensure!(
        reading.number("passed")? == 0,
        "some passed: {:?}",
        reading.facts
    );
    stage.world.settle()?;
    ensure!(
        stage.world.arrivals(FORBIDDEN4) == before,
        "a packet arrives"
    );
    accounted(&daemon)?;
    ensure!(
        reading.number("refused")? == FLOOD,
        "not every one was refused: {:?}",
        reading.facts
    );
    let counters = daemon.status()?.counters("guarded")?;
    ensure!(
        counters.refused == reading.number("refused")?,
        "the kernel counted {counters:?}: {:?}",
        reading.facts
    );
    eventually("the log tells what was lost and repeated", || {
        let ledger = daemon.ledger()?;
        Ok(ledger.lost == counters.lost && ledger.repeated == counters.repeated)
    })?;
    is_confined(stage, &daemon, "guarded")
}

/// Refusals from eight threads, until it is released.
fn begin_refusals(stage: &Stage, daemon: &Daemon) -> Outcome<Interactive> {
    stage.begin_tagged(daemon, "guarded", &["hammer", FORBIDDEN, "8", "1"])
}

/// Waits until a file has grown by so much.
fn grows(file: &Path, by: u64) -> Outcome {
    let before = size(file);
    eventually("the log grows", || Ok(size(file) >= before + by))
}

/// What `tail --follow` prints while lines are written, and while the log is rotated, is the log: no line
/// is missing, none comes twice, none is torn.
fn tail_follows(stage: &Stage) -> Outcome {
    const GROWTH: u64 = 256 << 10;
    let daemon = stage.start(&[GUARDED])?;
    let scratch = Scratch::new()?;
    let (printed, rotated) = (
        scratch.path().join("printed"),
        scratch.path().join("rotated"),
    );
    let log = daemon.log();
    let mut tail = daemon.command(&["tail", "--follow", "--json", "--log"]);
    tail.arg(&log)
        .stdout(File::create(&printed).context("make a file for the output")?);
    let _tail = Running::start(&mut tail)?;
    let refusals = begin_refusals(stage, &daemon)?;
    grows(&log, GROWTH)?;
    fs::rename(&log, &rotated).context("rotate the log")?;
    grows(&log, GROWTH)?;
    refusals.finish()?;
    at_rest(&daemon)?;
    let written = [fs::read(&rotated)?, fs::read(&log)?].concat();
    eventually("everything is printed", || {
        Ok(size(&printed) >= written.len() as u64)
    })?;
    let printed = fs::read(&printed).context("read what was printed")?;
    ensure!(
        printed == written,
        "{} bytes are printed and {} are in the log",
        printed.len(),
        written.len()
    );
    Ok(())
}

/// How often it is killed.
const DEATHS: usize = 3;

/// SIGKILL in the middle of writing. The log has whole lines only, but for the one that was being
/// written: the next start ends it.
fn killed(stage: &Stage) -> Outcome {
    /// Such as a kernel leaves that was asked to write more than one page.
    const TORN: &[u8] = b"{\"v\":1,\"seq\":77,\"time\":\"2026-";
    let mut daemon = stage.start(&[GUARDED])?;
    let log = daemon.log();
    for death in 0..DEATHS {
        let refusals = begin_refusals(stage, &daemon)?;
        grows(&log, 64 << 10)?;
        daemon.kill()?;
        drop(refusals);
        // A write is rarely cut, so this makes sure that one is.
        if death == 0 {
            let torn = OpenOptions::new().append(true).open(&log);
            torn.and_then(|mut log| log.write_all(TORN))
                .context("tear a line")?;
        }
        daemon.restart()?;
        is_refused(
            &stage.try_tagged(&daemon, "guarded", &["udp", FORBIDDEN])?,
            "sendto",
        )?;
    }
    daemon.stop()?;
    whole_lines(&log)
}

/// Every line is a record and their numbers have no gap, but where the daemon was killed: there is at most
/// one part of a line, and the next record is the first of a run.
fn whole_lines(log: &Path) -> Outcome {
    let text = fs::read_to_string(log).context("read the log")?;
    ensure!(text.ends_with('\n'), "the last line has no end");
    let (mut last, mut runs, mut torn) = (None, 0, 0);
    for line in text.lines() {
        let Ok(record) = serde_json::from_str(line).map(Record) else {
            torn += 1;
            last = None;
            continue;
        };
        let seq = record.number("seq");
        runs += usize::from(seq == Some(1));
        let missing = record.number("unwritten").unwrap_or_default();
        ensure!(
            seq == Some(1) || seq == last.map(|last: u64| last + missing + 1),
            "{seq:?} follows {last:?}: {line}"
        );
        last = seq;
    }
    ensure!(runs == DEATHS + 1, "{runs} runs and {DEATHS} deaths");
    ensure!(
        (1..=DEATHS).contains(&torn),
        "{torn} torn lines and {DEATHS} deaths"
    );
    Ok(())
}
