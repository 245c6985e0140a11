//! Answers one TCP connection (RFC 7766): questions can be sent before the earlier ones are answered, and answers come in
//! the order in which they are found.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
};

use agentguard_common::names::Asker;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::agent::{Agent, Step};

/// Bytes of a question. None in good form is longer, options of EDNS aside.
const MAX_QUESTION: usize = 4096;

/// Answers until the client closes, says nothing for too long, or takes nothing.
pub(super) async fn serve(
    mut stream: TcpStream,
    agent: &Arc<Agent>,
    asker: &Asker,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let limits = agent.config().limits;
    let (mut from, mut to) = stream.split();
    let mut waiting: JoinSet<Vec<u8>> = JoinSet::new();
    let mut received = Vec::with_capacity(512);
    let mut is_ended = false;
    let mut idle_at = Instant::now() + limits.idle;
    loop {
        // Whole questions first, as many as may wait.
        while waiting.len() < limits.pipelined {
            let Some(length) = question_length(&received)? else {
                break;
            };
            idle_at = Instant::now() + limits.idle;
            let step = agent.take(&received[2..2 + length], asker, false);
            received.drain(..2 + length);
            match step {
                Step::Silence => {}
                Step::Reply(reply) => timeout(limits.idle, send(&mut to, &reply)).await??,
                Step::Wait(question) => {
                    let agent = Arc::clone(agent);
                    waiting.spawn(async move { agent.wait(question).await });
                }
            }
        }
        if is_ended && waiting.is_empty() {
            return Ok(());
        }
        tokio::select! {
            Some(reply) = waiting.join_next() => {
                let reply = reply.map_err(io::Error::other)?;
                timeout(limits.idle, send(&mut to, &reply)).await??;
                idle_at = Instant::now() + limits.idle;
            }
            length = from.read_buf(&mut received), if !is_ended && waiting.len() < limits.pipelined => {
                // What is left of a question that does not come any more is dropped.
                is_ended = length? == 0;
            }
            () = sleep_until(idle_at), if waiting.is_empty() => return Err(ErrorKind::TimedOut.into()),
        }
    }
}

/// The length of the question at the beginning, once it is whole.
fn question_length(received: &[u8]) -> io::Result<Option<usize>> {
    let Some(length) = received.first_chunk() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes(*length));
    if length > MAX_QUESTION {
        return Err(ErrorKind::InvalidData.into());
    }
    Ok((received.len() >= 2 + length).then_some(length))
}

async fn send(to: &mut (impl AsyncWriteExt + Unpin), reply: &[u8]) -> io::Result<()> {
    let mut framed = Vec::with_capacity(2 + reply.len());
    let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(reply);
    to.write_all(&framed).await
}
