//! The process that the user started.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Case, Group, Mode, Options, beside, leaks::Leaks, tally::Tally};
use crate::{
    daemon::Daemon,
    error::{Context, Outcome},
    host::{self, Directories, process::Running},
    supervise,
};

/// How long a group may go without a result. Virtual machines are slow.
const SILENCE: Duration = Duration::from_mins(9);

/// Whether the options ask for a case.
pub(super) fn wanted(group: &Group, case: &Case, options: &Options) -> bool {
    format!("{}/{}", group.name, case.name).contains(&options.filter)
        && (options.mode != Mode::Controls || case.has_control())
}

/// Runs what the options ask for. Answers whether nothing failed.
pub fn run(groups: &[&'static Group], options: &Options) -> Outcome<bool> {
    let asked = |group: &Group| group.cases.iter().any(|case| wanted(group, case, options));
    let groups: Vec<_> = groups.iter().filter(|group| asked(group)).collect();
    if options.mode == Mode::List {
        for group in groups {
            for case in group
                .cases
                .iter()
                .filter(|case| wanted(group, case, options))
            {
                println!("{}/{}", group.name, case.name);
            }
        }
        return Ok(true);
    }
    supervise::begin()?;
    let leaks = Leaks::begin()?;
    let mut tally = Tally::default();
    let beside = match options.mode {
        Mode::Run => beside::start(options)?,
        _ => None,
    };
    for group in groups {
        perform(group, options, &mut tally, beside.as_ref())?;
        if supervise::interrupted().is_some() {
            tally.fail("suite".into(), "interrupted");
            break;
        }
    }
    drop(beside);
    if let Err(left) = leaks.end() {
        tally.fail("suite/leaks".into(), &left.to_string());
    }
    tally.close();
    Ok(tally.is_good())
}

/// Runs one group in a process of its own and removes what it leaves.
fn perform(
    group: &Group,
    options: &Options,
    tally: &mut Tally,
    beside: Option<&Daemon>,
) -> Outcome {
    let mut command = Command::new(std::env::current_exe().context("find the own program")?);
    command
        .arg("group")
        .arg(group.name)
        .args(options.to_arguments());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut worker = Running::start(&mut command)?;
    let (send, lines) = mpsc::channel();
    let mut readers = Vec::new();
    if let Some(output) = worker.0.stdout.take() {
        readers.push(forward(output, send.clone()));
    }
    if let Some(errors) = worker.0.stderr.take() {
        readers.push(forward(errors, send.clone()));
    }
    drop(send);
    let mut cases = group
        .cases
        .iter()
        .filter(|case| wanted(group, case, options))
        .peekable();
    let mut said = String::new();
    let mut last = Instant::now();
    let end = loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => {
                if let Some((case, result, why)) = parse(&line) {
                    cases.next_if(|next| next.name == case);
                    let name = format!("{}/{case}", group.name);
                    tally.ran(name, &result, &(why + &said), last.elapsed());
                    last = Instant::now();
                    said.clear();
                } else if let Some(why) = skipped(&line) {
                    let cases = cases.by_ref().count();
                    tally.skip_group(group.name, cases, &why);
                } else {
                    // Worth knowing also when nothing fails.
                    if let Some(note) = line.strip_prefix("note: ") {
                        println!("     {note}");
                    }
                    said = format!("{said}\n{line}");
                }
            }
            Err(RecvTimeoutError::Disconnected) => break "the group's process ended",
            Err(RecvTimeoutError::Timeout) if supervise::interrupted().is_some() => {
                break "interrupted";
            }
            Err(RecvTimeoutError::Timeout) if last.elapsed() > SILENCE => break "no result in time",
            Err(RecvTimeoutError::Timeout) => {}
        }
    };
    // A process that has ended is a zombie until now: killing it changes nothing.
    let pid = worker.0.id();
    let clean = end == "the group's process ended"
        && worker
            .wait(Duration::from_secs(5))
            .is_ok_and(|status| status.success());
    drop(worker);
    let mut why = format!("{end}: {}", said.trim_start());
    for case in cases {
        tally.fail(format!("{}/{}", group.name, case.name), &why);
        // Once is enough.
        why = format!("{end}, as before");
    }
    let directories = if options.keep {
        Directories::Keep
    } else {
        Directories::Remove
    };
    let left = supervise::clean(pid, directories, beside.map(Daemon::pid))?;
    if clean && !left.is_empty() {
        tally.fail(format!("{}/leaks", group.name), &left.join(", "));
    }
    let kept = host::directory_of(pid);
    if kept.exists() {
        println!("kept until the next run: {}", kept.display());
    }
    Ok(())
}

/// Sends the lines of a stream along.
fn forward(
    stream: impl std::io::Read + Send + 'static,
    to: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    })
}

/// Why a whole group does not apply here.
fn skipped(line: &str) -> Option<String> {
    let value: Value = serde_json::from_str(line).ok()?;
    Some(value.get("skipped")?.as_str()?.to_owned())
}

fn parse(line: &str) -> Option<(String, String, String)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    Some((field("case")?, field("result")?, field("why")?))
}
