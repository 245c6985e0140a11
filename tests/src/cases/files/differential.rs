//! What the kernel does is what `explain` says: random scopes, random attempts, and the very decision of the
//! library on the very scope file.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use agentguard::policy::{self, Compiled, Scope};
use agentguard_common::verdict::{Action, Reason, Verdict};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::{
    super::{story::has, table::scenario},
    random::{Attempt, DEPTH, DIRECTORIES, FILES, ROOT, Random, Rules, pair},
};
use crate::{
    daemon::Record,
    ensure,
    error::{Context, Error, Outcome, failed},
    harness::{Case, Stage},
    sys,
};

/// Scopes, and attempts with each: 10,000 pairs.
const SCOPES: usize = 40;
const ATTEMPTS: usize = 250;
/// Directories that change places with others before the attempts with a scope.
const MOVES: usize = 3;

const AGENT: &str = "random";

// One line a case.
#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[scenario("differential", differential)];

fn differential(stage: &Stage) -> Outcome {
    stage.tree()?.fill()?;
    plant(Path::new(&stage.expand(ROOT)), DEPTH)?;
    let seed = sys::boot_ns();
    let mut random = Random(seed);
    // A random scope need not permit the agent to start.
    compare(stage, &Decider::load(stage, &Rules::default())?, &[])?;
    let (mut refused, mut observed) = (0, 0);
    for _ in 0..SCOPES {
        let rules = Rules::new(&mut random);
        let decider = Decider::load(stage, &rules)?;
        for (one, other) in (0..MOVES).filter_map(|_| pair(&mut random)) {
            exchange(stage, &one, &other)?;
        }
        let attempts: Vec<_> = (0..ATTEMPTS).map(|_| Attempt::new(&mut random)).collect();
        let found = compare(stage, &decider, &attempts)?;
        if let Some((attempt, why)) = found.difference {
            return failed(smallest(stage, rules, &attempts[attempt], why, seed)?);
        }
        refused += found.refused;
        observed += found.observed;
    }
    // Neither is rare, or little was compared.
    ensure!(
        refused > SCOPES * ATTEMPTS / 10 && observed > SCOPES * ATTEMPTS / 100,
        "{refused} refused, {observed} observed, seed {seed}"
    );
    stage.daemon()?.remove_scope(AGENT)?;
    stage.daemon()?.reload()
}

/// Makes a directory with all that every one has.
fn plant(directory: &Path, depth: usize) -> Outcome {
    fs::create_dir(directory).context(format!("make {}", directory.display()))?;
    for name in FILES {
        let file = directory.join(name);
        fs::write(&file, "x")?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    }
    if depth > 0 {
        for name in DIRECTORIES {
            plant(&directory.join(name), depth - 1)?;
        }
    }
    Ok(())
}

fn exchange(stage: &Stage, one: &str, other: &str) -> Outcome {
    let (one, other) = (stage.expand(one), stage.expand(other));
    let flags = RenameFlags::RENAME_EXCHANGE;
    renameat2(AT_FDCWD, &*one, AT_FDCWD, &*other, flags).context("exchange two directories")
}

/// A scope that is in force, and its decision.
struct Decider {
    scope: Scope,
    compiled: Compiled,
}

impl Decider {
    fn load(stage: &Stage, rules: &Rules) -> Outcome<Self> {
        let daemon = stage.daemon()?;
        daemon.write_scope(AGENT, &stage.expand(&rules.text(AGENT)))?;
        daemon.reload()?;
        let scope = policy::load_file(&daemon.scope_file(AGENT), &policy::Host)
            .map_err(|errors| Error::Failed(format!("{errors:?}")))?;
        let compiled = policy::compile(&scope).map_err(|error| Error::Failed(error.to_string()))?;
        Ok(Self { scope, compiled })
    }

    /// The verdict on an attempt, and the access that it is about: one that no rule permits or one denies, else one
    /// that a rule observes.
    fn decide(&self, attempt: &Attempt, path: &str) -> Outcome<(Verdict, &'static str)> {
        let Some(tables) = self.compiled.paths() else {
            return failed("the scope confines no files");
        };
        let names = || path.split('/').skip(1).map(str::as_bytes);
        let verdicts = attempt
            .kind
            .accesses
            .iter()
            .map(|access| (tables.decide(names(), *access), access.name()));
        let rank = |verdict: &Verdict| match verdict.action {
            Action::Refuse => 0,
            // An observing agent that no rule permits it.
            Action::Observe if verdict.reason == Reason::NoRule => 0,
            Action::Observe => 1,
            Action::Permit => 2,
        };
        // The first of the worst.
        let worst = verdicts.min_by_key(|(verdict, _)| rank(verdict));
        worst.ok_or_else(|| Error::Failed("an attempt without an access".into()))
    }

    /// Whether a record says what the decision does.
    fn check(&self, attempt: &Attempt, path: &str, record: &Record) -> Outcome {
        let (verdict, access) = self.decide(attempt, path)?;
        let rule = self
            .scope
            .files
            .as_ref()
            .and_then(|files| files.get(verdict.rule));
        has(
            record,
            &[
                ("path", path),
                ("operation", attempt.kind.operation),
                ("access", access),
                ("reason", verdict.reason.name()),
                ("rule", rule.map_or("", |rule| rule.text())),
                (
                    "verdict",
                    if verdict.action == Action::Refuse {
                        "refused"
                    } else {
                        "observed"
                    },
                ),
            ],
        )?;
        let line = rule.map(|rule| u64::from(rule.rule.line));
        ensure!(
            record.number("rule_line") == line,
            "rule_line is not {line:?}: {}",
            record.0
        );
        Ok(())
    }
}

/// What a comparison came to.
#[derive(Default)]
struct Found {
    refused: usize,
    observed: usize,
    /// The first attempt about which the two disagree, and how.
    difference: Option<(usize, String)>,
}

/// Has the agent try, and compares each answer, and each record, with the decision.
fn compare(stage: &Stage, decider: &Decider, attempts: &[Attempt]) -> Outcome<Found> {
    let daemon = stage.daemon()?;
    let paths: Vec<_> = attempts
        .iter()
        .map(|attempt| stage.expand(&attempt.path))
        .collect();
    let mut words = vec!["attempts"];
    for (attempt, path) in attempts.iter().zip(&paths) {
        words.extend([attempt.kind.name, path]);
    }
    let moment = daemon.moment(AGENT)?;
    let reading = stage.perform(Some(AGENT), &words)?;
    let happened = daemon.since(&moment)?;
    ensure!(
        reading.steps.len() == attempts.len(),
        "{} answers to {} attempts",
        reading.steps.len(),
        attempts.len()
    );
    let mut records = happened.violations.iter();
    let mut found = Found::default();
    for (number, (attempt, path)) in attempts.iter().zip(&paths).enumerate() {
        let (_, answer) = &reading.steps[number];
        let (verdict, _) = decider.decide(attempt, path)?;
        let expected = if verdict.action == Action::Refuse {
            "EACCES"
        } else {
            "ok"
        };
        if answer != expected {
            let why = format!("the kernel answers {answer}, explain says {verdict:?}");
            found.difference = Some((number, why));
            return Ok(found);
        }
        match verdict.action {
            Action::Refuse => found.refused += 1,
            Action::Observe => found.observed += 1,
            Action::Permit => continue,
        }
        let checked = match records.next() {
            Some(record) => decider.check(attempt, path, record),
            None => failed("there is no record"),
        };
        if let Err(error) = checked {
            found.difference = Some((number, error.to_string()));
            return Ok(found);
        }
    }
    match records.next() {
        Some(record) => failed(format!("one record too many: {}", record.0)),
        None => Ok(found),
    }
}

/// The smallest scope about which the two still disagree, as the message of the failure.
fn smallest(
    stage: &Stage,
    mut rules: Rules,
    attempt: &Attempt,
    mut why: String,
    seed: u64,
) -> Outcome<String> {
    let attempts = std::slice::from_ref(attempt);
    let differs = |rules: &Rules| -> Outcome<Option<String>> {
        let found = compare(stage, &Decider::load(stage, rules)?, attempts)?;
        Ok(found.difference.map(|(_, why)| why))
    };
    if differs(&rules)?.is_none() {
        return Ok(format!(
            "only after the attempts before it: {attempt:?}: {why}\nseed {seed}\n{}",
            rules.text(AGENT)
        ));
    }
    let mut at = 0;
    while at < rules.rules.len() {
        let mut fewer = rules.clone();
        fewer.rules.remove(at);
        match differs(&fewer)? {
            Some(reason) => (rules, why) = (fewer, reason),
            None => at += 1,
        }
    }
    Ok(format!(
        "{attempt:?}: {why}\nseed {seed}\n{}",
        rules.text(AGENT)
    ))
}
