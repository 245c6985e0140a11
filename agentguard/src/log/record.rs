//! One record, whatever its kind.

use serde::{Serialize, Serializer};

use super::{
    clock::Clock,
    kinds::{Daemon, Loss, Repeat, Unwritten},
    violation::Violation,
};

/// One record: everything in its line but `v` and `seq`, which the writer puts first.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// RFC 3339, UTC, microseconds.
    pub time: String,
    /// Microseconds since boot, suspend included.
    pub boot_us: u64,
    /// The rest, by kind.
    #[serde(flatten)]
    pub body: Body,
    /// The fields that were cut.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "comma_separated"
    )]
    pub truncated: Vec<&'static str>,
}

/// The kinds of record.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// A refusal, or what would have been one.
    Violation(Box<Violation>),
    /// Events that the ring buffer had no room for.
    Loss(Loss),
    /// Packets that were refused again.
    Repeat(Repeat),
    /// Violations that could not be written.
    Unwritten(Unwritten),
    /// Something that the daemon did.
    Daemon(Daemon),
}

impl Record {
    /// A record of a moment, in nanoseconds since boot.
    pub fn new(clock: &Clock, boot_ns: u64, body: Body) -> Self {
        Self {
            time: clock.wall(boot_ns),
            boot_us: boot_ns / 1000,
            body,
            truncated: Vec::new(),
        }
    }

    /// The texts that can be cut, in the order in which they are: those that an agent can make long
    /// come first.
    pub(super) fn texts(&mut self) -> Vec<(&'static str, &mut String)> {
        match &mut self.body {
            Body::Violation(violation) => violation.texts(),
            Body::Loss(Loss { agent, .. }) | Body::Repeat(Repeat { agent, .. }) => {
                vec![("agent", agent)]
            }
            Body::Unwritten(_) => Vec::new(),
            Body::Daemon(daemon) => vec![("message", &mut daemon.message)],
        }
    }
}

fn comma_separated<S: Serializer>(
    names: &[&'static str],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&names.join(","))
}
