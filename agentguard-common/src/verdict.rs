//! The verdict: what follows from the rules that match.
//!
//! ```text
//! if matched & deny  → refuse, by the lowest such rule
//! if matched & allow → permit, by the lowest such rule
//! otherwise          → refuse: no rule
//! ```
//!
//! A rule that is *observed* refuses nothing: an observed `deny` records what it would have
//! refused, an observed `allow` permits and records that nothing else would have.

use crate::{rules::NO_RULE, scope::FLAG_OBSERVE, set::NumberSet};

/// What to do. The discriminants are ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// Let it happen.
    Permit = 0,
    /// Let it happen, and record that it would have been refused.
    Observe = 1,
    /// Refuse it.
    Refuse = 2,
}

/// Why. The discriminants are ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// A rule says so.
    Rule = 0,
    /// No rule matches.
    NoRule = 1,
    /// Peers of the same agent may talk over loopback.
    SameAgent = 2,
    /// No rule can allow this type of socket or this protocol.
    Protocol = 3,
    /// The tables did not give an answer. It is a defect, and it refuses.
    Error = 4,
    /// The kernel chooses the port: nothing can be listened on that a rule would not have to allow.
    AnyPort = 5,
    /// It lies on a superblock that the host has not mounted.
    NotMounted = 6,
    /// Its path has too many components.
    TooDeep = 7,
    /// Directories were renamed, or mounts changed, as often as its path was looked at.
    Renamed = 8,
    /// No rule can allow it to an agent.
    Never = 9,
    /// It would give what is moved more rights than it had.
    Gains = 10,
    /// A directory on its path takes names that differ in case for the same.
    Folded = 11,
    /// A rule by name permits it, by an address that the name was resolved to.
    Name = 12,
    /// The name that TLS is told is not permitted at this address, or cannot be read.
    ServerName = 13,
    /// The agent's questions to name servers go to the daemon, and this one does not: the daemon does
    /// not answer here.
    NoResolver = 14,
    /// A public name was resolved to a private address.
    Rebinding = 15,
    /// A message to a name server is not one that rules can speak of, or asks for what they do not
    /// allow: a record type, or something else than one question.
    Question = 16,
    /// As [`Name`](Self::Name), if TLS is told a name that is permitted there.
    NameByTls = 17,
    /// A question to a name server, which goes to the daemon.
    Redirected = 18,
    /// No rule matches, but the address was resolved for the agent: it may ask the kernel for a way there, which
    /// sends nothing. C libraries do so to order addresses, with sockets for datagrams.
    NoRuleHere = 19,
}

impl Reason {
    /// The reason of an ABI number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Rule),
            1 => Some(Self::NoRule),
            2 => Some(Self::SameAgent),
            3 => Some(Self::Protocol),
            4 => Some(Self::Error),
            5 => Some(Self::AnyPort),
            6 => Some(Self::NotMounted),
            7 => Some(Self::TooDeep),
            8 => Some(Self::Renamed),
            9 => Some(Self::Never),
            10 => Some(Self::Gains),
            11 => Some(Self::Folded),
            12 => Some(Self::Name),
            13 => Some(Self::ServerName),
            14 => Some(Self::NoResolver),
            15 => Some(Self::Rebinding),
            16 => Some(Self::Question),
            17 => Some(Self::NameByTls),
            18 => Some(Self::Redirected),
            19 => Some(Self::NoRuleHere),
            _ => None,
        }
    }

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::NoRule | Self::NoRuleHere => "no-rule",
            Self::SameAgent => "same-agent",
            Self::Protocol => "protocol",
            Self::Error => "error",
            Self::AnyPort => "any-port",
            Self::NotMounted => "not-mounted",
            Self::TooDeep => "too-deep",
            Self::Renamed => "renamed",
            Self::Never => "never",
            Self::Gains => "gains",
            Self::Folded => "folded",
            Self::Name => "name",
            Self::ServerName => "server-name",
            Self::NoResolver => "no-resolver",
            Self::Rebinding => "rebinding",
            Self::Question => "question",
            Self::NameByTls => "name-by-tls",
            Self::Redirected => "redirected",
        }
    }
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What to do.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The rule that decided, or [`NO_RULE`].
    pub rule: u16,
}

impl Verdict {
    /// The answer to every error.
    pub const ERROR: Self = Self {
        action: Action::Refuse,
        reason: Reason::Error,
        rule: NO_RULE,
    };

    /// Whether it is a plain permission by a rule. Then it depends on the rules and the destination
    /// alone, and there is nothing to record.
    #[inline(always)]
    pub const fn is_permission_of_a_rule(self) -> bool {
        matches!(self.action, Action::Permit) && matches!(self.reason, Reason::Rule)
    }

    /// A refusal for a reason that is no rule, or what observe mode makes of it.
    #[inline(always)]
    pub const fn refusal(reason: Reason, flags: u16) -> Self {
        Self::refuse(reason, NO_RULE, flags)
    }

    /// A permission.
    #[inline(always)]
    pub const fn permit(reason: Reason, rule: u16) -> Self {
        Self {
            action: Action::Permit,
            reason,
            rule,
        }
    }

    /// The verdict as it is recorded: a rule is a reason, an observed one too.
    #[inline(always)]
    pub(crate) const fn settled(self) -> Self {
        Self {
            reason: match self.reason {
                Reason::NoRule if self.rule != NO_RULE => Reason::Rule,
                reason => reason,
            },
            ..self
        }
    }

    /// A refusal, or what observe mode makes of it.
    #[inline(always)]
    pub(crate) const fn refuse(reason: Reason, rule: u16, flags: u16) -> Self {
        Self {
            action: if flags & FLAG_OBSERVE == 0 {
                Action::Refuse
            } else {
                Action::Observe
            },
            reason,
            rule,
        }
    }
}

/// Deny beats allow; what nothing matches is refused.
#[inline(always)]
pub(crate) fn resolve<S: NumberSet>(deny: S, allow: S, flags: u16) -> Verdict {
    if !deny.is_empty() {
        Verdict::refuse(Reason::Rule, deny.lowest(), flags)
    } else if !allow.is_empty() {
        Verdict::permit(Reason::Rule, allow.lowest())
    } else {
        Verdict::refuse(Reason::NoRule, NO_RULE, flags)
    }
}

/// As [`resolve`], where some rules are observed: refuse only what the other rules refuse; record
/// what the observed ones would have changed.
#[inline(always)]
pub(crate) fn observed<S: NumberSet>(
    matched: S,
    deny: S,
    allow: S,
    observe: S,
    flags: u16,
) -> Verdict {
    let lenient = resolve(matched & deny & !observe, matched & allow, flags);
    if !matches!(lenient.action, Action::Permit) {
        return lenient;
    }
    let strict = resolve(
        matched & deny,
        matched & allow & !observe,
        flags | FLAG_OBSERVE,
    );
    match strict.action {
        Action::Permit => strict,
        // Refused for want of a rule: the one that permitted is the observed one.
        _ if strict.rule == NO_RULE => Verdict {
            rule: lenient.rule,
            ..strict
        },
        _ => strict,
    }
}
