//! The process that the user started.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use serde_json::Value;

use super::{Case, Group, Mode, Options, leaks::Leaks, tally::Tally};
use crate::{
    error::{Context, Outcome},
    host::{self, process, process::Running},
};

/// How long a group may go without a result. Virtual machines are slow.
const SILENCE: Duration = Duration::from_mins(9);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn interrupt(_: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

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
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let action = SigAction::new(
            SigHandler::Handler(interrupt),
            SaFlags::empty(),
            SigSet::empty(),
        );
        // SAFETY: the handler only stores to an atomic.
        unsafe { sigaction(signal, &action) }.context("install a signal handler")?;
    }
    process::adopt_orphans()?;
    for pid in host::stale()? {
        host::sweep(pid)?;
    }
    let leaks = Leaks::begin()?;
    let mut tally = Tally::default();
    for group in groups {
        perform(group, options, &mut tally)?;
        if INTERRUPTED.load(Ordering::Relaxed) {
            tally.fail("suite".into(), "interrupted");
            break;
        }
    }
    if let Err(left) = leaks.end() {
        tally.fail("suite/leaks".into(), &left.to_string());
    }
    tally.close();
    Ok(tally.is_good())
}

/// Runs one group in a process of its own and removes what it leaves.
fn perform(group: &Group, options: &Options, tally: &mut Tally) -> Outcome {
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
            Ok(line) => match parse(&line) {
                Some((case, result, why)) => {
                    cases.next_if(|next| next.name == case);
                    let name = format!("{}/{case}", group.name);
                    tally.ran(name, &result, &(why + &said), last.elapsed());
                    last = Instant::now();
                    said.clear();
                }
                None => said = format!("{said}\n{line}"),
            },
            Err(RecvTimeoutError::Disconnected) => break "the group's process ended",
            Err(RecvTimeoutError::Timeout) if INTERRUPTED.load(Ordering::Relaxed) => {
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
    let left = end_orphans()
        .into_iter()
        .map(|orphan| format!("process {orphan}"))
        .chain(swept(pid, options)?)
        .collect::<Vec<_>>();
    if clean && !left.is_empty() && !options.keep {
        tally.fail(format!("{}/leaks", group.name), &left.join(", "));
    }
    Ok(())
}

fn swept(pid: u32, options: &Options) -> Outcome<Vec<String>> {
    if options.keep {
        Ok(Vec::new())
    } else {
        host::sweep(pid)
    }
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

fn parse(line: &str) -> Option<(String, String, String)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    Some((field("case")?, field("result")?, field("why")?))
}

/// Ends the processes that a group left to this one, and tells which they were.
fn end_orphans() -> Vec<String> {
    let own = std::process::id();
    let mut ended = Vec::new();
    loop {
        let orphans = process::children(own);
        if orphans.is_empty() {
            return ended;
        }
        for pid in orphans {
            let what = process::command_line(pid);
            process::end(pid);
            // A zombie has no command line: it only waited to be seen.
            if !what.is_empty() {
                ended.push(what);
            }
        }
    }
}
