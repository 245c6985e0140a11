//! The records, letter by letter.

use std::path::Path;

use agentguard::{
    events::enrich::ProcessFacts,
    log::{Body, DaemonEvent, Growth, Record, RuleRef, Violation, ViolationContext, render},
};
use agentguard_common::decision::{Action, Reason};

use super::common::{context, event, open, records};

fn text(body: Body) -> String {
    let record = Record {
        time: "2026-11-22T10:00:00.123456Z".to_owned(),
        boot_us: 1_234_567,
        body,
        truncated: Vec::new(),
    };
    String::from_utf8(render(record).unwrap()).unwrap()
}

#[test]
fn a_violation_with_every_field() {
    let mut event = event(5432);
    (event.pid, event.tid, event.uid) = (4242, 4243, 1000);
    (event.rule, event.reason) = (1, Reason::Rule as u8);
    let process = ProcessFacts {
        ppid: Some(4000),
        exe: Some("/usr/bin/curl".to_owned()),
        cmdline: Some("curl \u{1b}[31m \u{202e}x \"q\"".to_owned()),
        cmdline_cut: false,
        cgroup: Some("/elsewhere".to_owned()),
        exited: false,
    };
    let violation = Violation::new(
        &event,
        &ViolationContext {
            agent: "research-bot",
            owner: Some("data@example.com"),
            text: b"",
            names: None,
            rule: Some(RuleRef {
                text: "deny 10.0.0.0/24",
                file: Path::new("/etc/agentguard/agents.d/research-bot.toml"),
                line: 12,
            }),
            process: Some(&process),
            cgroup: Some("/agents.slice/research-bot.service/work"),
        },
    );
    assert_eq!(
        text(Body::Violation(Box::new(violation))),
        concat!(
            r#"{"time":"2026-11-22T10:00:00.123456Z","boot_us":1234567,"kind":"violation","#,
            r#""verdict":"refused","operation":"connect","agent":"research-bot","#,
            r#""owner":"data@example.com","instance":"70","reason":"rule","#,
            r#""rule":"deny 10.0.0.0/24","#,
            r#""rule_file":"/etc/agentguard/agents.d/research-bot.toml","rule_line":12,"#,
            r#""policy":3,"destination":"10.0.0.1:5432","dst_ip":"10.0.0.1","dst_port":5432,"#,
            r#""protocol":"tcp","socket_type":"stream","pid":4242,"tid":4243,"ppid":4000,"#,
            r#""uid":1000,"comm":"curl","exe":"/usr/bin/curl","#,
            r#""cmdline":"curl \u001b[31m \u202ex \"q\"","#,
            r#""cgroup":"/agents.slice/research-bot.service/work","unit":"research-bot.service"}"#,
        )
    );
}

#[test]
fn a_violation_of_which_little_is_known() {
    let mut event = event(0);
    (event.operation, event.socket_type, event.protocol) = (4, 3, 1);
    (event.action, event.reason) = (Action::Observe as u8, Reason::Protocol as u8);
    event.pid = 7;
    let gone = ProcessFacts {
        exited: true,
        ..ProcessFacts::default()
    };
    let violation = Violation::new(
        &event,
        &ViolationContext {
            process: Some(&gone),
            ..context("bot")
        },
    );
    assert_eq!(
        text(Body::Violation(Box::new(violation))),
        concat!(
            r#"{"time":"2026-11-22T10:00:00.123456Z","boot_us":1234567,"kind":"violation","#,
            r#""verdict":"observed","operation":"socket","agent":"bot","instance":"70","#,
            r#""reason":"protocol","policy":3,"protocol":"raw","socket_type":"raw","#,
            r#""pid":7,"tid":0,"uid":0,"comm":"curl","exited":true}"#,
        )
    );
}

#[test]
fn the_other_kinds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    let (log, thread) = open(&path);
    log.daemon(DaemonEvent::Start, "confining 2 agents", 2);
    log.daemon(DaemonEvent::ReloadFailed, "", 2);
    log.growth(
        "bot",
        Growth {
            lost: 3,
            repeated: 4,
        },
    );
    log.growth(
        "bot",
        Growth {
            lost: 2,
            repeated: 0,
        },
    );
    log.growth("quiet", Growth::default());
    thread.close();

    let records = records(&path);
    let of = |kind: &str, key: &str| -> u64 {
        let of_kind = records.iter().filter(|record| record["kind"] == kind);
        of_kind.map(|record| record[key].as_u64().unwrap()).sum()
    };
    assert_eq!((of("loss", "lost"), of("repeat", "repeated")), (5, 4));
    assert_eq!(records[0]["event"], "start");
    assert_eq!(records[0]["message"], "confining 2 agents");
    assert_eq!(records[0]["agents"], 2);
    assert_eq!(records[0]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(records[1]["event"], "reload-failed");
    assert_eq!(records[1].get("message"), None);
    for (record, seq) in records.iter().zip(1..) {
        assert_eq!(
            (record["v"].as_u64(), record["seq"].as_u64()),
            (Some(1), Some(seq))
        );
        assert!(record["time"].is_string() && record["boot_us"].is_u64());
        assert_ne!(record["agent"], "quiet");
    }
}
