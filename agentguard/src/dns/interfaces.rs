//! What the resolver needs of the rest of the daemon.

use std::{io, net::SocketAddr};

use agentguard_common::{
    address::Address,
    names::{Asker, ServerName},
    protocol::Protocol,
    rules::RuleSet,
    verdict::{Action, Verdict},
};

/// What a scope says of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it is answered, and why not. What would be refused but for observe mode is answered, and recorded.
    pub verdict: Verdict,
    /// The rules that speak of the name: an address that it has is learned for them.
    pub rules: RuleSet,
    /// What becomes of a private address that it has.
    pub private: Action,
    /// The rules that such an address is learned for.
    pub private_rules: RuleSet,
}

/// The names in a scope.
pub trait Policy: Send + Sync {
    /// The version of the policy: what its [rules](Verdict::rule) are numbers of.
    fn version(&self) -> u32;

    /// Judges a question. `name` is in lower case, without the last dot, of letters, digits, `-` and `_`.
    /// `record_type` is the number of the type; HTTPS and SVCB are answered with nothing, and are judged as A.
    fn judge(&self, name: &str, record_type: u16) -> Judgement;
}

/// The table of a scope in the kernel. Times are of `CLOCK_BOOTTIME`, in nanoseconds.
pub trait Learn: Send + Sync {
    /// Sets what is known of an address; `false` if the table is full.
    fn learn(&self, address: &Address, rules: RuleSet, expires_ns: u64) -> io::Result<bool>;

    /// Removes an address, which may not be there.
    fn forget(&self, address: &Address) -> io::Result<()>;

    /// Sets what is known of a name, for the server names of TLS; `false` if the table is full.
    fn learn_name(&self, name: &ServerName, rules: RuleSet, expires_ns: u64) -> io::Result<bool>;

    /// Removes a name, which may not be there.
    fn forget_name(&self, name: &ServerName) -> io::Result<()>;
}

/// Who asks.
pub trait Askers: Send + Sync {
    /// Whose socket this is, in the network namespace of the listener; `None` if it was not redirected to it.
    fn asker(&self, client: SocketAddr, protocol: Protocol) -> Option<Asker>;
}

/// Where refusals go.
pub trait Records: Send + Sync {
    /// Records a refusal. It does not wait.
    fn record(&self, refusal: Refusal);
}

/// A question that was refused, or an address that was taken out of an answer.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The agent.
    pub agent: u32,
    /// Who asked.
    pub asker: Asker,
    /// When, in nanoseconds of `CLOCK_BOOTTIME`.
    pub boot_ns: u64,
    /// The name in lower case, as RFC 1035 writes it, without the last dot; empty if there is none that can be read.
    pub name: String,
    /// Number of the record type; 0 if it cannot be read.
    pub record_type: u16,
    /// What was decided.
    pub verdict: Verdict,
    /// By which [version](Policy::version) of the policy.
    pub policy: u32,
    /// More about why.
    pub detail: Detail,
    /// The address that was taken out.
    pub address: Option<Address>,
    /// Whether the same was recorded less than a second before.
    pub is_repetition: bool,
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detail {
    /// The name or the record type is not permitted.
    Name,
    /// The message is not a question as RFC 1035 has them.
    Form,
    /// The operation is not a query.
    Operation,
    /// The class is not IN.
    Class,
    /// The record type cannot be permitted: a transfer, ANY, or one that is not of records.
    Type,
    /// The name has characters that no rule can have.
    Characters,
    /// An address is of a private network, or of the host.
    Private,
    /// There were more in this second; the name is that of the last of them.
    Others,
}

impl Detail {
    /// Its words in records.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Name => "the name is not permitted",
            Self::Form => "malformed",
            Self::Operation => "not a query",
            Self::Class => "not of class IN",
            Self::Type => "a record type that cannot be permitted",
            Self::Characters => "characters that no rule can have",
            Self::Private => "a private address for a public name",
            Self::Others => "more names than are recorded in a second",
        }
    }
}
