//! `agentguard tail`: the violation log, for people.

mod line;
mod source;

use std::{
    env,
    io::{self, BufWriter, IsTerminal, Write},
    ops::ControlFlow,
    os::fd::AsFd,
    path::PathBuf,
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, poll},
};

use self::{line::Style, source::Source};

/// Between two looks at the file.
const INTERVAL: u16 = 150;

/// Show the violation log
#[derive(Clone, Debug, clap::Args)]
pub struct TailArgs {
    /// Only the records of this agent
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// Go on with what is written from now on
    #[arg(long, short)]
    follow: bool,
    /// The records as they are, one JSON object a line
    #[arg(long)]
    json: bool,
    /// The log
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/var/log/agentguard/violations.jsonl"
    )]
    log: PathBuf,
    /// How many records to show at first
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    lines: usize,
}

/// What to show.
#[derive(Clone, Debug)]
pub struct TailOptions {
    /// The log.
    pub log: PathBuf,
    /// Only the records of this agent. Lines that are not records are shown all the same.
    pub agent: Option<String>,
    /// Go on with what is written later, across rotation.
    pub follow: bool,
    /// The records as they are.
    pub json: bool,
    /// How many to show at first.
    pub lines: usize,
    /// Use colours.
    pub color: bool,
}

/// Why the log cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TailError {
    /// There is no such file, or it cannot be opened.
    #[error("cannot open the log {path}: {source}; the daemon creates it, --log names another")]
    Open {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read the log {path}: {source}")]
    Read {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(io::Error),
}

/// Runs the verb on standard output. It ends when the reader of its output has gone.
pub fn run(args: TailArgs) -> Result<(), TailError> {
    let stdout = io::stdout();
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let options = TailOptions {
        log: args.log,
        agent: args.agent,
        follow: args.follow,
        json: args.json,
        lines: args.lines,
        color: stdout.is_terminal() && !plain,
    };
    let mut wait = || match poll(
        &mut [PollFd::new(stdout.as_fd(), PollFlags::empty())],
        INTERVAL,
    ) {
        // Nothing was asked for: this is an error or a reader that has gone.
        Ok(1..) => ControlFlow::Break(()),
        Ok(_) | Err(Errno::EINTR) => ControlFlow::Continue(()),
        Err(_) => {
            thread::sleep(Duration::from_millis(INTERVAL.into()));
            ControlFlow::Continue(())
        }
    };
    tail(&options, &mut BufWriter::new(stdout.lock()), &mut wait)
}

/// Shows the last records, and with `follow` those that come until `wait`, which is called between
/// two looks at the file, breaks off. A reader of `out` that has gone is no error.
pub fn tail(
    options: &TailOptions,
    out: &mut dyn Write,
    wait: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<(), TailError> {
    match show(options, out, wait) {
        Err(TailError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn show(
    options: &TailOptions,
    out: &mut dyn Write,
    wait: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<(), TailError> {
    let style = Style {
        agent: options.agent.as_deref(),
        json: options.json,
        color: options.color,
    };
    let mut source = Source::new(&options.log);
    let last = source.last(options.lines, options.follow, &|line| style.shows(line))?;
    for line in last {
        print(out, &style, &line)?;
    }
    if options.follow {
        loop {
            out.flush().map_err(TailError::Write)?;
            if wait().is_break() {
                break;
            }
            source.follow(&mut |line| print(out, &style, line))?;
        }
    }
    out.flush().map_err(TailError::Write)
}

fn print(out: &mut dyn Write, style: &Style<'_>, line: &[u8]) -> Result<(), TailError> {
    match style.render(line) {
        Some(text) => writeln!(out, "{text}").map_err(TailError::Write),
        None => Ok(()),
    }
}
