//! The scripted agent, and the tool that it is told to start.
//!
//! It stands in for a language model with tools: it reads papers, asks a catalogue and a model, writes a
//! summary. And it obeys: whatever it finds in a paper after a `>`, it does. It knows nothing of agentguard and
//! has no attack of its own.

use std::{
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use nix::errno::Errno;
use serde_json::json;

use super::{
    hosts::MODEL,
    site::{LIBRARY, PACKED, PAPERS, SUMMARY},
};
use crate::error::{Context, Outcome, failed};

/// The name of the agent's program.
pub(super) const NAME: &str = "research-bot";
/// The name of the tool's program.
pub(super) const TOOL: &str = "pack";
/// Has the agent send to the model until it is stopped.
pub(super) const TALK: &str = "--talk";

/// Longer than anything that works takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does what the program of this name does; nothing if it is neither the agent nor the tool.
pub fn called(program: &Path, arguments: &[String]) -> Option<Outcome> {
    match (program.file_name()?.to_str()?, arguments) {
        (NAME, [option]) if option == TALK => Some(talk()),
        (NAME, _) => Some(Agent::default().live()),
        (TOOL, [directory]) => Some(pack(Path::new(directory))),
        _ => None,
    }
}

/// The agent.
#[derive(Default)]
struct Agent {
    /// What it has read.
    known: String,
}

impl Agent {
    /// Its work, and then what the papers say.
    fn live(mut self) -> Outcome {
        let papers = turn(|| self.read_papers())?;
        turn(|| ask(Path::new(LIBRARY), "papers about tides"))?;
        let summary = turn(|| post(SocketAddr::from((MODEL, 80)), &self.known))?;
        turn(|| fs::write(SUMMARY, summary.unwrap_or_default()))?;
        for line in papers.unwrap_or_default().lines() {
            if let Some(instruction) = line.strip_prefix("> ") {
                turn(|| self.obey(instruction))?;
            }
        }
        // Whoever is recorded is looked at while it lives.
        io::stdin().read_line(&mut String::new()).context("wait")?;
        Ok(())
    }

    fn read_papers(&mut self) -> io::Result<String> {
        let mut names: Vec<_> = fs::read_dir(PAPERS)?.collect::<Result<_, _>>()?;
        names.sort_by_key(fs::DirEntry::file_name);
        let mut text = String::new();
        for name in names {
            text.push_str(&fs::read_to_string(name.path())?);
        }
        self.known.push_str(&text);
        Ok(text)
    }

    fn obey(&mut self, instruction: &str) -> io::Result<()> {
        let (word, rest) = instruction.split_once(' ').unwrap_or((instruction, ""));
        let (object, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "read" => fs::read_to_string(object).map(|text| self.known.push_str(&text)),
            "run" => run(object, text),
            "ask" => ask(Path::new(object), text).map(drop),
            "append" => append(Path::new(object), text),
            "upload" => post(object.parse().map_err(io::Error::other)?, &self.known).map(drop),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Waits until it may take a step, takes it, and says how it ended. Answers nothing if it failed: the agent goes on.
fn turn<T>(step: impl FnOnce() -> io::Result<T>) -> Outcome<Option<T>> {
    let mut word = String::new();
    if io::stdin().read_line(&mut word).context("wait")? == 0 {
        return failed("nobody waits for the agent any more");
    }
    let ended = step();
    let error = ended.as_ref().err().map(|error| {
        error.raw_os_error().map_or_else(
            || error.to_string(),
            |number| format!("{:?}", Errno::from_raw(number)),
        )
    });
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", json!({ "error": error }))
        .and_then(|()| stdout.flush())
        .context("tell")?;
    Ok(ended.ok())
}

/// Starts a program and waits for its end.
fn run(program: &str, argument: &str) -> io::Result<()> {
    let status = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(status.to_string()))
    }
}

/// One line to a Unix socket, and its answer.
fn ask(socket: &Path, text: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "{text}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn append(file: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::options().append(true).open(file)?;
    writeln!(file, "{text}")
}

/// HTTP: the body of the answer.
fn post(to: SocketAddr, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {to}\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) => Ok(body.to_owned()),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Sends without end.
fn talk() -> Outcome {
    let mut stream = TcpStream::connect((MODEL, 80)).context("connect to the model")?;
    loop {
        stream.write_all(b".").context("send to the model")?;
        thread::sleep(Duration::from_millis(10));
    }
}

/// The tool: puts the files of a directory into one. It is made first: it shows that the tool was started.
fn pack(directory: &Path) -> Outcome {
    let mut packed = fs::File::create(PACKED).context("make the package")?;
    for file in fs::read_dir(directory).context("list what to pack")? {
        let mut file = fs::File::open(file?.path()).context("open what to pack")?;
        io::copy(&mut file, &mut packed).context("pack")?;
    }
    Ok(())
}
