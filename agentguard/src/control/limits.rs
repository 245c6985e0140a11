//! What one caller can take of the control socket.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Limits of the control socket. They bound what callers can make the daemon hold, whatever they
/// send or do not send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time; the next one is closed.
    pub connections: usize,
    /// Connections of one user at the same time; the next one is closed.
    pub connections_per_uid: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// From the connection to the end of the request's headers.
    pub header_time: Duration,
    /// From there to the beginning of the answer. The first scope with rules for files attaches some thirty programs,
    /// and the kernel waits for each until nothing runs that it has changed: tenths of a second, or more on a busy host.
    pub request_time: Duration,
    /// From there until the caller has taken the answer.
    pub answer_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            connections_per_uid: 8,
            body: 64 << 10,
            header_time: Duration::from_secs(5),
            request_time: Duration::from_mins(3),
            answer_time: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// How long a connection can last.
    pub(super) fn connection_time(&self) -> Duration {
        self.header_time + self.request_time + self.answer_time
    }
}

/// Counts the connections that are open.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    by_uid: Mutex<HashMap<u32, usize>>,
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            by_uid: Mutex::default(),
        })
    }

    /// A place for a connection of this user, until it is dropped; `None` if there is none left.
    pub(super) fn admit(self: &Arc<Self>, uid: u32) -> Option<Admission> {
        let mut by_uid = self.by_uid.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = by_uid.values().sum();
        let own = by_uid.get(&uid).copied().unwrap_or(0);
        if total >= self.limits.connections || own >= self.limits.connections_per_uid {
            return None;
        }
        by_uid.insert(uid, own + 1);
        Some(Admission {
            connections: Arc::clone(self),
            uid,
        })
    }
}

/// The place of one open connection.
#[derive(Debug)]
pub(super) struct Admission {
    connections: Arc<Connections>,
    uid: u32,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut by_uid = self
            .connections
            .by_uid
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = by_uid.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                by_uid.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_cannot_take_every_place() {
        let connections = Connections::new(Limits {
            connections: 3,
            connections_per_uid: 2,
            ..Limits::default()
        });
        let first = connections.admit(1).unwrap();
        let second = connections.admit(1).unwrap();
        assert!(connections.admit(1).is_none());
        let other = connections.admit(2).unwrap();
        assert!(connections.admit(3).is_none(), "all places are taken");
        drop(first);
        let again = connections.admit(3).unwrap();
        drop((second, other, again));
        assert!(connections.by_uid.lock().unwrap().is_empty());
    }
}
