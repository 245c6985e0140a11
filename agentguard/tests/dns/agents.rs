//! What agents know: each for itself, by the rules as they are, as long as it holds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use agentguard::dns::{Agent, Askers, Config, Limits, Listener, Sockets};

use crate::{
    fakes::{A, Everybody, Log, Names, Table, address, rules},
    stage::{Stage, client, config, exchange, question},
    zone::zone,
};

const SECOND: u64 = 1_000_000_000;

#[tokio::test]
async fn each_agent_learns_for_itself() {
    let stage = Stage::new().await;
    let (table, log) = (Arc::new(Table::default()), Arc::new(Log::default()));
    let agent = Agent::new(
        8,
        Arc::new(Names::default()),
        table.clone(),
        Arc::clone(&stage.resolver),
        log,
    );
    let askers: Arc<dyn Askers> = Arc::new(Everybody {
        agent: 8,
        stranger: Mutex::default(),
    });
    let sockets = Sockets::bind().unwrap();
    let v4 = sockets.v4();
    let listener = Listener::start(&agent, &askers, sockets).unwrap();
    stage.ask("a.example", A).await;
    assert!(table.rules_of("192.0.2.1").is_none());
    exchange(&client(v4).await, &question("a.example", A))
        .await
        .unwrap();
    assert_eq!(
        table.rules_of("192.0.2.1"),
        Some(rules(&[1])),
        "also of what was in the cache"
    );
    assert_eq!(stage.upstream.seen().len(), 1);
    drop(listener);
}

#[tokio::test]
async fn an_asker_of_another_agent_is_a_stranger() {
    let stage = Stage::new().await;
    let askers: Arc<dyn Askers> = Arc::new(Everybody {
        agent: 9,
        stranger: Mutex::default(),
    });
    let sockets = Sockets::bind().unwrap();
    let socket = client(sockets.v4()).await;
    let _listener = Listener::start(&stage.agent, &askers, sockets).unwrap();
    socket.send(&question("a.example", A)).await.unwrap();
    let mut buffer = [0; 64];
    let answer = tokio::time::timeout(Duration::from_millis(100), socket.recv(&mut buffer)).await;
    assert!(answer.is_err());
    assert_eq!(stage.agent.stats().strangers, 1);
}

#[tokio::test]
async fn nothing_is_told_that_was_not_learned() {
    let stage = Stage::new().await;
    stage.table.is_full.store(true, Ordering::Relaxed);
    assert_eq!(stage.ask("a.example", A).await.code(), 2);
    stage.table.is_full.store(false, Ordering::Relaxed);
    stage.table.is_broken.store(true, Ordering::Relaxed);
    assert_eq!(stage.ask("a.example", A).await.code(), 2);
    stage.table.is_broken.store(false, Ordering::Relaxed);
    assert_eq!(stage.ask("a.example", A).await.addresses(), ["192.0.2.1"]);
    assert!(stage.table.rules_of("192.0.2.1").is_some());
    let stats = stage.agent.stats();
    assert_eq!((stats.full, stats.errors), (1, 1));
}

#[tokio::test]
async fn only_so_many_names_are_known() {
    let limits = Limits {
        names: 2,
        ..Limits::default()
    };
    let stage = Stage::with(Arc::new(zone), Config { limits, ..config() }).await;
    for name in ["a.example", "alias.example"] {
        assert_eq!(stage.ask(name, A).await.code(), 0);
    }
    assert_eq!(stage.ask("mixed.example", A).await.code(), 2);
    assert_eq!(
        stage.ask("a.example", A).await.code(),
        0,
        "what is known goes on"
    );
    assert_eq!(stage.agent.known_count(), (2, 2));
}

#[tokio::test]
async fn a_reload_judges_what_is_known_anew() {
    let stage = Stage::new().await;
    stage.ask("a.example", A).await;
    let new = Arc::new(Table::default());
    let names = Names(HashMap::from([("a.example", 5)]));
    stage.agent.replace(Arc::new(names), new.clone()).unwrap();
    assert_eq!(new.rules_of("192.0.2.1"), Some(rules(&[1, 5])));
    assert_eq!(
        new.expires_ns("192.0.2.1"),
        stage.table.expires_ns("192.0.2.1")
    );
    assert_eq!(new.names.lock().unwrap()["a.example"].0, rules(&[1, 5]));
    // The kernel may decide by either.
    stage.ask("alias.example", A).await;
    assert_eq!(new.rules_of("192.0.2.9"), Some(rules(&[1])));
    assert_eq!(stage.table.rules_of("192.0.2.9"), Some(rules(&[1])));
    stage.agent.settle();
    stage.ask("mixed.example", A).await;
    assert!(new.rules_of("192.0.2.3").is_some() && stage.table.rules_of("192.0.2.3").is_none());
}

#[tokio::test]
async fn a_reload_that_fails_changes_nothing() {
    let stage = Stage::new().await;
    stage.ask("a.example", A).await;
    let full = Table::default();
    full.is_full.store(true, Ordering::Relaxed);
    let names = || Arc::new(Names(HashMap::from([("b.test", 5)])));
    assert!(stage.agent.replace(names(), Arc::new(full)).is_err());
    assert_eq!(stage.ask("b.test", A).await.code(), 5);
    stage
        .agent
        .replace(names(), Arc::new(Table::default()))
        .unwrap();
    assert_eq!(stage.ask("b.test", A).await.code(), 0);
    stage.agent.revert();
    assert_eq!(stage.ask("b.test", A).await.code(), 5);
    stage.ask("alias.example", A).await;
    assert!(stage.table.rules_of("192.0.2.9").is_some());
}

#[tokio::test]
async fn what_has_ended_is_kept_for_open_connections_and_then_forgotten() {
    let stage = Stage::new().await;
    stage.ask("alias.example", A).await;
    let end_ns = stage.table.expires_ns("192.0.2.9");
    let known = stage.agent.known();
    assert_eq!(known[0].expires_ns, end_ns);
    stage.agent.tick(end_ns + SECOND);
    assert_eq!(
        stage.table.expires_ns("192.0.2.9"),
        end_ns,
        "it is there, and has ended"
    );
    let day_ns = 24 * 3600 * SECOND;
    stage.agent.tick(end_ns + day_ns - 1);
    assert!(stage.table.rules_of("192.0.2.9").is_some());
    stage.agent.tick(end_ns + day_ns);
    assert!(stage.table.rules_of("192.0.2.9").is_none());
    assert!(stage.table.names.lock().unwrap().is_empty());
    assert_eq!(stage.agent.known_count(), (0, 0));
}

#[tokio::test]
async fn an_address_has_the_rules_of_the_names_that_still_hold() {
    let upstream = crate::zone::Upstream::start(Arc::new(zone)).await;
    let resolver = agentguard::dns::Resolver::new(config(), vec![upstream.address]);
    let stage = Stage::of(
        upstream,
        resolver,
        Names(HashMap::from([("only-a.example", 9)])),
    );
    // 0 s to live, so the floor of 60 s counts, and then 300 s.
    stage.ask("short.example", A).await;
    let first_ns = stage.table.expires_ns("192.0.2.1");
    stage.ask("only-a.example", A).await;
    assert_eq!(stage.table.rules_of("192.0.2.1"), Some(rules(&[1, 9])));
    let last_ns = stage.table.expires_ns("192.0.2.1");
    assert!(last_ns > first_ns + 200 * SECOND);
    stage.agent.tick(first_ns);
    assert_eq!(stage.table.rules_of("192.0.2.1"), Some(rules(&[9])));
    assert_eq!(stage.table.expires_ns("192.0.2.1"), last_ns);
    assert_eq!(stage.agent.names_of(address("192.0.2.1")).len(), 2);
}

#[tokio::test]
async fn an_agent_can_only_ask_so_much() {
    let limits = Limits {
        questions: 10,
        forwarded: 3,
        ..Limits::default()
    };
    let stage = Stage::with(Arc::new(zone), Config { limits, ..config() }).await;
    let mut codes = Vec::new();
    for number in 0..5 {
        codes.push(stage.ask(&format!("n{number}.example"), A).await.code());
    }
    assert_eq!(codes[..3], [0, 0, 0]);
    assert!(codes.contains(&2), "{codes:?}");
    for _ in 0..40 {
        codes.push(stage.ask("evil.test", A).await.code());
    }
    assert!(codes.contains(&5) && codes.last() == Some(&2), "{codes:?}");
    assert!(stage.agent.stats().limited > 20);
}

#[tokio::test]
async fn a_name_whose_addresses_change_does_not_run_out_of_room() {
    use std::sync::atomic::AtomicU32;

    use crate::zone::{record, reply};

    let number = AtomicU32::new(0);
    let script: crate::zone::Script = Arc::new(move |question, _| {
        let mut reply = reply(question);
        let number = number.fetch_add(1, Ordering::Relaxed);
        let owner = question.queries[0].name().clone();
        reply.add_answer(record(&owner, 0, &format!("192.0.2.{number}")));
        vec![reply.to_vec().unwrap()]
    });
    let limits = Limits {
        addresses_of_name: 8,
        ..Limits::default()
    };
    // What was learned ends before the next question.
    let brief = Config {
        limits,
        floor: Duration::from_millis(1),
        grace: Duration::ZERO,
        ..config()
    };
    let stage = Stage::with(script, brief).await;
    for _ in 0..40 {
        assert_eq!(stage.ask("a.example", A).await.code(), 0);
        assert!(stage.table.addresses.lock().unwrap().len() <= 8);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(stage.table.rules_of("192.0.2.39").is_some());
}

#[tokio::test]
async fn a_name_that_makes_room_takes_its_rules_with_it() {
    use crate::zone::{record, reply};

    let script: crate::zone::Script = Arc::new(|question, _| {
        let mut reply = reply(question);
        let owner = question.queries[0].name().clone();
        let is_brief = owner.to_ascii().to_ascii_lowercase().starts_with("brief");
        let address = if is_brief || owner.to_ascii().to_ascii_lowercase().starts_with("only-a") {
            "192.0.2.1"
        } else {
            "192.0.2.2"
        };
        reply.add_answer(record(&owner, if is_brief { 0 } else { 300 }, address));
        vec![reply.to_vec().unwrap()]
    });
    let limits = Limits {
        names: 2,
        ..Limits::default()
    };
    let brief = Config {
        limits,
        floor: Duration::from_millis(1),
        grace: Duration::ZERO,
        ..config()
    };
    let upstream = crate::zone::Upstream::start(script).await;
    let resolver = agentguard::dns::Resolver::new(brief, vec![upstream.address]);
    let stage = Stage::of(
        upstream,
        resolver,
        Names(HashMap::from([("only-a.example", 9)])),
    );
    stage.ask("brief.example", A).await;
    stage.ask("only-a.example", A).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(stage.ask("c.example", A).await.code(), 0);
    assert_eq!(
        stage.table.rules_of("192.0.2.1"),
        Some(rules(&[9])),
        "before any tick"
    );
    assert_eq!(stage.agent.known_count(), (2, 2));
}
