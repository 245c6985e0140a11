//! The decision: may this agent do this?
//!
//! ```text
//! matched = rules whose prefix holds the address  &  rules whose range holds the port
//! if matched & deny  → refuse, by the lowest such rule
//! if matched & allow → permit, by the lowest such rule
//! otherwise          → refuse: no rule
//! ```
//!
//! A rule that is *observed* refuses nothing: an observed `deny` records what it would have
//! refused, an observed `allow` permits and records that nothing else would have. While something
//! else may still permit, the verdict of such an `allow` therefore counts as "no rule".

use crate::{
    address::{Address, borrow},
    limits::{MAX_SECTION_ROWS, SEARCH_STEPS},
    protocol::{Protocol, port_key},
    rules::{NO_RULE, RuleSet},
    scope::{
        ALLOW_ROW, DENY_ROW, FLAG_OBSERVE, FLAG_OBSERVED_RULES, HEADER_ROWS, Header, LISTEN_ROW,
        OBSERVE_ROW, Row,
    },
};

/// The look-ups that a decision needs.
pub trait Tables {
    /// Row `index` of the agent's scope; row 0 is the header. `None` is an error: the decision is
    /// then a refusal. Up to [`MAX_SECTION_ROWS`] rows beyond the scope are looked at, and do not
    /// matter; but they must be there.
    fn row(&self, index: u32) -> Option<&Row>;

    /// Whether the peer at a loopback address is a process of the same agent.
    fn same_agent(&self, destination: &Endpoint) -> bool;
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address, [canonical](Address::canonical).
    pub address: Address,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its port, in host byte order; 0 for ICMP.
    pub port: u16,
}

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
            _ => None,
        }
    }

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::NoRule => "no-rule",
            Self::SameAgent => "same-agent",
            Self::Protocol => "protocol",
            Self::Error => "error",
            Self::AnyPort => "any-port",
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

    const fn permit(reason: Reason, rule: u16) -> Self {
        Self {
            action: Action::Permit,
            reason,
            rule,
        }
    }

    /// The verdict as it is recorded: a rule is a reason, an observed one too.
    #[inline(always)]
    const fn settled(self) -> Self {
        Self {
            reason: if self.rule == NO_RULE {
                self.reason
            } else {
                Reason::Rule
            },
            ..self
        }
    }

    /// A refusal, or what observe mode makes of it.
    #[inline(always)]
    const fn refuse(reason: Reason, rule: u16, flags: u16) -> Self {
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

/// Decides whether the agent may reach a destination.
#[inline(always)]
pub fn decide_destination<T: Tables>(tables: &T, to: &Endpoint) -> Verdict {
    destination(tables, to).settled()
}

#[inline(always)]
fn destination<T: Tables>(tables: &T, to: &Endpoint) -> Verdict {
    let Some(first) = tables.row(DENY_ROW) else {
        return Verdict::ERROR;
    };
    let header = Header::unpack(first.key);
    let (Some(matched), Some(allow)) = (matched(tables, &header, to), tables.row(ALLOW_ROW)) else {
        return Verdict::ERROR;
    };
    let verdict = if header.flags & FLAG_OBSERVED_RULES == 0 {
        resolve(matched & first.rules, matched & allow.rules, header.flags)
    } else {
        let Some(observe) = tables.row(OBSERVE_ROW) else {
            return Verdict::ERROR;
        };
        observed(
            matched,
            first.rules,
            allow.rules,
            observe.rules,
            header.flags,
        )
    };
    if matches!(verdict.reason, Reason::NoRule) && to.address.is_loopback() && tables.same_agent(to)
    {
        return Verdict::permit(Reason::SameAgent, NO_RULE);
    }
    verdict
}

/// Decides whether the agent may bind a socket to a local address, which is taken literally: the
/// unspecified address is *every* address here.
#[inline(always)]
pub fn decide_bind<T: Tables>(tables: &T, local: &Endpoint) -> Verdict {
    bind(tables, local).settled()
}

#[inline(always)]
fn bind<T: Tables>(tables: &T, local: &Endpoint) -> Verdict {
    if local.port == 0 {
        return Verdict::permit(Reason::AnyPort, NO_RULE);
    }
    let Some(first) = tables.row(DENY_ROW) else {
        return Verdict::ERROR;
    };
    let header = Header::unpack(first.key);
    let (Some(matched), Some(listen)) = (matched(tables, &header, local), tables.row(LISTEN_ROW))
    else {
        return Verdict::ERROR;
    };
    if header.flags & FLAG_OBSERVED_RULES == 0 {
        return resolve(RuleSet::EMPTY, matched & listen.rules, header.flags);
    }
    let Some(observe) = tables.row(OBSERVE_ROW) else {
        return Verdict::ERROR;
    };
    observed(
        matched,
        RuleSet::EMPTY,
        listen.rules,
        observe.rules,
        header.flags,
    )
}

/// Decides whether a packet may leave a socket that the agent did not connect: it answers a peer,
/// so either its destination is allowed or its local end is one that the agent may listen on. A
/// `deny` rule for the peer refuses it all the same. Of a socket that the agent connected, or of a
/// datagram, `local` has port 0: it is no answer, and decided as a
/// [destination](decide_destination).
#[inline(always)]
pub fn decide_answer<T: Tables>(tables: &T, local: &Endpoint, to: &Endpoint) -> Verdict {
    let verdict = destination(tables, to);
    if !matches!(verdict.reason, Reason::NoRule) || local.port == 0 {
        return verdict.settled();
    }
    let listen = bind(tables, local);
    // An enforced `listen` permits; else an observed rule for either end does.
    if matches!(listen.reason, Reason::NoRule)
        && (verdict.rule != NO_RULE || listen.rule == NO_RULE)
    {
        verdict.settled()
    } else {
        listen.settled()
    }
}

/// Decides whether the agent may make an Internet socket of this type and protocol.
#[inline(always)]
pub fn decide_socket<T: Tables>(tables: &T, socket_type: u16, protocol: u16) -> Verdict {
    let Some(first) = tables.row(DENY_ROW) else {
        return Verdict::ERROR;
    };
    let flags = Header::unpack(first.key).flags;
    if socket_is_known(socket_type, protocol, flags) {
        Verdict::permit(Reason::Rule, NO_RULE)
    } else {
        Verdict::refuse(Reason::Protocol, NO_RULE, flags)
    }
}

/// `SOCK_STREAM`.
pub const SOCK_STREAM: u16 = 1;
/// `SOCK_DGRAM`.
pub const SOCK_DGRAM: u16 = 2;

/// The allow-list of sockets: TCP, UDP, and unprivileged ICMP where a rule allows ICMP. Everything
/// else (raw, SCTP, DCCP, UDP-Lite, MPTCP, …) has ways out that rules cannot describe.
#[inline(always)]
const fn socket_is_known(socket_type: u16, protocol: u16, flags: u16) -> bool {
    match (socket_type, protocol) {
        (SOCK_STREAM, 0 | 6) | (SOCK_DGRAM, 0 | 17) => true,
        (SOCK_DGRAM, 1 | 58) => flags & crate::scope::FLAG_ICMP != 0,
        _ => false,
    }
}

/// The rules that match an endpoint.
#[inline(always)]
fn matched<T: Tables>(tables: &T, header: &Header, at: &Endpoint) -> Option<RuleSet> {
    let addresses = u32::from(header.addresses);
    let ports = Address {
        hi: 0,
        lo: port_key(at.protocol, at.port),
    };
    let by_address = search(tables, HEADER_ROWS, addresses, &at.address)?;
    let by_port = search(
        tables,
        HEADER_ROWS + addresses,
        u32::from(header.ports),
        &ports,
    )?;
    Some(tables.row(by_address)?.rules & tables.row(by_port)?.rules)
}

/// The last row of a section whose key is not above `key`.
///
/// Every section begins with the lowest key, so there is one. The steps are a constant number, and
/// none of them branches on what it finds: a candidate beyond the section is looked at and not
/// taken. So the verifier has one way to follow, not one for each row that could be found.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "positions are below MAX_SECTION_ROWS"
)]
fn search<T: Tables>(tables: &T, start: u32, count: u32, key: &Address) -> Option<u32> {
    if count == 0 || count > MAX_SECTION_ROWS {
        return None;
    }
    let mut position = 0_u64;
    let mut step = u64::from(MAX_SECTION_ROWS);
    for _ in 0..SEARCH_STEPS {
        step >>= 1;
        let candidate = position + step;
        let row = tables.row(start + candidate as u32)?;
        let is_inside = borrow(
            candidate,
            u64::from(count),
            candidate.wrapping_sub(u64::from(count)),
        );
        let is_taken = is_inside & !key.is_below(row.key);
        position += step & is_taken.wrapping_neg();
    }
    Some(start + position as u32)
}

/// Deny beats allow; what nothing matches is refused.
#[inline(always)]
fn resolve(deny: RuleSet, allow: RuleSet, flags: u16) -> Verdict {
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
fn observed(
    matched: RuleSet,
    deny: RuleSet,
    allow: RuleSet,
    observe: RuleSet,
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
