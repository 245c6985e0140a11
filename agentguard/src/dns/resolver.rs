//! Finds answers for all agents: in the cache, in a question that is under way, or upstream.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Config, ResolverStats,
    cache::{Cache, Held, Key},
    clock,
    counters::Counters,
    upstream::{self, Failure},
};

/// What became of a question upstream.
pub(super) type Outcome = Result<Held, Failure>;

/// Asks upstream servers, and keeps what they say as long as it holds. One serves all agents: what a name resolves to
/// is no secret, and whether it may be asked is decided for each agent before.
#[derive(Debug)]
pub struct Resolver {
    config: Config,
    servers: Mutex<Arc<[SocketAddr]>>,
    /// The server that has answered last.
    first: AtomicUsize,
    cache: Mutex<Cache>,
    /// Questions that are under way.
    flights: Mutex<HashMap<Key, watch::Receiver<Option<Outcome>>>>,
    counters: Counters,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Resolver {
    /// A resolver that asks these servers.
    pub fn new(config: Config, servers: Vec<SocketAddr>) -> Arc<Self> {
        Arc::new(Self {
            config,
            servers: Mutex::new(servers.into()),
            first: AtomicUsize::new(0),
            cache: Mutex::new(Cache::new(config.limits.cache_bytes)),
            flights: Mutex::default(),
            counters: Counters::default(),
        })
    }

    /// How it was configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The servers that are asked.
    pub fn servers(&self) -> Arc<[SocketAddr]> {
        Arc::clone(&lock(&self.servers))
    }

    /// Asks others from now on. If they differ, answers of the old ones are not used any more: the host may have moved
    /// to another network.
    pub fn set_servers(&self, servers: Vec<SocketAddr>) {
        let mut current = lock(&self.servers);
        if **current == *servers {
            return;
        }
        *current = servers.into();
        self.first.store(0, Ordering::Relaxed);
        lock(&self.flights).clear();
        lock(&self.cache).clear();
    }

    /// What has happened since the start.
    pub fn stats(&self) -> ResolverStats {
        self.counters.stats()
    }

    /// How many answers are cached.
    pub fn cached_answers(&self) -> usize {
        lock(&self.cache).len()
    }

    /// An answer from the cache.
    pub(super) fn cached(&self, key: &Key, now_ns: u64) -> Option<Held> {
        lock(&self.cache).get(key, now_ns)
    }

    /// Asks upstream, or joins whoever asks the same. The question goes on if nobody waits for it any more.
    pub(super) async fn resolve(self: &Arc<Self>, key: &Key) -> Outcome {
        let mut flight = self.flight(key)?;
        match flight.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(Failure::Failed)),
            // The task has ended without an answer: the daemon stops.
            Err(_) => Err(Failure::Failed),
        }
    }

    fn flight(self: &Arc<Self>, key: &Key) -> Result<watch::Receiver<Option<Outcome>>, Failure> {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(key) {
            self.counters.joined.add(1);
            return Ok(flight.clone());
        }
        if flights.len() >= self.config.limits.upstream {
            self.counters.busy.add(1);
            return Err(Failure::Busy);
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(key.clone(), receiver.clone());
        let landing = Landing {
            resolver: Arc::clone(self),
            key: key.clone(),
            receiver: receiver.clone(),
        };
        tokio::spawn(async move {
            let outcome = landing.resolver.ask(&landing).await;
            // In this order: whoever comes in between finds the answer in the cache.
            let _ = sender.send(Some(outcome));
            drop(landing);
        });
        Ok(receiver)
    }

    async fn ask(&self, landing: &Landing) -> Outcome {
        let key = &landing.key;
        let servers = self.servers();
        let first = self.first.load(Ordering::Relaxed);
        let (answer, index) = upstream::ask(&servers, first, key, &self.config, &self.counters)
            .await
            .inspect_err(|_| self.counters.failed.add(1))?;
        self.counters.left_out.add(answer.left_out as u64);
        let cap = if answer.soa.is_some() {
            self.config.negative_cap
        } else {
            self.config.cap
        };
        let ttl = Duration::from_secs(answer.ttl.into()).min(cap);
        let held = Held {
            answer: Arc::new(answer),
            expires_ns: clock::after(clock::boot_ns(), ttl),
        };
        // Servers that have been replaced meanwhile have nothing to say for later questions.
        let current = lock(&self.servers);
        if Arc::ptr_eq(&current, &servers) {
            self.first.store(index, Ordering::Relaxed);
            if !ttl.is_zero() {
                lock(&self.cache).insert(key, held.clone());
            }
        }
        Ok(held)
    }
}

/// Takes a question out of those that are under way when it ends, however it ends.
struct Landing {
    resolver: Arc<Resolver>,
    key: Key,
    receiver: watch::Receiver<Option<Outcome>>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut flights = lock(&self.resolver.flights);
        // Another may have begun since the servers were replaced.
        if flights
            .get(&self.key)
            .is_some_and(|flight| flight.same_channel(&self.receiver))
        {
            flights.remove(&self.key);
        }
    }
}
