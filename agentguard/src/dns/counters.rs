//! What has happened, as numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Makes the counters and what is shown of them, field by field.
macro_rules! counters {
    ($($(#[$doc:meta])* $counters:ident, $stats:ident { $($(#[$field_doc:meta])* $field:ident),* $(,)? })*) => {$(
        #[derive(Debug, Default)]
        pub(super) struct $counters {
            $(pub(super) $field: Count,)*
        }

        impl $counters {
            pub(super) fn stats(&self) -> $stats {
                $stats { $($field: self.$field.get(),)* }
            }
        }

        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $stats {
            $($(#[$field_doc])* pub $field: u64,)*
        }
    )*};
}

counters! {
    /// What upstream servers have done, since the start.
    Counters, ResolverStats {
        /// Questions that were sent over UDP.
        upstream_udp,
        /// Questions that were sent over TCP.
        upstream_tcp,
        /// Tries without an answer.
        upstream_errors,
        /// Datagrams from a server that answer something else than was asked. Somebody may be guessing.
        foreign,
        /// Questions for which no server had an answer.
        failed,
        /// Questions that joined one that was under way.
        joined,
        /// Questions that found too many under way.
        busy,
        /// Records that were left out of answers that had too many.
        left_out,
    }

    /// What was asked by one agent, since the start of the daemon.
    AgentCounters, AgentStats {
        /// Questions, whatever became of them.
        questions,
        /// Questions that were answered from the cache.
        cached,
        /// Questions that were refused.
        refused,
        /// Addresses that were taken out of answers.
        private,
        /// Messages of sockets that are no agent's.
        strangers,
        /// Messages that are answers, or too short to be anything.
        ignored,
        /// Questions beyond the limits of this agent.
        limited,
        /// Questions for which no server had an answer.
        failed,
        /// Answers that were held back since the table is full.
        full,
        /// Answers that were held back since the table could not be written.
        errors,
        /// TCP connections that were closed since there were too many.
        connections_refused,
        /// Answers that could not be sent.
        unsent,
    }
}
