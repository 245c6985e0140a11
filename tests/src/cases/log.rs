//! The log under stress: a full disk, more events than there is room for.

use std::{fs, thread, time::Duration};

use super::{
    scopes::GUARDED,
    story::{FORBIDDEN, eventually, is_confined, is_emulated},
    table::scenario,
};
use crate::{
    daemon::{Counters, Daemon},
    ensure,
    error::{Context, Error, Outcome},
    harness::{Group, Stage},
    host::Scratch,
    world::addresses::FORBIDDEN4,
};

pub(super) const GROUP: Group = Group {
    name: "log",
    scopes: &[],
    cases: &[
        scenario("full-disk", full_disk),
        scenario("T03-flood", flood),
    ],
};

/// Waits until the daemon has worked off what the kernel gave it.
fn at_rest(daemon: &Daemon) -> Outcome<Counters> {
    let mut last = 0;
    eventually("the log stands still", || {
        let now =
            fs::metadata(daemon.log()).map_or(0, |log| log.len()) + daemon.status()?.unwritten;
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

/// Refusals that neither the disk nor the daemon's queue has room for.
const TOO_MANY: u64 = 60_000;

/// The disk is full: agents stay confined, and what cannot be written is counted. When there is
/// room again the log goes on, tells how much is missing, and every record is accounted for.
fn full_disk(stage: &Stage) -> Outcome {
    if is_emulated() {
        return Err(Error::Skipped(
            "an emulated machine reads events too slowly to fill the log's queue".to_owned(),
        ));
    }
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
    flood(TOO_MANY)?;
    eventually(
        "records go unwritten",
        || Ok(daemon.status()?.unwritten > 0),
    )?;
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
