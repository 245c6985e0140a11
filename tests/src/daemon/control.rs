//! The control socket, without the command line's program: in a virtual machine starting a program takes
//! longer than all the rest.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use super::COMMAND_LIMIT;
use crate::error::{Context, Outcome, failed};

/// Sends a request (`GET /v1/status`) and takes the body of the answer, which must be 200.
pub(super) fn ask(socket: &Path, request: &str) -> Outcome<String> {
    let mut stream = UnixStream::connect(socket).context("connect to the control socket")?;
    stream
        .set_read_timeout(Some(COMMAND_LIMIT))
        .context("limit the wait for an answer")?;
    let head = "HTTP/1.1\r\nHost: agentguard\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    stream
        .write_all(format!("{request} {head}").as_bytes())
        .context("ask the daemon")?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .context("read the daemon's answer")?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => failed(format!("{request}: the daemon answers {answer:?}")),
    }
}
