//! A packet leaves an agent's socket.
//!
//! The calls have been decided already, so almost every packet goes where the scope is known to
//! permit it. The hook is the backstop for what no call sees: routing headers, answers to peers,
//! and connections that are open when a scope is tightened.

use agentguard_common::{
    address::Address,
    decision::{Action, Endpoint, Reason, Verdict},
    event::Operation,
    protocol::Protocol,
    scope::ScopeWord,
};
use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::bpf_sk_fullsock,
    macros::cgroup_skb,
    programs::SkBuffContext,
};

use super::{
    answer,
    asker::{self, Question},
    cache::Cache,
    case::Case,
    context::Local,
    hello,
    packet::destination,
    peer::Socket,
    permitted,
    scope::word,
    told::Told,
};
use crate::{
    events::{Attempt, name, repeat, settle},
    identity::{self, Owner},
};

/// `TCP_ESTABLISHED`.
const ESTABLISHED: u32 = 1;
/// `TCP_LISTEN`.
const LISTEN: u32 = 10;

#[cgroup_skb(egress)]
pub fn egress(ctx: SkBuffContext) -> i32 {
    answer(packet(ctx.skb.skb))
}

#[inline(always)]
fn packet(skb: *mut __sk_buff) -> bool {
    let Some(owner) = identity::sender(skb) else {
        return true;
    };
    // SAFETY: the context is valid; the verifier checks both pointers.
    let sk = unsafe {
        let sk = (*skb).__bindgen_anon_2.sk;
        if sk.is_null() {
            sk
        } else {
            bpf_sk_fullsock(sk)
        }
    };
    if sk.is_null() {
        // The kernel runs the hook for full sockets only; if it ever does not, an agent's packet
        // is refused.
        return refuse_unknown(&owner);
    }
    let word = word(owner.tag.agent);
    let to = destination(skb, sk);
    // SAFETY: the pointer is valid.
    let state = unsafe { (*sk).state };
    if state != LISTEN
        && let Some(to) = &to
        && permitted::is_known(word, to)
    {
        return true;
    }
    decide(skb, sk, &owner, word, to)
}

/// Decides on a packet that the scope is not known to permit, and records it.
#[inline(always)]
fn decide(
    skb: *mut __sk_buff,
    sk: *mut bpf_sock,
    owner: &Owner,
    word: ScopeWord,
    to: Option<Endpoint>,
) -> bool {
    let mut case = Case::new(word, to.unwrap_or(Case::NOWHERE));
    if to.is_some() {
        match judge(skb, sk, owner, &mut case) {
            Judgement::Known(Action::Permit | Action::Observe) => return true,
            Judgement::Known(Action::Refuse) => {
                repeat(owner.tag.agent);
                return false;
            }
            Judgement::New(verdict) => case.verdict = verdict,
        }
    }
    let by_tls = matches!(case.verdict.reason, Reason::NameByTls);
    if by_tls && !hello::check(skb, sk, &mut case) {
        return true;
    }
    matches!(case.verdict.action, Action::Permit) || record(sk, owner, &case, by_tls)
}

/// Records a verdict that is no permission. A function of its own, for its place on the stack.
#[inline(never)]
fn record(sk: *mut bpf_sock, owner: &Owner, case: &Case, by_tls: bool) -> bool {
    // SAFETY: the pointer is valid; fields are copied.
    let (family, socket_type, protocol) = unsafe {
        (
            (*sk).family as u16,
            (*sk).type_ as u16,
            (*sk).protocol as u16,
        )
    };
    let mut attempt = Attempt {
        tag: owner.tag,
        word: case.word,
        cgroup: owner.cgroup,
        operation: Operation::Packet as u8,
        address: case.to.address,
        port: case.to.port,
        family,
        socket_type,
        protocol,
    };
    if by_tls {
        attempt.operation = Operation::Tls as u8;
        if let Some(told) = Told::of(sk.cast()) {
            return name::settle(&attempt, case.verdict, told);
        }
    }
    settle(&attempt, case.verdict)
}

/// What is known of a packet, and recorded.
enum Judgement {
    /// The socket's last verdict holds.
    Known(Action),
    /// This is the first of its kind.
    New(Verdict),
}

#[inline(always)]
fn judge(skb: *mut __sk_buff, sk: *mut bpf_sock, owner: &Owner, case: &mut Case) -> Judgement {
    let (word, to) = (case.word, &case.to);
    // SAFETY: the pointer is valid.
    let state = unsafe { (*sk).state };
    // What listens gets its storage here if it was never bound, before anything can be accepted
    // from it: so a stream of which nothing is noted was connected. One exception is refused what
    // `listen` would permit: a peer whose data is in the first packet (TCP Fast Open) is accepted
    // before a server that was never bound has sent its first.
    let stored = if state == LISTEN {
        match Cache::make(sk.cast()) {
            Some(cache) => {
                cache.set_answering(true);
                Some(cache)
            }
            None => return Judgement::New(Verdict::ERROR),
        }
    } else {
        Cache::of(sk.cast())
    };
    if stored.is_some_and(Cache::is_redirected) {
        match asker::note(skb, sk, to) {
            Question::Asked => return Judgement::Known(Action::Permit),
            Question::Failed => return Judgement::New(Verdict::ERROR),
            Question::Elsewhere => {}
        }
    }
    if let Some(action) = stored.and_then(|cache| cache.verdict(word, to)) {
        return Judgement::Known(action);
    }
    // UDP has no connections: an answer cannot be told from a question.
    let is_stream = matches!(to.protocol, Protocol::Tcp);
    let is_answer = is_stream && stored.is_some_and(Cache::is_answering);
    if is_answer {
        let local = Local::of(sk);
        case.local = Endpoint {
            address: local.address,
            protocol: to.protocol,
            port: local.port,
        };
    }
    case.is_open = is_stream && state == ESTABLISHED;
    case.decide_answer(|| Socket {
        context: skb.cast(),
        agent: owner.tag.agent,
        local: Local::of(sk),
    });
    let verdict = case.verdict;
    if !is_answer && verdict.is_permission_of_a_rule() {
        permitted::remember(case.word, &case.to);
    } else if (case.is_open || !matches!(verdict.reason, Reason::SameAgent))
        // What TLS is told decides on.
        && !matches!(verdict.reason, Reason::NameByTls)
        // A peer of the same agent is one only as long as the connection is: without one, another
        // process can take its port. Without memory for it the next packet is decided again.
        && let Some(cache) = Cache::make(sk.cast())
    {
        cache.remember(case.word, &case.to, verdict.action);
    }
    Judgement::New(verdict)
}

#[inline(always)]
fn refuse_unknown(owner: &Owner) -> bool {
    let attempt = Attempt {
        tag: owner.tag,
        word: word(owner.tag.agent),
        cgroup: owner.cgroup,
        operation: Operation::Packet as u8,
        address: Address::MIN,
        port: 0,
        family: 0,
        socket_type: 0,
        protocol: 0,
    };
    settle(&attempt, Verdict::ERROR)
}
