//! Rules for files on a kernel without BPF LSM: Landlock, for what `agentguard run` starts.

use std::{
    fs,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    path::Path,
    process::Output,
    time::Duration,
};

use serde_json::Value;

use super::table::{paired, scenario};
use crate::{
    daemon::{Daemon, Launch, Status, message},
    ensure,
    error::{Context, Error, Outcome, failed},
    harness::{Group, Stage},
    host::{Scratch, cgroup, process::output},
    probe::Reading,
};

/// How long a command may take.
const LIMIT: Duration = Duration::from_mins(1);
/// Exit code: the host lacks what is needed.
const UNSUITABLE: i32 = 6;

/// The first version of Landlock's ABI that decides about …
const TRUNCATE: u64 = 3;
const SCOPES: u64 = 6;
const RESOLVE_UNIX: u64 = 9;

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "landlock",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        paired("files", |stage| control(stage, INSIDE), |stage| as_agent(stage, RULES, INSIDE)),
        paired("other-files", |stage| control(stage, OUTSIDE), |stage| as_agent(stage, RULES, OUTSIDE)),
        paired("deny-in-an-allowed-directory", |stage| control(stage, DENIED), |stage| as_agent(stage, DENY, DENIED)),
        paired("globs", |stage| control(stage, GLOBBED), |stage| as_agent(stage, GLOBS, GLOBBED)),
        paired("F04-symbolic-links", |stage| control(stage, LINKS), |stage| as_agent(stage, RULES, LINKS)),
        paired("F09-namespaces", |stage| control(stage, NAMESPACES), |stage| as_agent(stage, RULES, NAMESPACES)),
        paired("F15-by-procfs", |stage| control(stage, PROCFS), |stage| as_agent(stage, RULES, PROCFS)),
        paired("children", |stage| control(stage, CHILDREN), |stage| as_agent(stage, RULES, CHILDREN)),
        paired("processes-and-sockets", |stage| control(stage, BESIDE), |stage| as_agent(stage, RULES, BESIDE)),
        scenario("not-covered", uncovered),
        scenario("no-new-rights-by-executing", no_new_rights),
        scenario("observe-mode-applies-nothing", observed),
        scenario("required-files-refuse-to-start", required),
        scenario("required-files-refuse-to-reload", required_at_reload),
        scenario("status-says-what-is-covered", status),
        scenario("nobody-enters-who-does-not-apply-it", by_hand),
        scenario("what-is-left-out-is-said", left_out),
    ],
};

/// What each access becomes for the agent. In a path `$` is the case's directory, and `$$` the process id of
/// the suite; an untagged process may do all of it.
type Table = &'static [(&'static str, &'static str)];

const RULES: &str =
    "read = [\"$/ro/**\"]\nwrite = [\"$/rw/**\", \"$/single\"]\nexec = [\"$/bin/tool\"]\n";

const INSIDE: Table = &[
    ("read $/ro/file", "ok"),
    ("list $/ro", "ok"),
    ("list $/ro/sub", "ok"),
    ("read $/rw/file", "ok"),
    ("write $/rw/file", "ok"),
    ("truncate $/rw/file", "ok"),
    ("create $/rw/new", "ok"),
    ("rename $/rw/new $/rw/sub/new", "ok"),
    ("link $/rw/sub/new $/rw/linked", "ok"),
    ("remove $/rw/linked", "ok"),
    ("mkdir $/rw/dir", "ok"),
    ("rmdir $/rw/dir", "ok"),
    ("symlink x $/rw/symbolic", "ok"),
    ("fifo $/rw/fifo", "ok"),
    ("write $/single", "ok"),
    ("exec $/bin/tool", "ok"),
];

const OUTSIDE: Table = &[
    ("read $/out/file", "EACCES"),
    ("write $/out/file", "EACCES"),
    ("list $/out", "EACCES"),
    ("create $/out/new", "EACCES"),
    ("mkdir $/out/dir", "EACCES"),
    ("symlink x $/out/symbolic", "EACCES"),
    ("fifo $/out/fifo", "EACCES"),
    ("rename $/out/other $/out/renamed", "EACCES"),
    ("remove $/out/third", "EACCES"),
    ("rmdir $/out/empty", "EACCES"),
    ("exec $/out/tool", "EACCES"),
    ("write $/ro/file", "EACCES"),
    ("create $/ro/new", "EACCES"),
    ("exec $/ro/tool", "EACCES"),
    // Into where it may write, what it may only read, or not even that: it would gain by it.
    ("link $/ro/file $/rw/linked", "EXDEV"),
    ("link $/out/file $/rw/stolen", "EXDEV"),
    ("rename $/ro/sub $/rw/moved", "EACCES"),
    ("rename $/rw/sub $/out/moved", "EACCES"),
    // A file by itself: its directory is not the agent's.
    ("remove $/single", "EACCES"),
];

const DENY: &str = "read = [\"$/ro/**\"]\ndeny = [\"$/ro/sub/**\", \"$/ro/secret\"]\n";

const DENIED: Table = &[
    ("read $/ro/file", "ok"),
    ("read $/ro/deep/er/file", "ok"),
    ("list $/ro/deep", "ok"),
    ("read $/ro/secret", "EACCES"),
    ("read $/ro/sub/file", "EACCES"),
    ("list $/ro/sub", "EACCES"),
    // Narrower than the rules: Landlock cannot let it list this directory and not that one.
    ("list $/ro", "EACCES"),
];

const GLOBS: &str = "read = [\"$/ro/*.md\", \"$/ro/**/er/*\"]\nexec = [\"$/bin/to*\"]\n";

const GLOBBED: Table = &[
    ("read $/ro/a.md", "ok"),
    ("read $/ro/deep/er/file", "ok"),
    ("exec $/bin/tool", "ok"),
    ("read $/ro/file", "EACCES"),
    ("read $/ro/sub/file", "EACCES"),
    ("exec $/bin/other", "EACCES"),
];

const LINKS: Table = &[
    ("read $/rw/to-out", "EACCES"),
    ("write $/rw/to-out", "EACCES"),
    ("read $/rw/to-directory/file", "EACCES"),
    ("read $/out/to-ro/file", "ok"),
    ("symlink $/out/file $/rw/own", "ok"),
    ("read $/rw/own", "EACCES"),
];

const NAMESPACES: Table = &[
    ("mount $/out $/rw/mnt file", "EPERM"),
    ("chroot $/out /file", "EACCES"),
];

const PROCFS: Table = &[
    ("read /proc/self/root$/out/file", "EACCES"),
    ("read /proc/self/root$/ro/file", "ok"),
    ("read /proc/$$/root$/ro/file", "EACCES"),
    ("read /proc/$$/root$/out/file", "EACCES"),
    ("read /proc/$$/environ", "EACCES"),
    ("read /proc/1/mountinfo", "EACCES"),
];

const CHILDREN: Table = &[
    ("child", ""),
    ("read $/ro/file", "ok"),
    ("write $/rw/file", "ok"),
    ("read $/out/file", "EACCES"),
    ("write $/ro/file", "EACCES"),
    ("exec $/out/tool", "EACCES"),
];

const BESIDE: Table = &[
    ("signal $$", "EPERM"),
    ("connect-abstract agtest-$$", "EPERM"),
];

/// The files of a case.
fn tree(stage: &Stage) -> Outcome<Scratch> {
    let scratch = Scratch::new()?;
    let at = |path: &str| scratch.path().join(path);
    for directory in [
        "ro/sub",
        "ro/deep/er",
        "rw/sub",
        "rw/mnt",
        "out/empty",
        "bin",
    ] {
        fs::create_dir_all(at(directory)).context("make a tree")?;
    }
    for file in [
        "ro/file",
        "ro/a.md",
        "ro/secret",
        "ro/sub/file",
        "ro/deep/er/file",
        "rw/file",
        "out/file",
        "out/other",
        "out/third",
        "single",
    ] {
        fs::write(at(file), file).context("make a tree")?;
    }
    for tool in ["bin/tool", "bin/other", "ro/tool", "out/tool"] {
        fs::copy(stage.program(), at(tool)).context("copy the probe")?;
    }
    for (target, link) in [
        ("out/file", "rw/to-out"),
        ("out", "rw/to-directory"),
        ("ro", "out/to-ro"),
    ] {
        std::os::unix::fs::symlink(at(target), at(link)).context("make a link")?;
    }
    Ok(scratch)
}

fn spell(text: &str, directory: &Path) -> String {
    text.replace("$$", &std::process::id().to_string())
        .replace('$', &directory.display().to_string())
}

/// A scope with these lines in `[files]` that may run the probe.
fn scope(stage: &Stage, directory: &Path, agent: &str, rules: &str) -> String {
    let rules = if rules.contains("exec") {
        rules.replace(
            "exec = [",
            &format!("exec = [\"{}\", ", stage.program().display()),
        )
    } else {
        format!("exec = [\"{}\"]\n{rules}", stage.program().display())
    };
    format!(
        "[agent]\nname = \"bot\"\n{agent}\n[files]\n{}",
        spell(&rules, directory)
    )
}

const NETWORK_ONLY: &str = "require = [\"network\"]";

/// A daemon that uses Landlock.
fn daemon(stage: &Stage, scope: &str) -> Outcome<Daemon> {
    needs_no_lsm(stage)?;
    stage.start(&[("bot", scope)])
}

/// These cases are about hosts without BPF LSM.
fn needs_no_lsm(stage: &Stage) -> Outcome {
    let doctor = doctor(stage)?;
    match doctor.get("state").and_then(Value::as_str) {
        Some("active") => Err(Error::Skipped("this kernel has BPF LSM".into())),
        Some("degraded") => Ok(()),
        _ => Err(Error::Skipped("this kernel has no Landlock".into())),
    }
}

/// What `doctor` says about files.
fn doctor(stage: &Stage) -> Outcome<Value> {
    let mut command = std::process::Command::new(&stage.settings().program);
    let printed = output(command.args(["doctor", "--json"]), LIMIT)?;
    let found: Value = serde_json::from_slice(&printed.stdout)
        .map_err(|error| Error::Failed(format!("doctor does not print JSON: {error}")))?;
    let all = found.as_array().into_iter().flatten();
    all.into_iter()
        .find(|it| it.get("name").and_then(Value::as_str) == Some("files"))
        .cloned()
        .ok_or_else(|| Error::Failed(format!("doctor does not speak of files: {found}")))
}

/// The version of Landlock's ABI.
fn abi(stage: &Stage) -> Outcome<u64> {
    let found = doctor(stage)?;
    let detail = found
        .get("detail")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let number = detail.split("ABI ").nth(1).and_then(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    number.ok_or_else(|| Error::Failed(format!("no ABI is named: {detail}")))
}

fn control(stage: &Stage, table: Table) -> Outcome {
    let scratch = tree(stage)?;
    let _listener = listen(stage, table)?;
    let arguments = arguments(table, scratch.path());
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let reading = stage.try_untagged(&words)?;
    ensure!(
        reading.first_error().is_none(),
        "an ordinary process may not do it: {}",
        reading.summary()
    );
    ensure!(!reading.steps.is_empty(), "nothing was tried");
    Ok(())
}

fn as_agent(stage: &Stage, rules: &str, table: Table) -> Outcome {
    let scratch = tree(stage)?;
    let daemon = daemon(stage, &scope(stage, scratch.path(), NETWORK_ONLY, rules))?;
    let abi = abi(stage)?;
    let _listener = listen(stage, table)?;
    let arguments = arguments(table, scratch.path());
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let reading = stage.try_tagged(&daemon, "bot", &words)?;
    let expected = table.iter().filter(|(what, _)| *what != "child");
    let mut found = reading.steps.iter();
    for (what, result) in expected {
        let result = match what.split(' ').next() {
            Some("truncate") if abi < TRUNCATE => "ok",
            Some("signal" | "connect-abstract") if abi < SCOPES => "ok",
            _ => result,
        };
        let step = found.next();
        ensure!(
            step.is_some_and(|(_, found)| found == result),
            "{what}: {step:?}, and not {result}; {}",
            reading.summary()
        );
    }
    Ok(())
}

fn arguments(table: Table, directory: &Path) -> Vec<String> {
    let spelled = table.iter().map(|(what, _)| spell(what, directory));
    std::iter::once("accesses".to_owned())
        .chain(spelled)
        .collect()
}

/// The abstract socket of the suite, if the table has one: in the network namespace of those who try it.
fn listen(stage: &Stage, table: Table) -> Outcome<Option<UnixListener>> {
    if !table
        .iter()
        .any(|(what, _)| what.starts_with("connect-abstract"))
    {
        return Ok(None);
    }
    stage.world.near.run(|| {
        let name = format!("agtest-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name)?;
        Ok(Some(UnixListener::bind_addr(&address).context("listen")?))
    })
}

fn steps<'a>(reading: &'a Reading, what: &str) -> Outcome<&'a str> {
    let mut steps = reading.steps.iter();
    let step = steps.find(|(step, _)| step.split(' ').next() == Some(what));
    step.map(|(_, result)| result.as_str())
        .ok_or_else(|| Error::Failed(format!("{what} was not tried: {}", reading.summary())))
}

/// What the documentation says is not covered, is not; else it should not say so.
fn uncovered(stage: &Stage) -> Outcome {
    let scratch = tree(stage)?;
    let daemon = daemon(stage, &scope(stage, scratch.path(), NETWORK_ONLY, RULES))?;
    let socket = scratch.path().join("out/socket");
    let _listener = UnixListener::bind(&socket).context("listen")?;
    let words = [
        "accesses".to_owned(),
        format!("connect {}", socket.display()),
        spell("chmod $/out/file", scratch.path()),
        spell("exec-memory $/bin/tool", scratch.path()),
        "namespace".to_owned(),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let reading = stage.try_tagged(&daemon, "bot", &words)?;
    let by_path = if abi(stage)? < RESOLVE_UNIX {
        "ok"
    } else {
        "EACCES"
    };
    for (what, result) in [
        ("connect", by_path),
        ("chmod", "ok"),
        ("exec-memory", "ok"),
        ("namespace", "ok"),
    ] {
        let found = steps(&reading, what)?;
        ensure!(found == result, "{what}: {found}, and not {result}");
    }
    Ok(())
}

/// A program with the set-user-id bit gains nothing.
fn no_new_rights(stage: &Stage) -> Outcome {
    let scratch = tree(stage)?;
    let daemon = daemon(stage, &scope(stage, scratch.path(), NETWORK_ONLY, RULES))?;
    let reading = stage.try_tagged(&daemon, "bot", &["no-new-privileges"])?;
    ensure!(
        reading.facts.get("no_new_privileges") == Some(&true.into()),
        "it may gain rights: {reading:?}"
    );
    Ok(())
}

/// Landlock can only refuse: an agent in observe mode is told so, and runs.
fn observed(stage: &Stage) -> Outcome {
    let scratch = tree(stage)?;
    let agent = format!("mode = \"observe\"\n{NETWORK_ONLY}");
    let daemon = daemon(stage, &scope(stage, scratch.path(), &agent, RULES))?;
    let read = spell("read $/out/file", scratch.path());
    let printed = output(
        &mut stage.tagged(&daemon, "bot", &["accesses", &read]),
        LIMIT,
    )?;
    let reading = Reading::parse(&String::from_utf8_lossy(&printed.stdout))?;
    ensure!(
        reading.first_error().is_none(),
        "it is refused: {}",
        reading.summary()
    );
    ensure!(
        message(&printed).contains("observe mode needs BPF LSM"),
        "it is not said: {}",
        message(&printed)
    );
    let files = files_of(&daemon.status()?, "bot")?;
    ensure!(
        files.get("state").and_then(Value::as_str) == Some("unsupported"),
        "status: {files}"
    );
    Ok(())
}

/// A scope that requires files, or says nothing about it, does not start.
fn required(stage: &Stage) -> Outcome {
    needs_no_lsm(stage)?;
    let scratch = tree(stage)?;
    for agent in [
        "",
        "require = [\"network\", \"files\"]",
        "require = [\"files\"]",
    ] {
        let text = scope(stage, scratch.path(), agent, RULES);
        let settings = stage.settings();
        let own = cgroup::mount_point()?.join(&settings.cgroup);
        let ended = match Daemon::launch(settings, &[("bot", &text)])? {
            Launch::Enforcing(_) => return failed(format!("the daemon starts with `{agent}`")),
            Launch::Ended(output) => output,
        };
        lacks(&ended)?;
        ensure!(!own.exists(), "the daemon has left its cgroup");
    }
    Ok(())
}

/// Nor is it loaded: everything stays as it was.
fn required_at_reload(stage: &Stage) -> Outcome {
    let scratch = tree(stage)?;
    let good = scope(stage, scratch.path(), NETWORK_ONLY, RULES);
    let daemon = daemon(stage, &good)?;
    let before = daemon.status()?;
    daemon.write_scope(
        "bot",
        &scope(stage, scratch.path(), "", "read = [\"/**\"]\n"),
    )?;
    daemon.write_scope("other", "[agent]\nname = \"other\"\n")?;
    lacks(&daemon.cli(&["reload"])?)?;
    let after = daemon.status()?;
    ensure!(after.agent("other").is_none(), "the other scope was loaded");
    let policy = |status: &Status| {
        let agent = status.agent("bot");
        agent.and_then(|agent| agent.get("policy")).cloned()
    };
    ensure!(
        policy(&before).is_some() && policy(&before) == policy(&after),
        "the scope was replaced"
    );
    let read = spell("read $/out/file", scratch.path());
    let reading = stage.try_tagged(&daemon, "bot", &["accesses", &read])?;
    ensure!(
        steps(&reading, "read")? == "EACCES",
        "the old rules do not hold: {}",
        reading.summary()
    );
    // The same scopes without the requirement.
    daemon.write_scope("bot", &good)?;
    daemon.reload()?;
    ensure!(
        daemon.status()?.agent("other").is_some(),
        "nothing is loaded"
    );
    Ok(())
}

fn lacks(ended: &Output) -> Outcome {
    let said = message(ended);
    ensure!(
        ended.status.code() == Some(UNSUITABLE),
        "it ends with {}: {said}",
        ended.status
    );
    for part in ["bot.toml: ", "'bot'", "BPF LSM", "require = [\"network\"]"] {
        ensure!(said.contains(part), "`{part}` is not said: {said}");
    }
    Ok(())
}

fn files_of(status: &Status, agent: &str) -> Outcome<Value> {
    let agent = status.agent(agent);
    let files = agent.and_then(|agent| agent.get("files")).cloned();
    files.ok_or_else(|| Error::Failed(format!("status says nothing about files: {agent:?}")))
}

fn status(stage: &Stage) -> Outcome {
    needs_no_lsm(stage)?;
    let scratch = tree(stage)?;
    let declared = format!(
        "{}\n[match]\ncgroups = [\"/agtest-landlock\"]\n",
        scope(stage, scratch.path(), NETWORK_ONLY, RULES).replace("\"bot\"", "\"declared\"")
    );
    let daemon = stage.start(&[
        ("bot", &scope(stage, scratch.path(), NETWORK_ONLY, RULES)),
        ("plain", "[agent]\nname = \"plain\"\n"),
        ("declared", &declared),
    ])?;
    let answer = daemon.status()?;
    for (agent, said) in [
        ("bot", "only processes started by `agentguard run`"),
        ("declared", "NOT the units and cgroups"),
    ] {
        let files = files_of(&answer, agent)?;
        let text = |key: &str| files.get(key).and_then(Value::as_str).unwrap_or_default();
        ensure!(
            text("state") == "degraded" && text("detail").contains(said),
            "{agent}: {files}"
        );
        ensure!(!text("remedy").is_empty(), "no remedy: {files}");
    }
    ensure!(
        files_of(&answer, "plain").is_err(),
        "an agent without rules for files has a protection"
    );
    let printed = daemon.cli(&["status"])?;
    let text = String::from_utf8_lossy(&printed.stdout);
    for part in [
        "files: degraded (Landlock",
        "FILES",
        "bot       enforce  degraded",
    ] {
        ensure!(text.contains(part), "`{part}` is not shown: {text}");
    }
    Ok(())
}

/// A process that asks the API by hand, and would not apply the rules, is not let in.
fn by_hand(stage: &Stage) -> Outcome {
    let scratch = tree(stage)?;
    let daemon = daemon(stage, &scope(stage, scratch.path(), NETWORK_ONLY, RULES))?;
    let socket = daemon.socket().display().to_string();
    let request = "POST /v1/agents/bot/enter";
    let reading = stage.try_untagged(&["control-socket", &socket, request])?;
    let answer = reading.facts.get("answer").and_then(Value::as_str);
    ensure!(
        answer.is_some_and(|answer| answer.contains(" 422")),
        "it is answered {answer:?}"
    );
    Ok(())
}

/// What the rules permit and Landlock does not is no riddle.
fn left_out(stage: &Stage) -> Outcome {
    let scratch = tree(stage)?;
    let daemon = daemon(stage, &scope(stage, scratch.path(), NETWORK_ONLY, DENY))?;
    let run = |arguments: &[&str]| -> Outcome<String> {
        let mut command = daemon.command(&["run"]);
        command.args(arguments).arg(stage.program());
        let printed = output(command.args(["probe", "exit", "0"]), LIMIT)?;
        ensure!(printed.status.success(), "{}", message(&printed));
        Ok(message(&printed))
    };
    let said = run(&["bot", "--"])?;
    ensure!(
        said.lines().count() == 1 && said.contains("leaves out 1 path that the scope permits"),
        "it says: {said}"
    );
    let said = run(&["--verbose", "bot", "--"])?;
    let expected = spell("files: $/ro (read): the directory itself", scratch.path());
    ensure!(said.contains(&expected), "it says: {said}");
    Ok(())
}
