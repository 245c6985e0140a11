//! Questions, answers and exit codes.

use std::path::Path;

use agentguard_common::{path::Access, protocol::Protocol};

use super::*;

const SCOPE: &str = "[agent]\nname = \"bot\"\n[network]\n\
                     allow = [\"10.0.0.0/8:443\", { to = \"192.0.2.1\", mode = \"observe\" }]\n\
                     deny = [\"10.1.0.0/16\"]\n";

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bot.toml");
    std::fs::write(&file, text).unwrap();
    (directory, file)
}

/// The exit code and the text of an answer, without the directory.
fn ask(to: &str) -> (ExitCode, String) {
    let (directory, file) = file(SCOPE);
    let answer = offline(&file, "bot", to, Protocol::Tcp).unwrap();
    let mut out = Vec::new();
    render(&answer, false, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    (
        exit_code(&answer),
        out.replace(&format!("{}/", directory.path().display()), ""),
    )
}

#[test]
fn answers_are_text_and_an_exit_code() {
    for (to, code, text) in [
        (
            "10.0.0.1:443",
            ExitCode::Done,
            "permitted: bot connect tcp 10.0.0.1:443\n  rule: allow 10.0.0.0/8:443 (bot.toml:4)\n",
        ),
        (
            "10.1.0.1:443",
            ExitCode::Refused,
            "refused: bot connect tcp 10.1.0.1:443\n  rule: deny 10.1.0.0/16 (bot.toml:5)\n",
        ),
        (
            "[2001:db8::1]:1",
            ExitCode::Refused,
            "refused: bot connect tcp [2001:db8::1]:1\n  rule: none allows it\n",
        ),
        (
            "192.0.2.1:1",
            ExitCode::Observed,
            "observed: bot connect tcp 192.0.2.1:1\n  rule: allow 192.0.2.1 (bot.toml:4)\n",
        ),
        (
            "[::]:80",
            ExitCode::Refused,
            "refused: bot connect tcp [::1]:80\n  rule: none allows it\n  note: :: means ::1; \
             permitted if the peer is a process of the same agent\n",
        ),
    ] {
        assert_eq!(ask(to), (code, text.to_owned()), "{to}");
    }
}

const FILES: &str = "[agent]\nname = \"bot\"\nprofiles = [\"base\"]\n[files]\n\
                     read = [\"/srv/papers/**\"]\nwrite = [{ path = \"/srv/out/**\", mode = \"observe\" }]\n\
                     deny = [\"**/.env\", \"/srv/\\u001b*\"]\nexec = [\"/srv/bin/*\"]\n\
                     [sockets]\nconnect = [\"@bus*\"]\n";

/// As [`ask`], about a path.
fn ask_path(scope: &str, path: &str, access: Access) -> (ExitCode, String) {
    let (directory, file) = file(scope);
    let answer = offline_path(&file, "bot", path, access).unwrap();
    let mut out = Vec::new();
    render(&answer, false, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    (
        exit_code(&answer),
        out.replace(&format!("{}/", directory.path().display()), ""),
    )
}

#[test]
fn files_and_sockets_are_explained() {
    for (path, access, code, text) in [
        (
            "/srv/papers/a/b.pdf",
            Access::Read,
            ExitCode::Done,
            "permitted: bot open read /srv/papers/a/b.pdf\n  rule: read /srv/papers/** (bot.toml:5)\n",
        ),
        (
            "/srv/papers/a",
            Access::Write,
            ExitCode::Refused,
            "refused: bot open write /srv/papers/a\n  rule: none allows it\n",
        ),
        (
            "/srv/papers/./x/../.env",
            Access::Read,
            ExitCode::Refused,
            "refused: bot open read /srv/papers/.env\n  rule: deny **/.env (bot.toml:7)\n  \
             note: /srv/papers/./x/../.env is /srv/papers/.env\n",
        ),
        (
            "/srv/out/x",
            Access::Write,
            ExitCode::Observed,
            "observed: bot open write /srv/out/x\n  rule: write /srv/out/** (bot.toml:6)\n",
        ),
        (
            "/srv/bin/tool",
            Access::Exec,
            ExitCode::Done,
            "permitted: bot exec /srv/bin/tool\n  rule: exec /srv/bin/* (bot.toml:8)\n",
        ),
        (
            "@bus/1",
            Access::Connect,
            ExitCode::Done,
            "permitted: bot connect-unix @bus/1\n  rule: connect @bus* (bot.toml:10)\n",
        ),
        (
            "/run/x.sock",
            Access::Connect,
            ExitCode::Refused,
            "refused: bot connect-unix /run/x.sock\n  rule: none allows it\n  \
             note: permitted if it is a socket of the same agent\n",
        ),
        (
            "/srv/\u{1b}[31m\n",
            Access::Read,
            ExitCode::Refused,
            "refused: bot open read /srv/\u{fffd}[31m\u{fffd}\n  rule: deny /srv/\u{fffd}* (bot.toml:7)\n",
        ),
    ] {
        assert_eq!(ask_path(FILES, path, access), (code, text.to_owned()));
    }
    let (code, text) = ask_path(FILES, "/dev/null", Access::Write);
    assert_eq!(code, ExitCode::Done);
    assert!(
        text.starts_with(
            "permitted: bot open write /dev/null\n  rule: write /dev/null (profile base:"
        ),
        "{text}"
    );
}

#[test]
fn links_on_the_way_are_followed() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().canonicalize().unwrap().join("real");
    let link = real.with_file_name("link");
    std::os::unix::fs::symlink("real", &link).unwrap();
    let scope = format!("[agent]\nname = \"bot\"\n[files]\ndeny = [{link:?}]\nread = [\"/**\"]\n");
    let (link, real) = (link.display(), real.display());
    assert_eq!(
        ask_path(&scope, &link.to_string(), Access::Read),
        (
            ExitCode::Refused,
            format!(
                "refused: bot open read {real}\n  rule: deny {link} (bot.toml:4)\n  \
                 note: {link} is {real}; the rule is compared as {real}\n"
            )
        )
    );
}

#[test]
fn a_scope_without_rules_for_files_confines_none() {
    assert_eq!(
        ask_path(SCOPE, "/etc/shadow", Access::Write),
        (
            ExitCode::Done,
            "permitted: bot open write /etc/shadow\n  reason: not-confined\n  note: the scope has no \
             [files], [sockets], [process] or profiles, so it confines no files\n"
                .to_owned()
        )
    );
}

#[test]
fn paths_are_absolute() {
    let (_directory, file) = file(FILES);
    for (path, access, message) in [
        (
            "a",
            Access::Read,
            "\"a\" is no absolute path; write it from the root on, as in \"/srv/papers/a.pdf\"",
        ),
        (
            "@a",
            Access::Read,
            "\"@a\" is no absolute path; write it from the root on, as in \"/srv/papers/a.pdf\"",
        ),
        (
            "",
            Access::Read,
            "\"\" is no absolute path; write it from the root on, as in \"/srv/papers/a.pdf\"",
        ),
        (
            "@",
            Access::Connect,
            "\"@\" names no abstract socket; write \"@name\"",
        ),
        ("/a\0b", Access::Exec, "a path cannot hold a NUL character"),
    ] {
        let error = offline_path(&file, "bot", path, access).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.exit_code(), ExitCode::Usage);
    }
    let here = std::env::current_dir().unwrap().join("a/b");
    assert_eq!(absolute("a/b", ExplainAccess::Read), here.to_str().unwrap());
    assert_eq!(absolute("/a", ExplainAccess::Read), "/a");
    assert_eq!(absolute("@a", ExplainAccess::Connect), "@a");
    let at = std::env::current_dir().unwrap().join("@a");
    assert_eq!(absolute("@a", ExplainAccess::Exec), at.to_str().unwrap());
}

#[test]
fn answers_are_json() {
    let (_directory, file) = file(SCOPE);
    let answer = offline(&file, "bot", "10.0.0.1:443", Protocol::Tcp).unwrap();
    let mut out = Vec::new();
    render(&answer, true, &mut out).unwrap();
    assert!(out.ends_with(b"}\n"));
    assert_eq!(serde_json::from_slice::<Explanation>(&out).unwrap(), answer);

    let (_directory, file) = self::file(FILES);
    let answer = offline_path(&file, "bot", "/srv/bin/tool", Access::Exec).unwrap();
    let json = serde_json::to_value(&answer).unwrap();
    let expected = serde_json::json!({
        "agent": "bot", "operation": "exec", "path": "/srv/bin/tool", "access": "exec",
        "verdict": "permitted", "reason": "rule", "rule": "exec /srv/bin/*",
        "rule_file": file.display().to_string(), "rule_line": 8,
    });
    assert_eq!(json, expected);
}

#[test]
fn questions_without_an_answer_have_an_exit_code() {
    let (_directory, good) = file(SCOPE);
    let (_other, bad) = file("[agent]\nname = \"bot\"\nx = 1\ny = 2\n");
    let error = |file: &Path, agent: &str, to: &str| {
        let error = offline(file, agent, to, Protocol::Tcp).unwrap_err();
        (error.exit_code(), error.to_string())
    };
    let (code, text) = error(&bad, "bot", "10.0.0.1:1");
    assert_eq!((code, text.lines().count()), (ExitCode::InvalidScope, 2));
    assert!(text.contains("bot.toml:3:1: unknown key \"x\""), "{text}");
    let (code, text) = error(&good, "cat", "10.0.0.1:1");
    assert_eq!(code, ExitCode::Usage);
    assert!(
        text.ends_with(
            "declares the agent \"bot\", not \"cat\"; ask for that one, or give its file"
        ),
        "{text}"
    );
    let (code, text) = error(&good, "bot", "exa mple.com:1");
    assert_eq!(code, ExitCode::Usage);
    assert_eq!(
        text,
        "a name cannot hold the character ' '; expected letters, digits, \"-\" and \"_\""
    );
}
