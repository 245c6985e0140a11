//! Which questions are answered, and how the others are refused.

use std::time::Duration;

use agentguard::dns::Detail;
use agentguard_common::decision::{Action, Reason};
use tokio::time::timeout;

use crate::{
    fakes::{A, AAAA, HTTPS, TXT, address, rules},
    stage::{Stage, client, edns_question, exchange, question},
};

const REFUSED: u16 = 5;

#[tokio::test]
async fn a_permitted_name_is_learned_and_answered() {
    let stage = Stage::new().await;
    let answer = stage.ask("A.eXample", A).await;
    assert_eq!(
        (answer.code(), answer.addresses()),
        (0, vec!["192.0.2.1".to_owned()])
    );
    assert_eq!(stage.table.rules_of("192.0.2.1"), Some(rules(&[1])));
    assert_eq!(
        stage.table.names.lock().unwrap()["a.example"].0,
        rules(&[1])
    );
    // The question is echoed as it was, whatever the case in which the server was asked.
    let asked = question("A.eXample", A);
    assert_eq!(answer.bytes[..2], asked[..2]);
    assert_eq!(answer.bytes[12..asked.len()], asked[12..]);
    assert_eq!(
        answer.message.answers[0].ttl, 300,
        "what is left of it, the last second whole"
    );

    assert_eq!(
        stage.ask("a.example", AAAA).await.addresses(),
        ["2001:db8::1"]
    );
    assert_eq!(stage.table.rules_of("2001:db8::1"), Some(rules(&[1])));
    assert!(stage.log.take().is_empty());
    assert_eq!(
        stage.agent.names_of(address("192.0.2.1")),
        ["a.example".into()]
    );
}

#[tokio::test]
async fn a_name_outside_the_scope_goes_nowhere() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        let answer = stage.ask("secret.evil.TEST", A).await;
        assert_eq!((answer.code(), answer.message.answers.len()), (REFUSED, 0));
    }
    assert!(stage.upstream.seen().is_empty());
    assert!(stage.table.addresses.lock().unwrap().is_empty());
    let first = stage.log.take();
    let repetitions: Vec<_> = first.iter().map(|it| it.is_repetition).collect();
    assert_eq!(repetitions, [false, true, true], "each is counted at once");
    assert_eq!(first[0].name, "secret.evil.test");
    assert_eq!((first[0].asker.pid, first[0].detail), (42, Detail::Name));
    assert_eq!(
        (first[0].verdict.action, first[0].verdict.reason),
        (Action::Refuse, Reason::NoRule)
    );
    stage.agent.tick(u64::MAX / 2);
    assert_eq!(stage.ask("secret.evil.TEST", A).await.code(), REFUSED);
    let later = stage.log.take();
    assert!(
        later.len() == 1 && !later[0].is_repetition,
        "a second later"
    );
    assert_eq!(stage.agent.stats().refused, 4);
}

#[tokio::test]
async fn what_is_no_question_is_refused_and_recorded() {
    let stage = Stage::new().await;
    let mut two = question("a.example", A);
    two[5] = 2;
    let mut update = question("a.example", A);
    update[2] = 0x28;
    let mut chaos = question("a.example", A);
    *chaos.last_mut().unwrap() = 3;
    let mut dotted = question("axb.example", A);
    dotted[14] = b'.';
    let longer = [question("a.example", A), vec![0]].concat();
    for (message, code, detail) in [
        (two, 1, Detail::Form),
        (longer, 1, Detail::Form),
        (update, 4, Detail::Operation),
        (chaos, REFUSED, Detail::Class),
        (dotted, REFUSED, Detail::Characters),
        (question("a.example", 255), REFUSED, Detail::Type),
        (question("a.example", 252), REFUSED, Detail::Type),
    ] {
        let answer = stage.send(&message).await.unwrap();
        assert_eq!(answer.code(), code, "{detail:?}");
        assert_eq!(answer.bytes[..2], [0x12, 0x34]);
        let records = stage.log.take();
        assert_eq!((records.len(), records[0].detail), (1, detail));
        assert_eq!(records[0].verdict.reason, Reason::Question);
    }
    assert!(stage.upstream.seen().is_empty());
}

#[tokio::test]
async fn answers_and_scraps_are_not_answered() {
    let stage = Stage::new().await;
    let mut answer = question("a.example", A);
    answer[2] |= 0x80;
    for message in [answer, vec![0; 11], vec![1]] {
        let socket = stage.client().await;
        socket.send(&message).await.unwrap();
        let mut buffer = [0; 64];
        assert!(
            timeout(Duration::from_millis(100), socket.recv(&mut buffer))
                .await
                .is_err()
        );
    }
    assert_eq!(stage.agent.stats().ignored, 3);
}

#[tokio::test]
async fn strangers_are_not_answered() {
    let stage = Stage::new().await;
    let socket = stage.client().await;
    *stage.everybody.stranger.lock().unwrap() = Some(socket.local_addr().unwrap().port());
    socket.send(&question("a.example", A)).await.unwrap();
    let mut buffer = [0; 64];
    assert!(
        timeout(Duration::from_millis(100), socket.recv(&mut buffer))
            .await
            .is_err()
    );
    assert_eq!(stage.agent.stats().strangers, 1);
    assert!(stage.upstream.seen().is_empty());
}

#[tokio::test]
async fn other_types_need_a_rule() {
    let stage = Stage::new().await;
    assert_eq!(stage.ask("a.example", TXT).await.code(), REFUSED);
    let records = stage.log.take();
    assert_eq!(
        (records[0].record_type, records[0].verdict.reason),
        (TXT, Reason::Question)
    );
    let answer = stage.ask("text.example", TXT).await;
    assert_eq!((answer.code(), answer.message.answers.len()), (0, 1));
    assert!(stage.table.addresses.lock().unwrap().is_empty());
}

#[tokio::test]
async fn services_are_answered_with_nothing() {
    let stage = Stage::new().await;
    let answer = stage.ask("a.example", HTTPS).await;
    assert_eq!((answer.code(), answer.message.answers.len()), (0, 0));
    assert_eq!(stage.ask("a.test", HTTPS).await.code(), REFUSED);
    assert!(stage.upstream.seen().is_empty());
}

#[tokio::test]
async fn observed_names_are_answered_and_recorded() {
    let stage = Stage::new().await;
    assert_eq!(
        stage.ask("observed.test", A).await.addresses(),
        ["192.0.2.1"]
    );
    let records = stage.log.take();
    assert_eq!(
        (records.len(), records[0].verdict.action),
        (1, Action::Observe)
    );
    assert_eq!(stage.agent.stats().refused, 0);
}

#[tokio::test]
async fn edns_is_answered_with_edns() {
    let stage = Stage::new().await;
    let answer = stage
        .send(&edns_question("a.example", A, 4096))
        .await
        .unwrap();
    let edns = answer.message.edns.as_ref().unwrap();
    assert_eq!(
        (edns.version(), edns.max_payload(), edns.flags().dnssec_ok),
        (0, 1232, true)
    );
    assert!(stage.ask("a.example", A).await.message.edns.is_none());
    // Why it was refused, for people who look: 18 is "prohibited".
    let refused = stage.send(&edns_question("a.test", A, 4096)).await.unwrap();
    assert!(
        refused.bytes.ends_with(&[0, 15, 0, 2, 0, 18]),
        "{:?}",
        refused.bytes
    );
    let mut newer = edns_question("a.example", A, 4096);
    let at = newer.len() - 5;
    newer[at] = 1;
    let answer = stage.send(&newer).await.unwrap();
    assert_eq!(
        answer.message.edns.as_ref().unwrap().rcode_high(),
        1,
        "BADVERS"
    );
}

#[tokio::test]
async fn questions_come_over_ipv6_too() {
    let stage = Stage::new().await;
    let Some(v6) = stage.v6 else { return };
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    let answer = exchange(&client(v6).await, &question("a.example", A))
        .await
        .unwrap();
    assert_eq!(answer.addresses(), ["192.0.2.1"]);
}
