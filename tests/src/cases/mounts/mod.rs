//! What files are called, by where the host has mounted their superblock.

mod fat;

use std::{
    fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::Value;

use super::table::{paired, scenario};
use crate::{
    daemon::Daemon,
    ensure,
    error::{Context, Error, Outcome},
    harness::{Group, Stage},
    host::{Scratch, mount_fat, process::output},
};

/// How long a command may take, and the daemon to see a change of the mount table.
const LIMIT: Duration = Duration::from_mins(1);
const NONE: Option<&str> = None;

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "mounts",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("parts-of-a-superblock", parts),
        scenario("what-is-mounted-later", later),
        paired("F30-fat", fat::is_open, fat::is_refused),
    ],
};

/// A directory with mounts in it, which go with it.
struct Mounts {
    scratch: Scratch,
    mounted: Vec<PathBuf>,
}

impl Mounts {
    fn new() -> Outcome<Self> {
        Ok(Self {
            scratch: Scratch::new()?,
            mounted: Vec::new(),
        })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn directory(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.at(name);
        fs::create_dir_all(&path).context("make a directory")?;
        Ok(path)
    }

    fn file(&self, name: &str) -> Outcome {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap_or(&path)).context("make a directory")?;
        fs::write(path, name).context("make a file")
    }

    fn tmpfs(&mut self, name: &str) -> Outcome {
        let path = self.directory(name)?;
        mount(Some("agtest"), &path, Some("tmpfs"), MsFlags::empty(), NONE)
            .context("mount a tmpfs")?;
        self.mounted.push(path);
        Ok(())
    }

    fn fat(&mut self, name: &str) -> Outcome {
        let path = self.directory(name)?;
        mount_fat(&self.at("image"), &path)?;
        self.mounted.push(path);
        Ok(())
    }

    fn bind(&mut self, from: &str, to: &str) -> Outcome {
        let path = self.directory(to)?;
        mount(Some(&self.at(from)), &path, NONE, MsFlags::MS_BIND, NONE).context("bind")?;
        self.mounted.push(path);
        Ok(())
    }

    fn unmount(&mut self, name: &str) -> Outcome {
        let path = self.at(name);
        umount2(&path, MntFlags::MNT_DETACH).context("unmount")?;
        self.mounted.retain(|mounted| *mounted != path);
        Ok(())
    }

    /// A daemon with an agent that may read these, but for some of them.
    fn daemon(&self, stage: &Stage, read: &[&str], deny: &[&str]) -> Outcome<Daemon> {
        needs_lsm(stage)?;
        let quoted = |path: PathBuf| format!("\"{}\"", path.display());
        let list = |names: &[&str]| {
            let quoted: Vec<_> = names.iter().map(|it| quoted(self.at(it))).collect();
            quoted.join(", ")
        };
        let scope = format!(
            "[agent]\nname = \"bot\"\nprofiles = [\"base\"]\n\
             [files]\nexec = [{}]\nread = [{}]\ndeny = [{}]\n",
            quoted(stage.program().to_owned()),
            list(read),
            list(deny),
        );
        stage.start(&[("bot", &scope)])
    }

    /// What reading becomes for the agent.
    fn reading(&self, stage: &Stage, daemon: &Daemon, name: &str) -> Outcome<String> {
        let what = format!("read {}", self.at(name).display());
        let reading = stage.try_tagged(daemon, "bot", &["accesses", &what])?;
        let step = reading.steps.into_iter().next();
        step.map(|(_, result)| result)
            .ok_or_else(|| Error::Failed("nothing was tried".into()))
    }

    fn expect(&self, stage: &Stage, daemon: &Daemon, name: &str, expected: &str) -> Outcome {
        let found = self.reading(stage, daemon, name)?;
        ensure!(found == expected, "{name}: {found}, and not {expected}");
        Ok(())
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        for path in self.mounted.iter().rev() {
            if let Err(error) = umount2(path, MntFlags::MNT_DETACH) {
                eprintln!("{} stays mounted: {error}", path.display());
            }
        }
    }
}

fn needs_lsm(stage: &Stage) -> Outcome {
    let mut command = Command::new(&stage.settings().program);
    let printed = output(command.args(["doctor", "--json"]), LIMIT)?;
    let found: Value = serde_json::from_slice(&printed.stdout)
        .map_err(|error| Error::Failed(format!("doctor does not print JSON: {error}")))?;
    let mut all = found.as_array().into_iter().flatten();
    let is_active = all.any(|it| {
        let text = |key| it.get(key).and_then(Value::as_str);
        text("name") == Some("files") && text("state") == Some("active")
    });
    if is_active {
        Ok(())
    } else {
        Err(Error::Skipped("this kernel has no BPF LSM".into()))
    }
}

/// Of a superblock whose root is not mounted each part has its own name, as on a btrfs with subvolumes.
fn parts(stage: &Stage) -> Outcome {
    let mut mounts = Mounts::new()?;
    mounts.tmpfs("whole")?;
    for file in [
        "@/file",
        "@/sub/file",
        "@home/u/file",
        "@other/file",
        "bare",
    ] {
        mounts.file(&format!("whole/{file}"))?;
    }
    mounts.bind("whole/@", "root")?;
    mounts.bind("whole/@home/u", "home")?;
    mounts.bind("whole/@other", "other")?;
    // A bind mount in a part: the part names it.
    mounts.bind("root/sub", "inner")?;
    mounts.unmount("whole")?;
    let daemon = mounts.daemon(stage, &["root/**", "home/**", "whole/**"], &[])?;
    for (name, expected) in [
        ("root/file", "ok"),
        ("root/sub/file", "ok"),
        ("inner/file", "ok"),
        ("home/file", "ok"),
        ("other/file", "EACCES"),
    ] {
        mounts.expect(stage, &daemon, name, expected)?;
    }
    Ok(())
}

/// What is mounted while the daemon runs is known soon, and called by its new place when it has one.
fn later(stage: &Stage) -> Outcome {
    let mut mounts = Mounts::new()?;
    mounts.directory("late")?;
    mounts.directory("moved")?;
    let daemon = mounts.daemon(stage, &["late/**"], &[])?;
    mounts.tmpfs("late")?;
    mounts.file("late/file")?;
    eventually("it has a name", || {
        Ok(mounts.reading(stage, &daemon, "late/file")? == "ok")
    })?;
    mounts.bind("late", "moved")?;
    mounts.expect(stage, &daemon, "moved/file", "ok")?;
    mounts.unmount("late")?;
    eventually("it has another name", || {
        Ok(mounts.reading(stage, &daemon, "moved/file")? == "EACCES")
    })
}

fn eventually(what: &str, mut holds: impl FnMut() -> Outcome<bool>) -> Outcome {
    let begun = Instant::now();
    while !holds()? {
        ensure!(begun.elapsed() < LIMIT, "in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
