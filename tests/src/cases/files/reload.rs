//! Rules for files that change while they are used.

use super::super::{
    story::{is_emulated, worked},
    table::scenario,
};
use crate::{
    ensure,
    error::Outcome,
    harness::{Case, Stage},
    probe::Reading,
};

/// How often the scope is changed and changed back.
const ROUNDS: usize = 50;
const EMULATED_ROUNDS: usize = 10;

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    scenario("reload-counts-at-once", counts_at_once),
    scenario("reload-under-load", under_load),
    scenario("rule-for-what-does-not-exist-yet", not_yet),
];

const FILE: &str = "$tree/read/dir/inner";

/// A scope with one rule.
fn scope(stage: &Stage, read: &str) -> String {
    stage.expand(&format!(
        "[agent]\nname = \"turner\"\nprofiles = [\"base\"]\n\n[files]\nread = [{read:?}]\nexec = [\"$program\"]\n"
    ))
}

fn set(stage: &Stage, read: &str) -> Outcome {
    let daemon = stage.daemon()?;
    daemon.write_scope("turner", &scope(stage, read))?;
    daemon.reload()
}

fn open(stage: &Stage) -> Outcome<Reading> {
    stage.perform(Some("turner"), &["open", "open", "read", FILE])
}

fn is_refused(reading: &Reading) -> Outcome {
    ensure!(
        reading.first_error() == Some(("open", "EACCES")),
        "open should be refused: {}",
        reading.summary()
    );
    Ok(())
}

/// What a scope said before is nowhere remembered: the same file, opened by the same process.
fn counts_at_once(stage: &Stage) -> Outcome {
    stage.tree()?.fill()?;
    for _ in 0..rounds() {
        set(stage, "$tree/read/**")?;
        worked(&open(stage)?)?;
        worked(&open(stage)?)?;
        set(stage, "$tree/read/*")?;
        is_refused(&open(stage)?)?;
        is_refused(&open(stage)?)?;
    }
    Ok(())
}

fn rounds() -> usize {
    if is_emulated() {
        EMULATED_ROUNDS
    } else {
        ROUNDS
    }
}

/// Each open sees the old scope or the new one: where both permit, none is refused.
fn under_load(stage: &Stage) -> Outcome {
    let daemon = stage.daemon()?;
    stage.tree()?.fill()?;
    set(stage, "$tree/read/**")?;
    let moment = daemon.moment("turner")?;
    let file = stage.expand(FILE);
    let begin = |path| stage.begin_tagged(daemon, "turner", &["open-hammer", path, "2", "1"]);
    let permitted = begin(&file)?;
    let refused = begin(&stage.expand("$tree/secret/file"))?;
    for _ in 0..rounds() {
        set(stage, "$tree/read/dir/*")?;
        set(stage, "$tree/read/**")?;
    }
    let (permitted, refused) = (permitted.finish()?, refused.finish()?);
    ensure!(permitted.number("passed")? > 0, "{:?}", permitted.facts);
    ensure!(
        permitted.number("refused")? + permitted.number("other")? == 0,
        "refused although both scopes permit it: {:?}",
        permitted.facts
    );
    ensure!(refused.number("refused")? > 0, "{:?}", refused.facts);
    ensure!(
        refused.number("passed")? + refused.number("other")? == 0,
        "permitted although both scopes refuse it: {:?}",
        refused.facts
    );
    let counters = daemon.since(&moment)?.counters;
    ensure!(
        counters.refused == refused.number("refused")?,
        "{:?} were refused: {counters:?}",
        refused.facts
    );
    Ok(())
}

/// A rule holds from the moment that its path exists.
fn not_yet(stage: &Stage) -> Outcome {
    let tree = stage.tree()?;
    tree.fill()?;
    set(stage, "$tree/secret/later/file")?;
    let path = tree.path().join("secret/later");
    std::fs::create_dir(&path)?;
    for name in ["file", "other"] {
        std::fs::write(path.join(name), "later")?;
    }
    let open = |name| {
        let path = format!("$tree/secret/later/{name}");
        stage.perform(Some("turner"), &["open", "open", "read", &path])
    };
    worked(&open("file")?)?;
    is_refused(&open("other")?)
}
