//! The decision about the network: may this agent reach this destination?
//!
//! ```text
//! matched = rules whose prefix holds the address  &  rules whose range holds the port
//! ```
//!
//! The [verdict](crate::verdict) follows from the rules that matched. While something else may still
//! permit, the verdict of an observed `allow` counts as "no rule".

pub use crate::verdict::{Action, Reason, Verdict};
use crate::{
    address::{Address, borrow},
    limits::{MAX_SECTION_ROWS, SEARCH_STEPS},
    protocol::{Protocol, port_key},
    rules::{NO_RULE, RuleSet},
    scope::{
        ALLOW_ROW, DENY_ROW, FLAG_OBSERVED_RULES, HEADER_ROWS, Header, LISTEN_ROW, OBSERVE_ROW, Row,
    },
    verdict::{observed, resolve},
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
