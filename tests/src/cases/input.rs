//! Wrong input: one clear error, a documented exit code, nothing changed in the kernel.

use std::{fmt::Write as _, fs, io, path::Path};

use super::table::scenario;
use crate::{
    daemon::{Daemon, Launch, message},
    ensure,
    error::{Outcome, failed},
    harness::{Group, Stage},
    host::cgroup,
};

/// Exit code: a scope is invalid.
const INVALID: i32 = 3;
/// Exit code: the host lacks what is needed.
const UNSUITABLE: i32 = 6;

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "input",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("unknown-key", |stage| invalid(stage, "[agent]\nname = \"a\"\nownr = \"x\"\n", &["a.toml:3:1", "owner"])),
        scenario("unknown-table", |stage| invalid(stage, "[agent]\nname = \"a\"\n[netwrk]\n", &["a.toml:3:", "network"])),
        scenario("no-name", |stage| invalid(stage, "[agent]\nowner = \"x\"\n", &["a.toml:", "name"])),
        scenario("bad-name", |stage| invalid(stage, "[agent]\nname = \"A b\"\n", &["a.toml:2:8"])),
        scenario("not-toml", |stage| invalid(stage, "[agent\n", &["a.toml:1:"])),
        scenario("bad-mode", |stage| invalid(stage, "[agent]\nname = \"a\"\nmode = \"enforced\"\n", &["a.toml:3:8", "enforce"])),
        scenario("host-bits", |stage| rule(stage, "10.0.0.1/8", &["a.toml:5:4", "10.0.0.0/8"])),
        scenario("bad-prefix", |stage| rule(stage, "10.0.0.0/33", &["a.toml:5:13"])),
        scenario("reversed-range", |stage| rule(stage, "10.0.0.1:20-10", &["a.toml:5:13", "10-20"])),
        scenario("port-zero", |stage| rule(stage, "10.0.0.1:0", &["a.toml:5:13"])),
        scenario("unspecified-address", |stage| rule(stage, "0.0.0.0", &["a.toml:5:4", "127.0.0.1"])),
        scenario("mapped-prefix", |stage| rule(stage, "::ffff:10.0.0.0/104", &["a.toml:5:4", "10.0.0.0/8"])),
        scenario("nat64-prefix", |stage| rule(stage, "64:ff9b::/96", &["a.toml:5:4", "IPv4"])),
        scenario("6to4-prefix", |stage| rule(stage, "2002::/16", &["a.toml:5:4", "IPv4"])),
        scenario("name-with-an-empty-label", |stage| rule(stage, "api..example.com:443", &["a.toml:5:", "label"])),
        scenario("wildcard-on-a-public-suffix", |stage| rule(stage, "*.github.io:443", &["a.toml:5:", "public suffix"])),
        scenario("icmp-with-port", |stage| rule(stage, "icmp://10.0.0.1:7", &["a.toml:5:20"])),
        scenario("unknown-scheme", |stage| rule(stage, "sctp://10.0.0.1", &["a.toml:5:4", "udp"])),
        scenario("257-rules", too_many_rules),
        scenario("nested-cgroups", nested),
        scenario("duplicate-agent", duplicate),
        scenario("10-megabytes", huge),
        scenario("directory-for-a-file", directory),
        scenario("not-utf-8", not_utf8),
        scenario("no-agents-directory", no_directory),
        scenario("check-says-the-same", check),
        scenario("not-root", not_root),
        scenario("no-cgroup-v2", no_cgroup2),
        scenario("no-btf", no_btf),
    ],
};

/// The daemon ends with the code, says all of it, and has not made its cgroup.
fn ends(stage: &Stage, scopes: &[(&str, &str)], code: i32, said: &[&str]) -> Outcome {
    ends_prepared(stage, scopes, code, said, None, |_| Ok(()))
}

fn ends_prepared(
    stage: &Stage,
    scopes: &[(&str, &str)],
    code: i32,
    said: &[&str],
    prepare: Option<fn() -> io::Result<()>>,
    change: fn(&Path) -> io::Result<()>,
) -> Outcome {
    let mut settings = stage.settings();
    settings.prepare = prepare;
    settings.change_agents = change;
    let own = cgroup::mount_point()?.join(&settings.cgroup);
    let output = match Daemon::launch(settings, scopes)? {
        Launch::Enforcing(_) => return failed("the daemon starts"),
        Launch::Ended(output) => output,
    };
    let text = message(&output);
    ensure!(
        output.status.code() == Some(code),
        "it ends with {}: {text}",
        output.status
    );
    for part in said {
        ensure!(text.contains(part), "`{part}` is not said: {text}");
    }
    ensure!(!text.contains("panicked"), "it panics: {text}");
    ensure!(
        !text.is_empty() && text.len() < 2000,
        "{} bytes are said: {text}",
        text.len()
    );
    ensure!(!own.exists(), "the daemon has left its cgroup");
    Ok(())
}

fn invalid(stage: &Stage, scope: &str, said: &[&str]) -> Outcome {
    ends(stage, &[("a", scope)], INVALID, said)
}

/// A rule in line 5; its text begins in column 4.
fn rule(stage: &Stage, text: &str, said: &[&str]) -> Outcome {
    invalid(stage, &with_rule(text), said)
}

fn with_rule(text: &str) -> String {
    format!("[agent]\nname = \"a\"\n[network]\nallow = [\n  \"{text}\",\n]\n")
}

fn too_many_rules(stage: &Stage) -> Outcome {
    let mut scope = "[agent]\nname = \"a\"\n[network]\nallow = [\n".to_owned();
    for number in 0..257 {
        writeln!(scope, "  \"10.0.{}.{}\",", number / 250, number % 250 + 1)
            .map_err(io::Error::other)?;
    }
    scope.push_str("]\n");
    // The 257th stands in line 4 + 257.
    invalid(stage, &scope, &["a.toml:261:", "256"])
}

fn nested(stage: &Stage) -> Outcome {
    let scope = "[agent]\nname = \"a\"\n[match]\ncgroups = [\"/x\", \"/x/y\"]\n";
    invalid(stage, scope, &["a.toml:4:"])
}

fn duplicate(stage: &Stage) -> Outcome {
    let scope = "[agent]\nname = \"twin\"\n";
    ends(
        stage,
        &[("a", scope), ("b", scope)],
        INVALID,
        &["a.toml:2:", "b.toml:2:", "twin"],
    )
}

fn changed(stage: &Stage, said: &[&str], change: fn(&Path) -> io::Result<()>) -> Outcome {
    ends_prepared(stage, &[], INVALID, said, None, change)
}

fn huge(stage: &Stage) -> Outcome {
    changed(stage, &["a.toml", "1048576"], |agents| {
        fs::write(agents.join("a.toml"), vec![b'#'; 10 << 20])
    })
}

fn directory(stage: &Stage) -> Outcome {
    changed(stage, &["a.toml", "directory"], |agents| {
        fs::create_dir(agents.join("a.toml"))
    })
}

fn not_utf8(stage: &Stage) -> Outcome {
    changed(stage, &["a.toml", "UTF-8"], |agents| {
        fs::write(agents.join("a.toml"), b"[agent]\nname = \"\xff\"\n")
    })
}

fn no_directory(stage: &Stage) -> Outcome {
    ends_prepared(stage, &[], INVALID, &["agents.d"], None, |agents| {
        fs::remove_dir(agents)
    })
}

/// `agentguard check` needs no daemon and finds the same errors.
fn check(stage: &Stage) -> Outcome {
    let scratch = crate::host::Scratch::new()?;
    let file = scratch.path().join("a.toml");
    for (text, code, said) in [
        (with_rule("10.0.0.1/8"), INVALID, "a.toml:5:4"),
        (with_rule("10.0.0.0/8"), 0, ""),
    ] {
        fs::write(&file, text)?;
        let mut command = std::process::Command::new(&stage.settings().program);
        let output = crate::host::process::output(
            command.arg("check").arg(&file),
            std::time::Duration::from_secs(30),
        )?;
        let text = message(&output) + &String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.code() == Some(code),
            "check ends with {}: {text}",
            output.status
        );
        ensure!(text.contains(said), "`{said}` is not said: {text}");
    }
    Ok(())
}

fn not_root(stage: &Stage) -> Outcome {
    let become_user = || {
        // SAFETY: no pointers.
        crate::sys::check(unsafe { libc::setresuid(1000, 1000, 1000) }).map(drop)
    };
    ends_prepared(stage, &[], UNSUITABLE, &["root"], Some(become_user), |_| {
        Ok(())
    })
}

fn no_cgroup2(stage: &Stage) -> Outcome {
    ends_prepared(
        stage,
        &[],
        UNSUITABLE,
        &["cgroup"],
        Some(hide_cgroup2),
        |_| Ok(()),
    )
}

fn no_btf(stage: &Stage) -> Outcome {
    ends_prepared(stage, &[], UNSUITABLE, &["BTF"], Some(hide_btf), |_| Ok(()))
}

/// A mount namespace of its own, whose changes nobody else sees.
fn own_mounts() -> io::Result<()> {
    // SAFETY: no pointers.
    crate::sys::check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    let none = std::ptr::null();
    // SAFETY: the strings are constants, null pointers mean that there is none.
    crate::sys::check(unsafe { libc::mount(none, c"/".as_ptr(), none, flags, none.cast()) })
        .map(drop)
}

/// Unmounts cgroup v2 where it can be.
fn hide_cgroup2() -> io::Result<()> {
    own_mounts()?;
    for point in [c"/sys/fs/cgroup/unified", c"/sys/fs/cgroup"] {
        // SAFETY: the string is a constant. The first of the two exists on hybrid hosts only.
        unsafe { libc::umount2(point.as_ptr(), libc::MNT_DETACH) };
    }
    Ok(())
}

/// Puts an empty directory over the kernel's own type information.
fn hide_btf() -> io::Result<()> {
    own_mounts()?;
    let kind = c"tmpfs".as_ptr();
    let target = c"/sys/kernel/btf".as_ptr();
    // SAFETY: the strings are constants, a null pointer means that there are no options.
    crate::sys::check(unsafe { libc::mount(kind, target, kind, 0, std::ptr::null()) }).map(drop)
}
