//! `agentguard tail`.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use agentguard::{
    cli::tail::{TailError, TailOptions, tail},
    log::{
        DaemonEvent, Growth,
        escape::{is_printable, printable},
    },
};
use agentguard_common::event::Operation;
use serde_json::Value;

use super::common::{context, event, open};

pub(crate) fn options(log: &Path) -> TailOptions {
    TailOptions {
        log: log.to_owned(),
        agent: None,
        follow: false,
        json: false,
        lines: 20,
        color: false,
    }
}

/// What is shown while the steps are taken, one between every two looks.
pub(crate) fn shown(options: &TailOptions, steps: Vec<Box<dyn FnOnce() + '_>>) -> String {
    let mut out = Vec::new();
    let mut steps = steps.into_iter();
    tail(options, &mut out, &mut || {
        steps.next().map_or(ControlFlow::Break(()), |step| {
            step();
            ControlFlow::Continue(())
        })
    })
    .unwrap();
    String::from_utf8(out).unwrap()
}

fn once(options: &TailOptions) -> String {
    shown(options, Vec::new())
}

pub(crate) fn line(n: u32) -> String {
    format!("{{\"v\":1,\"kind\":\"loss\",\"agent\":\"a{n}\",\"lost\":{n}}}\n")
}

pub(crate) fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The agents of the lines that were shown.
pub(crate) fn agents(shown: &str) -> Vec<String> {
    shown
        .lines()
        .map(|line| line.split(' ').nth(1).unwrap().to_owned())
        .collect()
}

pub(crate) fn log() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("v.jsonl");
    (directory, path)
}

#[test]
fn people_see_who_what_where_and_why() {
    let (_directory, path) = log();
    let (log, thread) = open(&path);
    let mut by_curl = event(443);
    (by_curl.pid, by_curl.tid) = (42, 42);
    by_curl.comm[..8].copy_from_slice(b"cu\x1b[2Jrl");
    let process = agentguard::events::enrich::ProcessFacts {
        exe: Some("/tmp/\u{202e}x".to_owned()),
        ..Default::default()
    };
    let file = Path::new("/etc/agentguard/agents.d/bot.toml");
    log.violation(
        &by_curl,
        &agentguard::log::ViolationContext {
            text: b"",
            rule: Some(agentguard::log::RuleRef {
                text: "deny 10.0.0.0/8",
                file,
                line: 3,
            }),
            process: Some(&process),
            ..context("bot")
        },
    );
    log.violation(&event(80), &context("other"));
    let mut raw = event(0);
    raw.operation = Operation::Socket as u8;
    (raw.socket_type, raw.protocol) = (3, 255);
    log.violation(&raw, &context("other"));
    log.daemon(DaemonEvent::Stop, "bye", 1);
    log.growth(
        "bot",
        Growth {
            lost: 7,
            repeated: 8,
        },
    );
    thread.close();

    let all = once(&options(&path));
    let lines: Vec<_> = all
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    let rest: Vec<_> = lines.iter().map(|(_, rest)| *rest).collect();
    assert_eq!(
        rest,
        [
            r"bot refused connect tcp 10.0.0.1:443 (deny 10.0.0.0/8) cu\u{1b}[2Jrl[42] /tmp/\u{202e}x",
            "other refused connect tcp 10.0.0.1:80 (no rule)",
            "other refused socket raw (no rule)",
            "agentguard stop (1 agent) bye",
            "bot lost 7 events: the kernel's buffer was full",
            "bot refused 8 packets again",
        ]
    );
    for (time, _) in lines {
        assert!(
            time.len() == 8 && time.parse::<jiff::civil::Time>().is_ok(),
            "{time}"
        );
    }
    assert_eq!(
        agents(&once(&TailOptions {
            agent: Some("bot".to_owned()),
            ..options(&path)
        })),
        ["bot", "bot", "bot"]
    );
    assert_eq!(
        agents(&once(&TailOptions {
            lines: 2,
            ..options(&path)
        })),
        ["bot", "bot"]
    );
    assert_eq!(
        once(&TailOptions {
            lines: 0,
            ..options(&path)
        }),
        ""
    );
    let color = once(&TailOptions {
        color: true,
        ..options(&path)
    });
    assert!(color.contains("\u{1b}[31mrefused\u{1b}[0m"), "{color}");
    let json = once(&TailOptions {
        json: true,
        ..options(&path)
    });
    assert_eq!(json, fs::read_to_string(&path).unwrap());
}

/// Each kind of operation has its own fields.
#[test]
fn what_is_no_destination_is_shown_too() {
    let (_directory, path) = log();
    for fields in [
        r#""operation":"open","access":"read","path":"/etc/shadow","reason":"no-rule""#,
        r#""operation":"exec","access":"exec","path":"/usr/bin/ls","reason":"no-rule""#,
        r#""operation":"connect-unix","access":"connect","path":"@bus","reason":"no-rule""#,
        r#""operation":"socket","family":"packet","protocol":"3","socket_type":"raw","reason":"protocol""#,
        r#""operation":"option","option":"SO_BINDTODEVICE","reason":"never""#,
        r#""operation":"signal","signal":9,"target_pid":1,"reason":"never""#,
        r#""operation":"trace","target_pid":1,"reason":"never""#,
        r#""operation":"bpf","command":5,"reason":"never""#,
        r#""operation":"mount","reason":"never""#,
    ] {
        let head = r#"{"v":1,"kind":"violation","verdict":"refused","agent":"bot""#;
        append(&path, &format!("{head},{fields}}}\n"));
    }
    let all = once(&options(&path));
    let rest: Vec<_> = all
        .lines()
        .map(|line| line.split_once(" bot refused ").unwrap().1)
        .collect();
    assert_eq!(
        rest,
        [
            "open read /etc/shadow (no rule)",
            "exec /usr/bin/ls (no rule)",
            "connect-unix @bus (no rule)",
            "socket packet 3 raw (no rule can allow it)",
            "option SO_BINDTODEVICE (never)",
            "signal 9 process 1 (never)",
            "trace process 1 (never)",
            "bpf command 5 (never)",
            "mount (never)",
        ]
    );
}

#[test]
fn lines_that_are_no_records_are_shown_escaped() {
    let (_directory, path) = log();
    let hostile = b"\x1b]0;x\x07 \xff {\"kind\":\n".as_slice();
    let no_kind = "{\"a\":1}\n\u{9b}\n".as_bytes();
    let valid = "{\"kind\":\"x\u{202e}\",\t\"agent\":\"a\"}\n{\"v\":1,\"se".as_bytes();
    fs::write(&path, [hostile, no_kind, valid].concat()).unwrap();
    for agent in [None, Some("a".to_owned())] {
        let human = once(&TailOptions {
            agent,
            ..options(&path)
        });
        let lines: Vec<_> = human.lines().collect();
        assert_eq!(lines.len(), 5, "{human}");
        assert_eq!(lines[0], r#"not a record: \u{1b}]0;x\u{7} � {"kind":"#);
        assert_eq!(lines[1], r#"not a record: {"a":1}"#);
        assert_eq!(lines[2], r"not a record: \u{9b}");
        assert!(
            lines[3].starts_with("--:--:-- a {") && lines[3].contains(r"x\u{202e}"),
            "{human}"
        );
        assert_eq!(lines[4], r#"not a record: {"v":1,"se"#);
        assert!(human.lines().flat_map(str::chars).all(is_printable));
    }
    let json = once(&TailOptions {
        json: true,
        ..options(&path)
    });
    let lines: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[2]["unparseable"], printable("\u{9b}"));
    assert_eq!(lines[3]["kind"], "x\u{202e}");
    assert!(json.lines().flat_map(str::chars).all(is_printable));
}

#[test]
fn the_last_lines_are_found_in_a_long_log() {
    let (_directory, path) = log();
    let mut text = line(1);
    text.extend((0..60_000).map(|_| line(2)));
    text.push_str(&line(3));
    fs::write(&path, text).unwrap();
    let of = |agent: &str| TailOptions {
        agent: Some(agent.to_owned()),
        ..options(&path)
    };
    assert_eq!(agents(&once(&of("a1"))), ["a1"]);
    assert_eq!(agents(&once(&of("a3"))), ["a3"]);
    assert_eq!(agents(&once(&of("a2"))).len(), 20);
    assert_eq!(
        agents(&once(&TailOptions {
            lines: usize::MAX,
            ..options(&path)
        }))
        .len(),
        60_002
    );
    assert_eq!(
        agents(&once(&TailOptions {
            lines: 2,
            ..options(&path)
        })),
        ["a2", "a3"]
    );
}

#[test]
fn an_endless_line_takes_little_memory() {
    let (_directory, path) = log();
    fs::write(
        &path,
        [vec![b'x'; 3 << 20], b"\n".to_vec(), line(1).into_bytes()].concat(),
    )
    .unwrap();
    let text = once(&options(&path));
    assert!(text.ends_with("a1 lost 1 event: the kernel's buffer was full\n"));
    assert!(text.lines().all(|line| line.chars().count() < 8100));
}

#[test]
fn a_log_that_is_missing_is_an_error() {
    let (_directory, path) = log();
    let mut wait = || ControlFlow::Break(());
    let error = tail(&options(&path), &mut Vec::new(), &mut wait).unwrap_err();
    assert!(matches!(error, TailError::Open { .. }));
    assert!(error.to_string().contains("v.jsonl"), "{error}");
}
