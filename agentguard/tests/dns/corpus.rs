//! What fuzzing has found worth keeping, and what is made up here.

use std::{fs, path::Path};

use agentguard::dns::replay;
use proptest::prelude::*;

use crate::{
    fakes::A,
    stage::{edns_question, question},
    zone::zone,
};

#[test]
fn the_corpus_is_replayed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/dns_message");
    let mut count = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        replay(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 20, "{count} files");
}

/// Messages in good form of every kind.
fn messages() -> Vec<Vec<u8>> {
    let names = [
        "a.example",
        "alias.example",
        "loop.example",
        "mixed.example",
        "big.example",
        "text.example",
        "missing.example",
        "none.example",
        "broken.example",
        "short.example",
    ];
    let mut messages = vec![
        question("a.example", A),
        edns_question("a.example", 28, 1232),
    ];
    for name in names {
        for record_type in [1, 16, 28] {
            let asked =
                hickory_proto::op::Message::from_vec(&edns_question(name, record_type, 4096))
                    .unwrap();
            messages.extend(zone(&asked, true));
        }
    }
    messages
}

/// Writes the beginnings of the corpus: `cargo test -p agentguard --test dns -- --ignored write_corpus`.
#[test]
#[ignore = "it writes files of the project"]
fn write_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/dns_message");
    fs::create_dir_all(&corpus).unwrap();
    let mut all = messages();
    // A name that points to itself, and one that points into the header.
    for pointer in [[0xc0, 0x0c], [0xc0, 0x00]] {
        all.push(
            [
                &[0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0],
                &pointer[..],
                &[0, 1, 0, 1],
            ]
            .concat(),
        );
    }
    for (number, message) in all.iter().enumerate() {
        fs::write(corpus.join(format!("seed-{number:03}")), message).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        replay(&bytes);
    }

    #[test]
    fn damaged_messages_are_taken(which in any::<usize>(), changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..6), cut in any::<usize>()) {
        let all = messages();
        let mut message = all[which % all.len()].clone();
        for (at, byte) in changes {
            let length = message.len();
            message[at % length] = byte;
        }
        if cut % 4 == 0 {
            message.truncate(cut / 4 % (message.len() + 1));
        }
        replay(&message);
    }
}
