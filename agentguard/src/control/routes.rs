//! The paths of the control API.

use std::{
    collections::HashSet,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Extension, Json, Router,
    body::{Body, to_bytes},
    extract::{
        Path, Query, Request, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{
    api::{
        AgentStatus, ApiError, EnterQuery, Entered, ErrorCode, ExplainPathQuery, ExplainQuery,
        ReloadReport, Status,
    },
    backend::Backend,
    limits::Limits,
    peer::Peer,
    server::may_speak,
};

/// What the handlers share.
struct Shared<B> {
    backend: Arc<B>,
    limits: Limits,
    entering: Arc<EnteringSet>,
}

/// The API, to be given the [`Peer`] as an extension.
pub(super) fn router<B: Backend>(backend: Arc<B>, limits: Limits) -> Router {
    let shared = Arc::new(Shared {
        backend,
        limits,
        entering: Arc::default(),
    });
    Router::new()
        .route("/v1/status", get(status::<B>))
        .route("/v1/agents/{name}", get(agent::<B>))
        .route("/v1/agents/{name}/enter", post(enter::<B>))
        .route("/v1/reload", post(reload::<B>))
        .route("/v1/explain", get(explain::<B>))
        .route("/v1/explain/path", get(explain_path::<B>))
        .fallback(async || {
            ApiError::new(
                ErrorCode::NotFound,
                "there is nothing at this path; see docs/cli.md",
            )
        })
        .method_not_allowed_fallback(async || {
            ApiError::new(
                ErrorCode::MethodNotAllowed,
                "this path does not take this method",
            )
        })
        .layer(middleware::from_fn_with_state(
            Arc::clone(&shared),
            guard::<B>,
        ))
        .with_state(shared)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status());
        (
            status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Json(self),
        )
            .into_response()
    }
}

/// Judges the peer, takes the request's body (no path needs one, but a caller may send one), and
/// bounds the time.
async fn guard<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
    Extension(peer): Extension<Arc<Peer>>,
    request: Request,
    next: Next,
) -> Response {
    let answer = async {
        if let Err(reason) = may_speak(&*shared.backend, &peer) {
            return ApiError::new(ErrorCode::NotPermitted, reason).into_response();
        }
        let (parts, body) = request.into_parts();
        let limit = shared.limits.body;
        if to_bytes(body, limit).await.is_err() {
            let message = format!("the request's body is broken or larger than {limit} bytes");
            return ApiError::new(ErrorCode::TooLarge, message).into_response();
        }
        next.run(Request::from_parts(parts, Body::empty())).await
    };
    tokio::time::timeout(shared.limits.request_time, answer)
        .await
        .unwrap_or_else(|_| {
            ApiError::new(ErrorCode::Timeout, "the daemon took too long; see its log")
                .into_response()
        })
}

async fn status<B: Backend>(State(shared): State<Arc<Shared<B>>>) -> Json<Status> {
    Json(shared.backend.status())
}

async fn agent<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<AgentStatus>, ApiError> {
    let Path(name) = name.map_err(|error| invalid(&error))?;
    match shared.backend.agent(&name) {
        Some(agent) => Ok(Json(agent)),
        None => Err(ApiError::unknown_agent(&name)),
    }
}

async fn reload<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
) -> Result<Json<ReloadReport>, ApiError> {
    to_the_end(Arc::clone(&shared.backend).reload())
        .await
        .map(Json)
}

async fn enter<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
    Extension(peer): Extension<Arc<Peer>>,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<EnterQuery>, QueryRejection>,
) -> Result<Json<Entered>, ApiError> {
    let Path(name) = name.map_err(|error| invalid(&error))?;
    let Query(query) = query.map_err(|error| invalid(&error))?;
    to_the_end(async move {
        let Some(_entering) = Entering::begin(&shared.entering, peer.pid()) else {
            let message = "this process is entering an agent already";
            return Err(ApiError::new(ErrorCode::Busy, message));
        };
        // Only now can no other request of this process tag it.
        may_speak(&*shared.backend, &peer)
            .map_err(|reason| ApiError::new(ErrorCode::NotPermitted, reason))?;
        Arc::clone(&shared.backend).enter(name, query, peer).await
    })
    .await
    .map(Json)
}

/// The processes whose `enter` is under way.
type EnteringSet = Mutex<HashSet<i32>>;

/// One of them, until it is dropped.
struct Entering {
    set: Arc<EnteringSet>,
    pid: i32,
}

impl Entering {
    fn begin(set: &Arc<EnteringSet>, pid: i32) -> Option<Self> {
        let first = set
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(pid);
        first.then(|| Self {
            set: Arc::clone(set),
            pid,
        })
    }
}

impl Drop for Entering {
    fn drop(&mut self) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.remove(&self.pid);
    }
}

async fn explain<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
    query: Result<Query<ExplainQuery>, QueryRejection>,
) -> Result<Json<B::Explanation>, ApiError> {
    let Query(query) = query.map_err(|error| invalid(&error))?;
    Arc::clone(&shared.backend).explain(query).await.map(Json)
}

async fn explain_path<B: Backend>(
    State(shared): State<Arc<Shared<B>>>,
    query: Result<Query<ExplainPathQuery>, QueryRejection>,
) -> Result<Json<B::Explanation>, ApiError> {
    let Query(query) = query.map_err(|error| invalid(&error))?;
    Arc::clone(&shared.backend)
        .explain_path(query)
        .await
        .map(Json)
}

/// Drives what changes something to its end, even if the caller's connection is gone or its time
/// is over: dropping a future would stop it half-way.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        Err(ApiError::new(
            ErrorCode::Failed,
            format!("the daemon failed to answer; this is a defect: {error}"),
        ))
    })
}

fn invalid(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, error.to_string())
}
