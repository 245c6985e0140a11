//! What a client tells TLS on a connection that was permitted by a name: the server name must be one that permits it.
//!
//! The first bytes of the stream say it. As long as there are none, packets pass; then a verdict is kept with the
//! socket, as of any other destination, and what was said is kept beside it for the day that the scope changes.
//!
//! Each part is a function of its own, for all of them together would not fit on the stack.

use agentguard_common::{
    decision::{Verdict, decide_server_name},
    rules::RuleSet,
    tls::{Hello, Kind, MAX_EXTENSIONS, Span, Walk},
};
use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    cty::c_void,
};

use super::{
    cache::Cache,
    case::Case,
    payload::Payload,
    peer::NoPeer,
    scope::Scope,
    told::{Server, Told},
};
use crate::files::walk::repeat;

/// Decides on a packet whose destination is
/// [permitted by a name](agentguard_common::decision::Reason::NameByTls). `false` if nothing was said yet, and the packet
/// may go.
#[inline(always)]
pub fn check(skb: *mut __sk_buff, sk: *mut bpf_sock, case: &mut Case) -> bool {
    case.verdict = Verdict::ERROR;
    // What was said is never without a verdict: whoever looks for the one finds the other.
    let Some(cache) = Cache::make(sk.cast()) else {
        return true;
    };
    let is_known = Told::of(sk.cast()).is_some_and(Told::is_known);
    if !is_known {
        match listen(skb, sk) {
            NOTHING => return false,
            SOMETHING => {}
            _ => return true,
        }
    }
    if let Some(told) = Told::of(sk.cast()) {
        judge(case, told.0);
        cache.remember(case.word, &case.to, case.verdict.action);
    }
    true
}

/// Forgets what was said on a connection: its socket makes another.
#[inline(always)]
pub fn forget(sk: *mut c_void) {
    if let Some(told) = Told::of(sk) {
        told.forget();
    }
}

/// The packet says nothing.
const NOTHING: u32 = 0;
/// It says something, which is noted.
const SOMETHING: u32 = 1;
/// It cannot be told what it says, or there is no memory to note it.
const FAILED: u32 = 2;

/// Notes what a packet says.
#[inline(never)]
fn listen(skb: *mut __sk_buff, sk: *mut bpf_sock) -> u32 {
    let Some(payload) = Payload::of(skb) else {
        return FAILED;
    };
    if payload.is_empty() {
        return NOTHING;
    }
    let (kind, span) = beginning(&payload, sk);
    let Some(told) = Told::make(sk.cast()) else {
        return FAILED;
    };
    told.note(skb, kind, span);
    SOMETHING
}

/// What the first bytes say, and where in the packet the name is.
#[inline(always)]
fn beginning(payload: &Payload, sk: *mut bpf_sock) -> (Kind, Span) {
    if !payload.begins(sk) {
        return (Kind::Unseen, Span::NONE);
    }
    // What the server takes out of the stream would make another hello of this one.
    if payload.is_urgent() {
        return (Kind::Malformed, Span::NONE);
    }
    let hello = read(payload);
    match hello {
        Hello::Name(span) | Hello::Encrypted(span) => {
            let at = payload.offset(span.at);
            (hello.kind(), Span { at, ..span })
        }
        _ => (hello.kind(), Span::NONE),
    }
}

/// The extensions that are read, in callbacks of `bpf_loop`.
#[repr(C)]
struct Reading {
    payload: Payload,
    walk: Walk,
    /// The [kind](Kind) of what stopped it, plus one; 0 if nothing did.
    stopped: u32,
}

#[inline(always)]
fn read(payload: &Payload) -> Hello {
    let walk = match Walk::begin(payload) {
        Ok(walk) => walk,
        Err(hello) => return hello,
    };
    let mut reading = Reading {
        payload: *payload,
        walk,
        stopped: 0,
    };
    repeat(MAX_EXTENSIONS, extension, &mut reading);
    match reading.stopped {
        0 => reading.walk.finish(),
        BAD_NAME => Hello::BadName,
        SPLIT => Hello::Split,
        _ => Hello::Malformed,
    }
}

const BAD_NAME: u32 = Kind::BadName as u32 + 1;
const SPLIT: u32 = Kind::Split as u32 + 1;

extern "C" fn extension(_: u64, reading: *mut Reading) -> i64 {
    // SAFETY: the context of the loop.
    let reading = unsafe { &mut *reading };
    match reading.walk.step(&reading.payload) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(hello) => {
            reading.stopped = hello.kind() as u32 + 1;
            1
        }
    }
}

/// Decides whether what was said permits the destination.
#[inline(never)]
fn judge(case: &mut Case, told: *mut Server) {
    let told = Told(told);
    let Some(scope) = Scope::open(case.word, &NoPeer) else {
        return;
    };
    let scope = scope.of_open(true);
    // Only a name that was understood can be among those that permit.
    let named = if told.kind() == Kind::Name as u8 {
        scope.named(told.name())
    } else {
        Some(RuleSet::EMPTY)
    };
    if let Some(named) = named {
        case.verdict = decide_server_name(&scope, &case.to, named);
    }
}
