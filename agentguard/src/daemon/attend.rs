//! The daemon while it runs: it serves its control socket, signals and the clock.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};

use super::{Daemon, error::DaemonError, notify};
use crate::control::{limits::Limits, server, socket::ControlSocket};

/// How often counters are reported, empty instances removed and attach points looked after.
const TICK: Duration = Duration::from_secs(1);

/// The signals that the daemon answers to.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes them over. Before anybody is told that we run: the default of each would end us.
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

impl Daemon {
    /// Serves the control socket, signals and the clock until SIGTERM or SIGINT.
    pub(super) async fn attend(
        self: &Arc<Self>,
        socket: ControlSocket,
        signals: Signals,
    ) -> Result<(), DaemonError> {
        let Signals {
            mut terminate,
            mut interrupt,
            mut hangup,
        } = signals;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (stop, stopped) = oneshot::channel::<()>();
        let backend = Arc::clone(self);
        let server = tokio::spawn(server::serve(socket, backend, Limits::default(), async {
            let _ = stopped.await;
        }));
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {
                    self.log.reopen();
                    notify::reloading();
                    let daemon = Arc::clone(self);
                    let done = tokio::task::spawn_blocking(move || daemon.load()).await;
                    if let Ok(Err(error)) = done {
                        tracing::error!("nothing was reloaded: {error}");
                    }
                    notify::ready();
                }
                _ = tick.tick() => {
                    let daemon = Arc::clone(self);
                    if let Err(error) =
                        tokio::task::spawn_blocking(move || daemon.look_after()).await
                    {
                        tracing::error!("housekeeping: {error}");
                    }
                }
            }
        }
        drop(stop);
        match server.await {
            Ok(ended) => Ok(ended?),
            Err(error) => Err(DaemonError::Start(io::Error::other(error))),
        }
    }
}
