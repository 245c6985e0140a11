//! Answers one agent in one network namespace.

use std::{io, sync::Arc, time::Duration};

use agentguard_common::protocol::Protocol;
use tokio::{
    net::{TcpListener, UdpSocket},
    task::{AbortHandle, JoinSet},
    time::sleep,
};

use super::{
    agent::{Agent, Step},
    interfaces::Askers,
    sockets::{Pair, Sockets},
    stream,
};

/// Bytes of a datagram that is read. A question is shorter.
const MAX_DATAGRAM: usize = 4096;
/// After an error of a socket it is read again after this.
const PAUSE: Duration = Duration::from_millis(20);

/// Sockets that are answered until this is dropped.
#[derive(Debug)]
pub struct Listener {
    tasks: Vec<AbortHandle>,
}

impl Listener {
    /// Begins to answer. `askers` knows the network namespace of the sockets. It needs a Tokio runtime.
    pub fn start(
        agent: &Arc<Agent>,
        askers: &Arc<dyn Askers>,
        sockets: Sockets,
    ) -> io::Result<Self> {
        let mut listener = Self { tasks: Vec::new() };
        for Pair { udp, tcp, .. } in [Some(sockets.v4), sockets.v6].into_iter().flatten() {
            let udp = UdpSocket::from_std(udp)?;
            let tcp = TcpListener::from_std(tcp)?;
            let datagrams = tokio::spawn(datagrams(udp, Arc::clone(agent), Arc::clone(askers)));
            let connections = tokio::spawn(connections(tcp, Arc::clone(agent), Arc::clone(askers)));
            listener
                .tasks
                .extend([datagrams.abort_handle(), connections.abort_handle()]);
        }
        Ok(listener)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn datagrams(socket: UdpSocket, agent: Arc<Agent>, askers: Arc<dyn Askers>) {
    let socket = Arc::new(socket);
    // Those that wait end with the listener.
    let mut waiting = JoinSet::new();
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        while waiting.try_join_next().is_some() {}
        let (length, client) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!("cannot receive a question: {error}");
                sleep(PAUSE).await;
                continue;
            }
        };
        let Some(asker) = askers.asker(client, Protocol::Udp) else {
            agent.counters.strangers.add(1);
            continue;
        };
        match agent.take(&buffer[..length], &asker, true) {
            Step::Silence => {}
            Step::Reply(reply) => {
                if socket.send_to(&reply, client).await.is_err() {
                    agent.counters.unsent.add(1);
                }
            }
            Step::Wait(question) => {
                let (socket, agent) = (Arc::clone(&socket), Arc::clone(&agent));
                waiting.spawn(async move {
                    let reply = agent.wait(question).await;
                    if socket.send_to(&reply, client).await.is_err() {
                        agent.counters.unsent.add(1);
                    }
                });
            }
        }
    }
}

async fn connections(listener: TcpListener, agent: Arc<Agent>, askers: Arc<dyn Askers>) {
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!("cannot accept a connection: {error}");
                sleep(PAUSE).await;
                continue;
            }
        };
        let Some(asker) = askers.asker(client, Protocol::Tcp) else {
            agent.counters.strangers.add(1);
            continue;
        };
        let Ok(place) = Arc::clone(&agent.connections).try_acquire_owned() else {
            agent.counters.connections_refused.add(1);
            continue;
        };
        let agent = Arc::clone(&agent);
        open.spawn(async move {
            if let Err(error) = stream::serve(stream, &agent, &asker).await {
                tracing::debug!("a connection of {client} ends: {error}");
            }
            drop(place);
        });
    }
}
