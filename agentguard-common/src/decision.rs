//! The decision about the network: may this agent reach this destination?
//!
//! ```text
//! matched = (rules whose prefix holds the address | rules learned of it)  &  rules whose range holds the port
//! ```
//!
//! The [verdict](crate::verdict) follows from the rules that matched. While something else may still
//! permit, the verdict of an observed `allow` counts as "no rule".
//!
//! Of a scope with rules by name, questions to name servers are redirected to the daemon's resolver,
//! whatever the rules allow, unless a rule denies them. What the resolver learned permits as other rules do, but
//! not for ever: the verdict says so.

pub use crate::verdict::{Action, Reason, Verdict};
use crate::{
    address::Address,
    matched::{literal, matched, observe},
    names::DOMAIN,
    protocol::Protocol,
    rules::{NO_RULE, RuleSet},
    scope::{
        ALLOW_ROW, DENY_ROW, FLAG_NAMES, FLAG_OBSERVE, FLAG_OBSERVED_RULES, HTTPS_ROW, Header,
        LISTEN_ROW, OBSERVE_ROW, Row, TLS_ROW,
    },
    verdict::{observed, resolve},
};

/// The look-ups that a decision needs.
pub trait Tables {
    /// Row `index` of the agent's scope; row 0 is the header. `None` is an error: the decision is
    /// then a refusal. Up to [`MAX_SECTION_ROWS`](crate::limits::MAX_SECTION_ROWS) rows beyond the scope are looked at, and do not
    /// matter; but they must be there.
    fn row(&self, index: u32) -> Option<&Row>;

    /// Whether the peer at a loopback address is a process of the same agent.
    fn same_agent(&self, destination: &Endpoint) -> bool;

    /// The rules that were learned of an address and count for what is decided; the empty set if
    /// nothing was. `None` is an error, as of [`row`](Self::row). Asked only of a scope with
    /// [`FLAG_NAMES`].
    fn learned(&self, address: &Address) -> Option<RuleSet>;
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

impl Endpoint {
    /// Whether it is where name servers answer.
    #[inline(always)]
    pub const fn is_name_server(&self) -> bool {
        self.port == DOMAIN && matches!(self.protocol, Protocol::Tcp | Protocol::Udp)
    }
}

/// Decides whether the agent may reach a destination. If the reason is
/// [`Redirected`](Reason::Redirected), it may reach the daemon's resolver instead.
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
    let Some((known, all)) = matched(tables, &header, to) else {
        return Verdict::ERROR;
    };
    let mut by = Reason::Rule;
    if header.flags & FLAG_NAMES != 0 {
        if to.is_name_server() {
            return question(tables, &header, all & first.rules);
        }
        // Before the verdict, which then needs to remember less: the kernel has 512 bytes for all.
        let Some(reason) = why(tables, &header, known, all, to) else {
            return Verdict::ERROR;
        };
        by = reason;
    }
    let Some(allow) = tables.row(ALLOW_ROW) else {
        return Verdict::ERROR;
    };
    let mut verdict = if header.flags & FLAG_OBSERVED_RULES == 0 {
        resolve(all & first.rules, all & allow.rules, header.flags)
    } else {
        let Some(observe) = tables.row(OBSERVE_ROW) else {
            return Verdict::ERROR;
        };
        observed(all, first.rules, allow.rules, observe.rules, header.flags)
    };
    if verdict.is_permission_of_a_rule() {
        verdict.reason = by;
    }
    if matches!(verdict.reason, Reason::NoRule) && to.address.is_loopback() && tables.same_agent(to)
    {
        return Verdict::permit(Reason::SameAgent, NO_RULE);
    }
    if header.flags & FLAG_NAMES != 0
        && matches!(verdict.reason, Reason::NoRule)
        && verdict.rule == NO_RULE
        && matches!(to.protocol, Protocol::Udp)
    {
        match tables.learned(&to.address) {
            None => return Verdict::ERROR,
            Some(rules) if !rules.is_empty() => verdict.reason = Reason::NoRuleHere,
            Some(_) => {}
        }
    }
    verdict
}

/// By what a rule permits, if one does: by the address, or by a name that was resolved to it. `known` are
/// the rules that match whatever was learned, `all` all that do.
#[inline(always)]
fn why<T: Tables>(
    tables: &T,
    header: &Header,
    known: RuleSet,
    all: RuleSet,
    to: &Endpoint,
) -> Option<Reason> {
    let mut enforced = tables.row(ALLOW_ROW)?.rules;
    if header.flags & FLAG_OBSERVED_RULES != 0 {
        enforced = enforced & !tables.row(OBSERVE_ROW)?.rules;
    }
    if !(known & enforced).is_empty() {
        return Some(Reason::Rule);
    }
    if !matches!(to.protocol, Protocol::Tcp) {
        return Some(Reason::Name);
    }
    // One that needs no more is enough.
    let mut enough = all & enforced & !tables.row(TLS_ROW)?.rules;
    if to.port == HTTPS {
        enough = enough & !tables.row(HTTPS_ROW)?.rules;
    }
    Some(if enough.is_empty() {
        Reason::NameByTls
    } else {
        Reason::Name
    })
}

/// The verdict on a question to a name server, of which rules can say only that it is refused.
#[inline(always)]
fn question<T: Tables>(tables: &T, header: &Header, deny: RuleSet) -> Verdict {
    let Some(observe) = observe(tables, header) else {
        return Verdict::ERROR;
    };
    let enforced = deny & !observe;
    if !enforced.is_empty() {
        return Verdict::refuse(Reason::Rule, enforced.lowest(), header.flags);
    }
    if !deny.is_empty() {
        return Verdict::refuse(Reason::Rule, deny.lowest(), FLAG_OBSERVE);
    }
    Verdict::permit(Reason::Redirected, NO_RULE)
}

/// Decides whether TLS may be told a server name on a connection that is [permitted by a
/// name](Reason::NameByTls). `named` are the rules that were learned of the name: it must be one that
/// permits this destination.
#[inline(always)]
pub fn decide_server_name<T: Tables>(tables: &T, to: &Endpoint, named: RuleSet) -> Verdict {
    let Some(first) = tables.row(DENY_ROW) else {
        return Verdict::ERROR;
    };
    let header = Header::unpack(first.key);
    let Some((_, matched)) = matched(tables, &header, to) else {
        return Verdict::ERROR;
    };
    let Some(observe) = observe(tables, &header) else {
        return Verdict::ERROR;
    };
    let Some(allow) = tables.row(ALLOW_ROW) else {
        return Verdict::ERROR;
    };
    let both = matched & named;
    let verdict = observed(both, first.rules, allow.rules, observe, header.flags);
    let reason = match (verdict.action, verdict.rule) {
        (Action::Permit, _) => Reason::Name,
        (_, NO_RULE) => Reason::ServerName,
        _ => Reason::Rule,
    };
    Verdict { reason, ..verdict }
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
    let (Some(matched), Some(listen)) = (literal(tables, &header, local), tables.row(LISTEN_ROW))
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
/// [destination](decide_destination). A question to a name server that was to be redirected, and was
/// not, is refused.
#[inline(always)]
pub fn decide_answer<T: Tables>(tables: &T, local: &Endpoint, to: &Endpoint) -> Verdict {
    let mut verdict = destination(tables, to);
    if matches!(verdict.reason, Reason::Redirected) {
        let Some(first) = tables.row(DENY_ROW) else {
            return Verdict::ERROR;
        };
        let flags = Header::unpack(first.key).flags;
        let reason = if local.port == 0 {
            Reason::NoResolver
        } else {
            Reason::NoRule
        };
        verdict = Verdict::refusal(reason, flags);
    }
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

/// The port of HTTPS.
const HTTPS: u16 = 443;
