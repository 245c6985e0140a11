//! The command line's end of the control socket.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Method, Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::api::{
    AgentStatus, ApiError, Entered, ErrorCode, ExplainPathQuery, ExplainQuery, ReloadReport, Status,
};

/// How long the daemon may take to answer. More than the daemon allows itself, so that its own
/// account of the matter arrives.
const ANSWER_TIME: Duration = Duration::from_secs(200);

/// Largest answer that is taken: room for every agent's status.
const MAX_ANSWER: usize = 16 << 20;

/// Waits before asking again when the daemon had no room for a connection.
const RETRIES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

/// Why the daemon gave no answer, or which one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens.
    #[error(
        "{path}: no daemon answers; start it with `systemctl start agentguard` or `agentguard daemon`",
        path = .0.display()
    )]
    NotRunning(PathBuf),
    /// The socket's permissions keep this user out.
    #[error(
        "{path}: not permitted; run this as root or as a member of the group agentguard",
        path = .0.display()
    )]
    NotPermitted(PathBuf),
    /// The daemon hung up.
    #[error(
        "{path}: the daemon closed the connection: it serves too many, or this process belongs to \
         an agent and may not speak to it",
        path = .0.display()
    )]
    Closed(PathBuf),
    /// The daemon did not answer in time.
    #[error("{path}: the daemon did not answer within 200 s; see its log", path = .0.display())]
    TimedOut(PathBuf),
    /// What came back is no answer of this API.
    #[error("{path}: the answer is not agentguard's: {detail}", path = .path.display())]
    Garbled {
        /// The socket.
        path: PathBuf,
        /// What was wrong with it.
        detail: String,
    },
    /// The socket cannot be used.
    #[error("{path}: cannot speak to the daemon: {source}", path = .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The daemon answered with an error.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// Asks the daemon, blocking. No thread outlives a call, and no descriptor.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client of the daemon at this socket. Nothing is opened yet.
    pub fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// The state of the daemon.
    pub fn status(&self) -> Result<Status, ClientError> {
        self.ask(&Method::GET, "/v1/status")
    }

    /// The state of one agent.
    pub fn agent(&self, name: &str) -> Result<AgentStatus, ClientError> {
        self.ask(&Method::GET, &format!("/v1/agents/{}", escape(name)))
    }

    /// Makes the daemon load its scopes again.
    pub fn reload(&self) -> Result<ReloadReport, ClientError> {
        self.ask(&Method::POST, "/v1/reload")
    }

    /// Moves this process into a new instance of the agent. It must apply the rules for files itself
    /// if the answer says so.
    pub fn enter(&self, agent: &str) -> Result<Entered, ClientError> {
        self.ask(
            &Method::POST,
            &format!("/v1/agents/{}/enter?landlock=true", escape(agent)),
        )
    }

    /// What the scope in force says of a destination.
    pub fn explain<T: DeserializeOwned>(&self, query: &ExplainQuery) -> Result<T, ClientError> {
        let path = format!(
            "/v1/explain?agent={}&to={}&protocol={}",
            escape(&query.agent),
            escape(&query.to),
            query.protocol.name()
        );
        self.ask(&Method::GET, &path)
    }

    /// What the scope in force says of a file or a socket.
    pub fn explain_path<T: DeserializeOwned>(
        &self,
        query: &ExplainPathQuery,
    ) -> Result<T, ClientError> {
        let access = agentguard_common::path::Access::from(query.access);
        let path = format!(
            "/v1/explain/path?agent={}&path={}&access={}",
            escape(&query.agent),
            escape(&query.path),
            access.name()
        );
        self.ask(&Method::GET, &path)
    }

    fn ask<T: DeserializeOwned>(&self, method: &Method, path: &str) -> Result<T, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|source| self.io(source))?;
        let answer = runtime.block_on(async {
            tokio::time::timeout(ANSWER_TIME, self.persist(method, path)).await
        });
        let (success, body) = answer.map_err(|_| ClientError::TimedOut(self.socket.clone()))??;
        if success {
            serde_json::from_slice(&body).map_err(|error| self.garbled(&error))
        } else {
            let error: ApiError =
                serde_json::from_slice(&body).map_err(|error| self.garbled(&error))?;
            Err(error.into())
        }
    }

    /// Asks again when the daemon hung up: it had no room. (If it did what was asked and then hung
    /// up, asking again does no harm: a process that has entered is hung up on.)
    async fn persist(&self, method: &Method, path: &str) -> Result<(bool, Bytes), ClientError> {
        for wait in RETRIES {
            match self.send(method, path).await {
                Err(ClientError::Closed(_)) => tokio::time::sleep(wait).await,
                answer => return answer,
            }
        }
        self.send(method, path).await
    }

    async fn send(&self, method: &Method, path: &str) -> Result<(bool, Bytes), ClientError> {
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "agentguard")
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.garbled(&error))?;
        let answer = async {
            let answer = sender
                .send_request(request)
                .await
                .map_err(|error| self.broken(&error))?;
            let success = answer.status().is_success();
            let body = Limited::new(answer.into_body(), MAX_ANSWER)
                .collect()
                .await
                .map_err(|error| self.garbled(&*error))?;
            Ok((success, body.to_bytes()))
        };
        // The connection has to be driven for the answer to come; its own error says no more.
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            _ = connection => answer.await,
        }
    }

    async fn connect(&self) -> Result<UnixStream, ClientError> {
        UnixStream::connect(&self.socket)
            .await
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    ClientError::NotRunning(self.socket.clone())
                }
                io::ErrorKind::PermissionDenied => ClientError::NotPermitted(self.socket.clone()),
                // The queue of the listening socket is full.
                io::ErrorKind::WouldBlock => ClientError::Closed(self.socket.clone()),
                _ => self.io(error),
            })
    }

    fn io(&self, source: io::Error) -> ClientError {
        ClientError::Io {
            path: self.socket.clone(),
            source,
        }
    }

    fn garbled(&self, error: &dyn std::fmt::Display) -> ClientError {
        ClientError::Garbled {
            path: self.socket.clone(),
            detail: error.to_string(),
        }
    }

    fn broken(&self, error: &hyper::Error) -> ClientError {
        if error.is_parse() {
            self.garbled(error)
        } else {
            ClientError::Closed(self.socket.clone())
        }
    }
}

impl ClientError {
    /// The class of the daemon's error, if it is the daemon's.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Api(error) => Some(error.code),
            _ => None,
        }
    }
}

/// Escapes everything that is not unreserved (RFC 3986), so that any text is one part of a path or
/// of a query.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
