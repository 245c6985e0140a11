//! What the daemon does for the control API.

use std::{future::Future, io, sync::Arc};

use serde::Serialize;

use super::{
    api::{
        AgentStatus, ApiError, EnterQuery, Entered, ExplainPathQuery, ExplainQuery, ReloadReport,
        Status,
    },
    peer::Peer,
};

/// The daemon, behind the [server](super::server).
///
/// [`reload`](Self::reload) and [`enter`](Self::enter) are driven to their end even if the caller
/// hangs up or its time is over: an implementation is never cancelled half-way.
pub trait Backend: Send + Sync + 'static {
    /// The answer to [`explain`](Self::explain).
    type Explanation: Serialize + Send + 'static;

    /// The state of the daemon. Must not block: it runs on the thread that serves the socket.
    fn status(&self) -> Status;

    /// The state of one agent, `None` if it is neither declared nor retired.
    fn agent(&self, name: &str) -> Option<AgentStatus> {
        self.status()
            .agents
            .into_iter()
            .find(|agent| agent.name == name)
    }

    /// Whether the peer belongs to an agent. An error counts as yes.
    ///
    /// It may look at `/proc/PID`: that the process is still the one that connected is checked by
    /// the caller, afterwards.
    fn is_tagged(&self, peer: &Peer) -> io::Result<bool>;

    /// Loads the scopes again, all or nothing.
    fn reload(self: Arc<Self>) -> impl Future<Output = Result<ReloadReport, ApiError>> + Send;

    /// Moves the peer into a new instance of the agent. When it returns, the peer is confined.
    ///
    /// The caller has checked that the peer is untagged, and lets no second `enter` of the same
    /// process run at the same time.
    fn enter(
        self: Arc<Self>,
        agent: String,
        query: EnterQuery,
        peer: Arc<Peer>,
    ) -> impl Future<Output = Result<Entered, ApiError>> + Send;

    /// What the scope in force says of a destination.
    fn explain(
        self: Arc<Self>,
        query: ExplainQuery,
    ) -> impl Future<Output = Result<Self::Explanation, ApiError>> + Send;

    /// What the scope in force says of a file or a socket.
    fn explain_path(
        self: Arc<Self>,
        query: ExplainPathQuery,
    ) -> impl Future<Output = Result<Self::Explanation, ApiError>> + Send;
}
