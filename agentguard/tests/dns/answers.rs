//! What is passed on of an answer, and what is learned of it.

use agentguard::dns::Detail;
use agentguard_common::decision::{Action, Reason};
use hickory_proto::rr::RecordType;

use crate::{
    fakes::{A, AAAA, address, rules},
    stage::{Stage, edns_question},
};

#[tokio::test]
async fn the_end_of_aliases_is_learned_for_the_name_that_was_asked() {
    let stage = Stage::new().await;
    let answer = stage.ask("Alias.example", A).await;
    let shown: Vec<_> = answer
        .message
        .answers
        .iter()
        .map(|record| (record.name.to_ascii(), record.record_type(), record.ttl))
        .collect();
    assert_eq!(
        shown,
        [
            ("Alias.example.".to_owned(), RecordType::CNAME, 20),
            ("middle.other.".to_owned(), RecordType::CNAME, 20),
            ("end.other.".to_owned(), RecordType::A, 20),
        ],
        "in order, with the shortest time to live"
    );
    assert_eq!(answer.addresses(), ["192.0.2.9"]);
    assert_eq!(
        stage.table.addresses.lock().unwrap().len(),
        1,
        "nothing that was not asked for"
    );
    let names: Vec<_> = stage.table.names.lock().unwrap().keys().cloned().collect();
    assert_eq!(names, ["alias.example"]);
}

#[tokio::test]
async fn aliases_without_end_are_no_answer() {
    let stage = Stage::new().await;
    assert_eq!(stage.ask("loop.example", A).await.code(), 2);
}

#[tokio::test]
async fn private_addresses_of_public_names_are_taken_out() {
    let stage = Stage::new().await;
    assert_eq!(
        stage.ask("mixed.example", A).await.addresses(),
        ["192.0.2.3"]
    );
    let records = stage.log.take();
    let taken: Vec<_> = records
        .iter()
        .map(|record| record.address.unwrap())
        .collect();
    assert_eq!(taken, [address("10.0.0.1"), address("127.0.0.1")]);
    for record in &records {
        assert_eq!(
            (record.verdict.action, record.verdict.reason),
            (Action::Refuse, Reason::Rebinding)
        );
        assert_eq!(
            (record.detail, record.name.as_str(), record.verdict.rule),
            (Detail::Private, "mixed.example", 1)
        );
    }
    assert_eq!(
        stage.ask("mixed.example", AAAA).await.addresses(),
        ["2001:db8::3"],
        "in every spelling"
    );
    assert_eq!(stage.log.take().len(), 3);
    assert_eq!(stage.agent.stats().private, 5);
    assert_eq!(stage.table.addresses.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_is_left_of_private_addresses_alone() {
    let stage = Stage::new().await;
    let answer = stage
        .send(&edns_question("inside.example", A, 1232))
        .await
        .unwrap();
    assert_eq!((answer.code(), answer.message.answers.len()), (0, 0));
    assert!(answer.bytes.ends_with(&[0, 15, 0, 2, 0, 17]), "filtered");
    assert!(stage.table.addresses.lock().unwrap().is_empty());
    assert_eq!(stage.log.take().len(), 1);
}

#[tokio::test]
async fn a_rule_can_accept_private_addresses_for_itself() {
    let stage = Stage::new().await;
    assert_eq!(
        stage.ask("private.example", A).await.addresses(),
        ["10.0.0.5"]
    );
    assert_eq!(
        stage.table.rules_of("10.0.0.5"),
        Some(rules(&[2])),
        "not for the rule that does not"
    );
    assert!(stage.log.take().is_empty());
}

#[tokio::test]
async fn that_there_is_nothing_is_passed_on() {
    let stage = Stage::new().await;
    let answer = stage.ask("missing.example", A).await;
    assert_eq!(
        (
            answer.code(),
            answer.message.answers.len(),
            answer.message.authorities.len()
        ),
        (3, 0, 1)
    );
    assert_eq!(
        answer.message.authorities[0].ttl, 30,
        "as the SOA record says, at most"
    );
    let answer = stage.ask("empty.example", A).await;
    assert_eq!((answer.code(), answer.message.authorities.len()), (0, 1));
    let asked = stage.upstream.seen().len();
    stage.ask("missing.example", A).await;
    stage.ask("empty.example", A).await;
    assert_eq!(stage.upstream.seen().len(), asked, "it is remembered");
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_over_tcp() {
    let stage = Stage::new().await;
    let answer = stage.ask("big.example", A).await;
    assert!(answer.message.metadata.truncation);
    assert!(answer.bytes.len() <= 512 && answer.message.answers.is_empty());
    let answer = stage
        .send(&edns_question("big.example", A, 4096))
        .await
        .unwrap();
    assert!(!answer.message.metadata.truncation);
    assert_eq!(answer.addresses().len(), 100);
    let answer = stage
        .send(&edns_question("big.example", A, 100))
        .await
        .unwrap();
    assert!(answer.message.metadata.truncation);
}

#[tokio::test]
async fn answers_are_remembered_as_long_as_they_hold() {
    let stage = Stage::new().await;
    stage.ask("a.example", A).await;
    let written = stage
        .table
        .writes
        .load(std::sync::atomic::Ordering::Relaxed);
    for _ in 0..10 {
        stage.ask("A.EXAMPLE", A).await;
    }
    assert_eq!(stage.upstream.seen().len(), 1);
    assert_eq!(
        stage
            .table
            .writes
            .load(std::sync::atomic::Ordering::Relaxed),
        written,
        "nor is it written again"
    );
    stage.ask("short.example", A).await;
    stage.ask("short.example", A).await;
    assert_eq!(
        stage.upstream.seen().len(),
        3,
        "what holds for no time is asked each time"
    );
}

#[tokio::test]
async fn addresses_of_a_name_that_does_not_exist_are_judged_too() {
    let stage = Stage::new().await;
    assert_eq!(
        stage.ask("liar.example", A).await.addresses(),
        ["192.0.2.50"]
    );
    assert!(stage.table.rules_of("192.0.2.50").is_some());
    assert_eq!(stage.log.take().len(), 1);
}
