//! Files that are being written: they count once they have come to rest, or after five seconds.

use std::{
    fs::File,
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use super::{are, closes, loads, opens, reaches, soon, watched};
use crate::{
    cases::{
        reload::{AGENT, NOWHERE, TO, closed, open},
        story::{FORBIDDEN, allowing, is_emulated},
    },
    ensure,
    error::{Context, Outcome},
    harness::Stage,
    host::Reads,
};

pub(super) fn many(stage: &Stage) -> Outcome {
    let daemon = watched(stage, &open())?;
    let reads = Reads::of(&daemon.scope_file(AGENT))?;
    // The same once more is no news.
    daemon.write_scope(AGENT, &open())?;
    soon("the daemon reads it", || reads.any())?;
    for round in 0..40 {
        daemon.write_scope(AGENT, &if round % 2 == 0 { open() } else { closed() })?;
        thread::sleep(Duration::from_millis(50));
    }
    closes(stage, &daemon)?;
    let (reloads, failures) = loads(&daemon)?;
    ensure!(
        (1..=2).contains(&reloads) && failures == 0,
        "40 changes in 2 seconds are {reloads} reloads and {failures} failures"
    );
    Ok(())
}

/// Somebody writes another file all the time.
pub(super) fn restless(stage: &Stage) -> Outcome {
    let daemon = watched(stage, &closed())?;
    daemon.write_scope(AGENT, &open())?;
    let begun = Instant::now();
    let (mut round, mut written, mut longest) = (0, begun, Duration::ZERO);
    soon("the change counts", || {
        round += 1;
        daemon.write_scope(
            "restless",
            &format!("{}# {round}\n", allowing("restless", &[TO])),
        )?;
        longest = longest.max(written.elapsed());
        written = Instant::now();
        Ok(loads(&daemon)?.0 > 0)
    })?;
    let took = begun.elapsed();
    ensure!(
        took > Duration::from_secs(4) || longest > Duration::from_millis(400),
        "they were loaded after {took:?} although the longest rest was {longest:?}"
    );
    ensure!(reaches(stage, &daemon)?, "the change does not count");
    Ok(())
}

/// What is there of the file for two seconds is a scope, and a wider one.
pub(super) fn half_written(stage: &Stage) -> Outcome {
    let daemon = watched(stage, &closed())?;
    let pause = if is_emulated() { "100" } else { "20" };
    let probe = stage.begin_tagged(&daemon, AGENT, &["hammer", FORBIDDEN, "1", pause])?;
    let path = daemon.scope_file(AGENT);
    let mut file = File::create(&path).context("begin the scope")?;
    let begin = format!("{NOWHERE}\n[network]\nallow = [\"10.77.0.0/16:7001\"]\n");
    let pauses = (0..20).map(|line| format!("# line {line}\n"));
    let end = "deny = [\"10.77.0.3\"]\n".to_owned();
    for piece in std::iter::once(begin).chain(pauses).chain([end]) {
        file.write_all(piece.as_bytes())
            .context("write a piece of the scope")?;
        thread::sleep(Duration::from_millis(100));
    }
    drop(file);
    opens(stage, &daemon)?;
    let reading = probe.finish()?;
    ensure!(
        reading.number("passed")? == 0 && reading.number("refused")? > 20,
        "half a scope was in force: {:?}",
        reading.facts
    );
    are(&daemon, (1, 0))
}
