//! Real programs: as agents with the profiles that are for them, and as nobody's while agents are confined.

use std::{
    fs,
    process::{Command, Output},
    time::Duration,
};

use super::around::ALLOWED;
use crate::{
    cases::{
        story::{has, only},
        table::scenario,
    },
    daemon::message,
    ensure,
    error::{Context, Error, Outcome, failed},
    harness::{Group, Stage},
    host::process::{self, Running},
    systemd::Service,
};

const AGENT: &str = "worker";
/// What the agents work on.
const WORK: &str = "/srv/work";
/// A compiler in an emulated machine takes its time.
const LIMIT: Duration = Duration::from_mins(5);

pub(super) const GROUP: Group = Group {
    name: "programs",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("profile-base", |stage| attempt(stage, &BASE)),
        scenario("profile-shell", |stage| attempt(stage, &SHELL)),
        scenario("profile-python", |stage| attempt(stage, &PYTHON)),
        scenario("profile-node", |stage| attempt(stage, &NODE)),
        scenario("profile-git", |stage| attempt(stage, &GIT)),
        scenario("work-outside-every-scope", outside),
    ],
};

/// What is tried with a profile.
struct Trial {
    profiles: &'static str,
    /// Rules for programs beside those of the profile.
    exec: &'static str,
    /// Commands that do their work.
    works: &'static [&'static [&'static str]],
    /// Commands that reach for something: operation and path of the one record.
    reaches: &'static [(&'static [&'static str], &'static str, &'static str)],
}

const SECRET: &str = "/etc/shadow";
const BUS: &str = "/run/dbus/system_bus_socket";

const BASE: Trial = Trial {
    profiles: "[\"base\"]",
    exec: "[\"/usr/bin/cat\", \"/usr/bin/date\", \"/usr/bin/getent\"]",
    works: &[&["cat", "hello"], &["date"], &["getent", "passwd", "bob"]],
    reaches: &[
        (&["cat", SECRET], "open", SECRET),
        (&["/usr/bin/ls"], "exec", "/usr/bin/ls"),
    ],
};

const SHELL: Trial = Trial {
    profiles: "[\"base\", \"shell\"]",
    exec: "[]",
    works: &[
        &[
            "sh",
            "-ec",
            "for i in 3 1 2; do echo $i; done | sort > sorted; test \"$(head -1 sorted)\" = 1",
        ],
        &[
            "bash",
            "-ec",
            "mkdir -p d; cp hello d/; tar -cz d > d.tar.gz; rm -r d; tar -xzf d.tar.gz; cmp hello d/hello",
        ],
        &[
            "bash",
            "-ec",
            "find . -type f | xargs sha256sum | awk '{ print $2 }' | grep -q hello; (sleep 5 & kill $!)",
        ],
    ],
    reaches: &[
        (&["sh", "-c", "cat /etc/shadow || exit 1"], "open", SECRET),
        (
            &["sh", "-c", "exec /usr/bin/dpkg --version"],
            "exec",
            "/usr/bin/dpkg",
        ),
        (
            &["bash", "-c", "echo 'echo caught' >> /etc/profile"],
            "open",
            "/etc/profile",
        ),
    ],
};

const PYTHON: Trial = Trial {
    profiles: "[\"base\", \"python\"]",
    exec: "[]",
    works: &[
        &[
            "python3",
            "-c",
            "import asyncio, ctypes, json, sqlite3, ssl, subprocess, threading, unittest, zoneinfo\n\
            db = sqlite3.connect('/srv/work/db'); db.execute('create table if not exists t (x)'); db.commit()\n\
            threads = [threading.Thread(target=json.dumps, args=({},)) for _ in range(4)]\n\
            [it.start() for it in threads]; [it.join() for it in threads]\n\
            assert open('hello').read() == 'hello\\n'; ssl.create_default_context()",
        ],
        &[
            "python3",
            "-c",
            "import subprocess, sys\n\
            assert subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True).stdout == b'1\\n'",
        ],
    ],
    reaches: &[
        (&["python3", "-c", "open('/etc/shadow')"], "open", SECRET),
        (
            &[
                "python3",
                "-c",
                "import os; os.execv('/usr/bin/id', ['id'])",
            ],
            "exec",
            "/usr/bin/id",
        ),
        (
            &[
                "python3",
                "-c",
                "import socket; socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket')",
            ],
            "connect-unix",
            BUS,
        ),
        (
            &[
                "python3",
                "-c",
                "import os; os.rename('hello', '/etc/cron.d/hello')",
            ],
            "rename",
            "/etc/cron.d/hello",
        ),
    ],
};

const NODE: Trial = Trial {
    profiles: "[\"base\", \"node\"]",
    exec: "[]",
    works: &[&[
        "node",
        "-e",
        "const fs = require('fs'), { Worker } = require('worker_threads');\n\
            require('http'); require('tls'); fs.writeFileSync('made', require('crypto').randomBytes(9));\n\
            if (fs.readFileSync('hello', 'utf8') !== 'hello\\n') process.exit(1);\n\
            new Worker('require(\"zlib\").gzipSync(\"x\")', { eval: true }).on('exit', code => process.exit(code));",
    ]],
    reaches: &[
        (
            &["node", "-e", "require('fs').readFileSync('/etc/shadow')"],
            "open",
            SECRET,
        ),
        (
            &[
                "node",
                "-e",
                "process.exit(require('child_process').spawnSync('/usr/bin/id').error ? 1 : 0)",
            ],
            "exec",
            "/usr/bin/id",
        ),
    ],
};

const GIT: Trial = Trial {
    profiles: "[\"base\", \"git\"]",
    exec: "[]",
    works: &[
        &["git", "init", "-q", "one"],
        &[
            "git",
            "-C",
            "one",
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "first",
        ],
        &["git", "clone", "-q", "one", "two"],
        &["git", "-C", "two", "gc", "-q"],
        &["git", "-C", "two", "log", "--format=%s"],
    ],
    reaches: &[
        (&["git", "hash-object", SECRET], "open", SECRET),
        (
            &["git", "-c", "alias.x=!/usr/bin/id", "x"],
            "exec",
            "/usr/bin/id",
        ),
    ],
};

impl Trial {
    fn scope(&self) -> String {
        format!(
            "[agent]\nname = \"{AGENT}\"\nprofiles = {}\n\n[network]\nallow = [\"{ALLOWED}\"]\n\n\
             [files]\nexec = {}\nwrite = [\"{WORK}\", \"{WORK}/**\"]\n",
            self.profiles, self.exec
        )
    }
}

/// The programs do their work without a record, and what they must not reach is refused, each with one.
fn attempt(stage: &Stage, trial: &Trial) -> Outcome {
    let used = trial
        .works
        .iter()
        .chain(trial.reaches.iter().map(|it| &it.0));
    for words in used {
        is_there(words[0])?;
    }
    let work = Work::new()?;
    let service = Service::with(&[(AGENT, &trial.scope())])?;
    for words in trial.works {
        let mark = service.mark(AGENT)?;
        let output = perform(stage, words)?;
        ensure!(
            output.status.success(),
            "{words:?}: {}: {}",
            output.status,
            message(&output)
        );
        let violations = service.since(&mark)?.violations;
        ensure!(violations.is_empty(), "{words:?}: {violations:?}");
    }
    for (words, operation, path) in trial.reaches {
        let mark = service.mark(AGENT)?;
        let output = perform(stage, words)?;
        ensure!(!output.status.success(), "{words:?} reaches {path}");
        let happened = service.since(&mark)?;
        has(
            only(&happened)?,
            &[
                ("operation", operation),
                ("path", path),
                ("verdict", "refused"),
            ],
        )?;
    }
    drop(work);
    Ok(())
}

fn perform(stage: &Stage, words: &[&str]) -> Outcome<Output> {
    let mut command = stage.world.near.command("agentguard");
    command
        .args(["run", AGENT, "--"])
        .args(words)
        .current_dir(WORK)
        .env("HOME", "/root");
    process::output(&mut command, LIMIT)
}

/// Only one of the systems has them all.
fn is_there(program: &str) -> Outcome {
    let name = program.trim_start_matches("/usr/bin/");
    if fs::exists(format!("/usr/bin/{name}")).context("look for a program")? {
        return Ok(());
    }
    Err(Error::Skipped(format!("this machine has no {program}")))
}

/// What the agents work on, removed when it is dropped.
struct Work;

impl Work {
    fn new() -> Outcome<Self> {
        let work = Self;
        fs::create_dir_all(WORK).context("make a directory")?;
        fs::write(format!("{WORK}/hello"), "hello\n").context("write a file")?;
        Ok(work)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(WORK));
    }
}

/// What people do on a host, with the same result each time.
const REAL_WORK: &str = include_str!("real-work.sh");

/// Without the daemon, and while it confines an agent whose programs are the same: no difference, and no record.
fn outside(stage: &Stage) -> Outcome {
    for program in ["git", "gcc", "python3", "node", "apt-get", "dpkg-deb"] {
        is_there(program)?;
    }
    let before = real_work()?;
    let work = Work::new()?;
    let trial = Trial {
        profiles: "[\"base\", \"shell\"]",
        ..SHELL
    };
    let service = Service::with(&[(AGENT, &trial.scope())])?;
    let mark = service.mark(AGENT)?;
    let log = service.log_size();
    // An agent that works, too, and is refused nothing.
    let busy = "while cp hello again; do rm again; sleep 0.1; done";
    let mut command = stage.world.near.command("agentguard");
    command
        .args(["run", AGENT, "--", "sh", "-c", busy])
        .current_dir(WORK);
    let mut agent = Running::start(&mut command)?;
    let meanwhile = real_work()?;
    ensure!(
        agent.0.try_wait().context("look at the agent")?.is_none(),
        "the agent has ended"
    );
    drop(agent);
    if before != meanwhile {
        return failed(format!("before:\n{before}\nmeanwhile:\n{meanwhile}"));
    }
    let counters = service.since(&mark)?.counters;
    let records = service.violations(log)?;
    ensure!(records.is_empty(), "{counters:?}: {records:?}");
    drop(work);
    Ok(())
}

fn real_work() -> Outcome<String> {
    let mut command = Command::new("/bin/sh");
    command.args(["-eu", "-c", REAL_WORK]);
    let output = process::output(&mut command, LIMIT)?;
    ensure!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
