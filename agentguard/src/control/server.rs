//! The daemon's end of the control socket: who may speak, and for how long.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::UnixStream, task::JoinSet};

use super::{
    backend::Backend,
    limits::{Admission, Connections, Limits},
    peer::Peer,
    routes,
    socket::ControlSocket,
};

/// Serves the control API until `shutdown` is done. Connections that are open then are closed;
/// the socket's file is removed.
///
/// A connection carries one request. The peer is judged when it connects, before a byte is read,
/// and again when its request is there: it may have become an agent's in between.
pub async fn serve<B: Backend>(
    socket: ControlSocket,
    backend: Arc<B>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let listener = socket.listener()?;
    let connections = Connections::new(limits);
    let router = routes::router(Arc::clone(&backend), limits);
    let mut open = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let stream = tokio::select! {
            () = &mut shutdown => return Ok(()),
            Some(_) = open.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, most likely: do not spin until some are closed.
                    tracing::warn!("control socket: cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Some((peer, admission)) = welcome(&stream, &*backend, &connections) else {
            continue;
        };
        let service = router.clone().layer(Extension(Arc::new(peer)));
        open.spawn(async move {
            converse(stream, service, limits).await;
            drop(admission);
        });
    }
}

/// The peer and a place for it; `None` if the connection is to be closed.
fn welcome<B: Backend>(
    stream: &UnixStream,
    backend: &B,
    connections: &Arc<Connections>,
) -> Option<(Peer, Admission)> {
    let peer = Peer::of(stream)
        .inspect_err(|error| tracing::debug!("control socket: peer unknown: {error}"))
        .ok()?;
    if let Err(reason) = may_speak(backend, &peer) {
        tracing::debug!(
            pid = peer.pid(),
            uid = peer.uid(),
            "control socket: {reason}"
        );
        return None;
    }
    let admission = connections.admit(peer.uid());
    if admission.is_none() {
        tracing::debug!(uid = peer.uid(), "control socket: too many connections");
    }
    Some((peer, admission?))
}

/// Whether the peer may use the API; if not, why.
pub(super) fn may_speak<B: Backend>(backend: &B, peer: &Peer) -> Result<(), String> {
    match backend.is_tagged(peer) {
        Ok(false) => {}
        Ok(true) => return Err("the caller belongs to an agent".to_owned()),
        Err(error) => return Err(format!("cannot tell whose the caller is: {error}")),
    }
    // Only now: what the backend read about the pid was about this process.
    match peer.is_alive() {
        Ok(true) => Ok(()),
        Ok(false) => Err("the caller is gone".to_owned()),
        Err(error) => Err(format!("cannot tell whether the caller is alive: {error}")),
    }
}

async fn converse(stream: UnixStream, service: axum::Router, limits: Limits) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .keep_alive(false)
        .max_headers(32)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    match tokio::time::timeout(limits.connection_time(), connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("control socket: {error}"),
        Err(_) => tracing::debug!("control socket: connection closed, it took too long"),
    }
}
