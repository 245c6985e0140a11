//! Whatever comes first is understood as a second parser understands it.

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path};

use agentguard_common::tls::Kind;
use proptest::{
    collection::vec,
    prelude::*,
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

#[path = "tls/agreement.rs"]
mod agreement;
#[path = "tls/clients.rs"]
mod clients;
#[path = "tls/message.rs"]
mod message;

use clients::CLIENTS;
use message::{Message, server_name};

/// What is done to a message on its way.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    /// Near the beginning, where the lengths are.
    SetEarly(usize, u8),
    /// A number of two bytes becomes a little more or less.
    Add(Index, i8),
    Remove(Index),
    Insert(Index, u8),
    Cut(Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let Some(last @ 1..) = bytes.len().checked_sub(1) else {
            return;
        };
        match self {
            Self::Set(at, byte) => bytes[at.index(last + 1)] = *byte,
            Self::SetEarly(at, byte) => bytes[(*at).min(last)] = *byte,
            Self::Add(at, difference) => {
                let at = at.index(last);
                let number = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
                let number = number.wrapping_add_signed(i16::from(*difference));
                bytes[at..at + 2].copy_from_slice(&number.to_be_bytes());
            }
            Self::Remove(at) => drop(bytes.remove(at.index(last + 1))),
            Self::Insert(at, byte) => bytes.insert(at.index(last + 1), *byte),
            Self::Cut(at) => bytes.truncate(at.index(last) + 1),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (0_usize..48, 0_u8..48).prop_map(|(at, byte)| Change::SetEarly(at, byte)),
        (any::<Index>(), -3_i8..4).prop_map(|(at, by)| Change::Add(at, by)),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<Index>().prop_map(Change::Cut),
    ]
}

fn extension() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let bytes = |most| vec(any::<u8>(), 0..most);
    prop_oneof![
        3 => "[a-zA-Z0-9.-]{1,40}".prop_map(|name| server_name(name.as_bytes())),
        1 => bytes(254).prop_map(|name| server_name(&name)),
        1 => prop_oneof![Just(0_usize), 254_usize..260].prop_map(|length| server_name(&vec![b'a'; length])),
        1 => bytes(12).prop_map(|body| (0, body)),
        1 => bytes(40).prop_map(|body| (0xfe0d, body)),
        8 => (1_u16..70, bytes(60)),
        1 => (any::<u16>(), bytes(20)),
    ]
}

fn extensions() -> impl Strategy<Value = Option<Vec<(u16, Vec<u8>)>>> {
    let others = vec((1_u16..70, vec(any::<u8>(), 0..4)), 55..70);
    prop_oneof![
        1 => Just(None),
        12 => vec(extension(), 0..5).prop_map(Some),
        1 => (others, extension()).prop_map(|(mut all, one)| {
            all.push(one);
            Some(all)
        }),
    ]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let session = prop_oneof![Just(32_usize), Just(0), 0_usize..36];
    let suites = prop_oneof![4 => Just(4_usize), 1 => 0_usize..9];
    let compression = prop_oneof![9 => Just(1_usize), 1 => 0_usize..3];
    let after = prop_oneof![3 => Just(0_usize), 1 => 0_usize..30];
    (session, suites, compression, extensions(), after).prop_map(
        |(session, suites, compression, extensions, after)| {
            Message {
                session: vec![1; session],
                suites: vec![2; suites],
                compression: vec![0; compression],
                extensions,
                after: vec![23; after],
            }
            .encode()
        },
    )
}

/// All but [`Kind::Unseen`], which is no hello.
const KINDS: usize = Kind::ALL.len() - 1;

#[test]
fn it_agrees_with_a_naive_parser_on_whatever_comes() {
    const CASES: u32 = 40_000;
    let real = (0..CLIENTS.len()).prop_map(|client| CLIENTS[client].1.to_vec());
    let strategy = (
        prop_oneof![3 => message().boxed(), 1 => real.boxed()],
        prop_oneof![1 => Just(Vec::new()).boxed(), 1 => vec(change(), 1..4).boxed()],
    );
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let counts = RefCell::new(BTreeMap::<Kind, u32>::new());
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner
        .run(&strategy, |(mut bytes, changes)| {
            for change in &changes {
                change.apply(&mut bytes);
            }
            let kind = agreement::check(&bytes);
            *counts.borrow_mut().entry(kind).or_default() += 1;
            Ok(())
        })
        .unwrap();
    let counts = counts.into_inner();
    assert_eq!(counts.values().sum::<u32>(), CASES);
    assert_eq!(counts.len(), KINDS, "{counts:?}");
    for (kind, count) in &counts {
        assert!(*count >= 400, "{kind:?}: {counts:?}");
    }
}

#[test]
fn it_agrees_on_what_the_fuzzer_found() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/client_hello");
    let mut counts = BTreeMap::<Kind, u32>::new();
    for file in fs::read_dir(corpus).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        *counts.entry(agreement::check(&bytes)).or_default() += 1;
    }
    // A corpus without one of them would have been lost in part.
    assert_eq!(counts.len(), KINDS, "{counts:?}");
}
