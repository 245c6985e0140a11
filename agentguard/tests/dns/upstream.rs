//! How upstream servers are asked, and what is believed.

use std::{collections::HashSet, sync::Arc};

use agentguard::dns::Resolver;

use crate::{
    fakes::{A, Names},
    stage::{Stage, config, exchange, question},
    zone::{Script, Upstream, name, record, reply, zone},
};

#[tokio::test]
async fn each_question_has_its_own_socket_id_and_case() {
    let stage = Stage::new().await;
    for number in 0..20 {
        stage
            .ask(&format!("some-long-name-{number}.example"), A)
            .await;
    }
    let seen = stage.upstream.seen();
    assert_eq!(seen.len(), 20);
    let ports: HashSet<_> = seen.iter().map(|seen| seen.from.port()).collect();
    let ids: HashSet<_> = seen.iter().map(|seen| seen.message[..2].to_vec()).collect();
    let cases: HashSet<_> = seen
        .iter()
        .map(|seen| seen.message[13..22].to_vec())
        .collect();
    assert!(
        ports.len() > 15 && ids.len() > 15 && cases.len() > 15,
        "{ports:?} {ids:?} {cases:?}"
    );
    for seen in &seen {
        assert!(
            !seen.is_tcp
                && seen
                    .message
                    .ends_with(&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]),
            "EDNS, 1232 bytes"
        );
    }
}

#[tokio::test]
async fn what_answers_something_else_is_ignored() {
    let script: Script = Arc::new(|question, is_tcp| {
        let forge = |change: &dyn Fn(&mut hickory_proto::op::Message)| {
            let mut forged = reply(question);
            change(&mut forged);
            let owner = forged
                .queries
                .first()
                .map_or_else(|| name("a.example"), |query| query.name().clone());
            forged.add_answer(record(&owner, 300, "192.0.2.66"));
            forged.to_vec().unwrap()
        };
        let mut messages = vec![
            forge(&|forged| forged.metadata.id ^= 1),
            forge(&|forged| {
                forged.queries[0].set_name(name("b.example"));
            }),
            forge(&|forged| forged.queries.clear()),
            vec![0; 7],
        ];
        messages.extend(zone(question, is_tcp));
        messages
    });
    let stage = Stage::with(script, config()).await;
    assert_eq!(stage.ask("a.example", A).await.addresses(), ["192.0.2.1"]);
    assert_eq!(stage.resolver.stats().foreign, 4);
    assert!(stage.table.rules_of("192.0.2.66").is_none());
}

#[tokio::test]
async fn an_answer_in_another_case_is_asked_for_over_tcp() {
    let script: Script = Arc::new(|question, is_tcp| {
        let mut messages = zone(question, is_tcp);
        if !is_tcp {
            messages[0][12..]
                .iter_mut()
                .for_each(|byte| *byte ^= 0x20 * u8::from(byte.is_ascii_alphabetic()));
        }
        messages
    });
    let stage = Stage::with(script, config()).await;
    assert_eq!(stage.ask("a.example", A).await.addresses(), ["192.0.2.1"]);
    assert!(stage.upstream.seen().iter().any(|seen| seen.is_tcp));
}

#[tokio::test]
async fn who_guesses_long_is_asked_over_tcp() {
    let script: Script = Arc::new(|question, is_tcp| {
        let mut messages = zone(question, is_tcp);
        if !is_tcp {
            messages[0][0] ^= 1;
            messages = vec![messages[0].clone(); 20];
        }
        messages
    });
    let stage = Stage::with(script, config()).await;
    assert_eq!(stage.ask("a.example", A).await.addresses(), ["192.0.2.1"]);
    assert_eq!(stage.resolver.stats().foreign, 8);
}

#[tokio::test]
async fn the_next_server_is_asked_if_one_is_silent_or_unable() {
    let silent = Upstream::start(Arc::new(|_, _| Vec::new())).await;
    let broken = Upstream::start(Arc::new(|question, _| {
        let mut reply = reply(question);
        reply.metadata.response_code = hickory_proto::op::ResponseCode::ServFail;
        vec![reply.to_vec().unwrap()]
    }))
    .await;
    let good = Upstream::start(Arc::new(zone)).await;
    // A port where nothing listens: the kernel says so at once.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let servers = vec![nobody, silent.address, broken.address, good.address];
    let resolver = Resolver::new(config(), servers);
    let stage = Stage::of(good, resolver, Names::default());
    assert_eq!(stage.ask("a.example", A).await.addresses(), ["192.0.2.1"]);
    stage.ask("b.example", A).await;
    assert_eq!(
        silent.seen().len(),
        1,
        "the one that has answered is asked first from then on"
    );
}

#[tokio::test]
async fn no_answer_is_a_failure() {
    let stage = Stage::new().await;
    assert_eq!(stage.ask("broken.example", A).await.code(), 2);
    assert_eq!(stage.ask("silent.example", A).await.code(), 2);
    assert_eq!(stage.agent.stats().failed, 2);
    stage.resolver.set_servers(Vec::new());
    assert_eq!(stage.ask("a.example", A).await.code(), 2);
}

#[tokio::test]
async fn an_old_server_is_asked_without_edns() {
    let script: Script = Arc::new(|question, is_tcp| {
        if question.edns.is_none() {
            return zone(question, is_tcp);
        }
        let mut bytes = question.to_vec().unwrap();
        bytes.truncate(12);
        bytes[2..].copy_from_slice(&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        vec![bytes]
    });
    let stage = Stage::with(script, config()).await;
    assert_eq!(stage.ask("a.example", A).await.addresses(), ["192.0.2.1"]);
}

#[tokio::test]
async fn the_same_question_is_asked_once() {
    let is_first = std::sync::atomic::AtomicBool::new(true);
    // Everybody asks before it is asked a second time.
    let script: Script = Arc::new(move |question, is_tcp| {
        if is_first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            return Vec::new();
        }
        zone(question, is_tcp)
    });
    let stage = Stage::with(script, config()).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let socket = stage.client().await;
        socket.send(&question("short.example", A)).await.unwrap();
        clients.push(socket);
    }
    for socket in &clients {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).await.unwrap();
        assert_eq!(
            crate::stage::Answer::new(buffer[..length].to_vec()).addresses(),
            ["192.0.2.1"]
        );
    }
    assert_eq!(stage.upstream.seen().len(), 2);
    assert_eq!(stage.resolver.stats().joined, 19);
}

#[tokio::test]
async fn other_servers_are_other_answers() {
    let stage = Stage::new().await;
    stage.ask("a.example", A).await;
    let moved = Upstream::start(Arc::new(|question: &hickory_proto::op::Message, _| {
        let mut reply = reply(question);
        let owner = question.queries[0].name().clone();
        reply.add_answer(record(&owner, 300, "192.0.2.77"));
        vec![reply.to_vec().unwrap()]
    }))
    .await;
    stage.resolver.set_servers(vec![stage.upstream.address]);
    assert_eq!(stage.resolver.cached_answers(), 1, "nothing has changed");
    stage.resolver.set_servers(vec![moved.address]);
    let socket = stage.client().await;
    assert_eq!(
        exchange(&socket, &question("a.example", A))
            .await
            .unwrap()
            .addresses(),
        ["192.0.2.77"]
    );
}
