//! The cgroups of `agentguard run`: `/OWN/NAME.SERIAL`, or a transient scope beneath systemd's
//! slice.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::Path,
};

use crate::kernel::cgroup2::Cgroup2;

/// A fresh cgroup for an instance. Nothing is in it yet.
#[derive(Debug)]
pub struct Instance {
    /// Its path, as `/proc/PID/cgroup` has it.
    pub path: String,
    /// Its id.
    pub id: u64,
}

/// Makes a cgroup for an instance of an agent.
pub fn create(cgroups: &Cgroup2, own: &str, agent: &str) -> io::Result<Instance> {
    for serial in 1_u32.. {
        let path = format!("{own}/{agent}.{serial}");
        let directory = cgroups.directory(&path);
        match fs::create_dir(&directory) {
            Ok(()) => {
                let id = fs::metadata(&directory)?.ino();
                return Ok(Instance { path, id });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(
        "there are too many instances of the agent",
    ))
}

/// Moves a process, with all its threads, into an instance.
pub fn enter(cgroups: &Cgroup2, path: &str, pid: i32) -> io::Result<()> {
    // One write: the kernel takes the number as a whole.
    File::options()
        .write(true)
        .open(cgroups.directory(path).join("cgroup.procs"))?
        .write_all(pid.to_string().as_bytes())
}

/// The v2 cgroup of a process.
pub fn cgroup_of(pid: i32) -> io::Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("0::"))
        .map(str::to_owned)
        .ok_or_else(|| io::Error::other("the process is in no v2 cgroup"))
}

/// The agent whose instance a cgroup path is, if it is one directly beneath `own`.
pub fn agent_of<'a>(own: &str, path: &'a str) -> Option<&'a str> {
    let name = path.strip_prefix(own)?.strip_prefix('/')?;
    let (agent, serial) = match name.strip_suffix(".scope") {
        Some(unit) => unit.strip_prefix("agentguard-")?.rsplit_once('-')?,
        None => name.rsplit_once('.')?,
    };
    let is_serial = !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_digit());
    (is_serial && !agent.is_empty() && !agent.contains('/')).then_some(agent)
}

/// How many instances there are, those that nobody has entered yet or that are empty included.
pub fn count(cgroups: &Cgroup2, own: &str) -> io::Result<usize> {
    let mut count = 0;
    let entries = match fs::read_dir(cgroups.directory(own)) {
        // Somebody stopped systemd's slice, and what was in it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let path = format!("{own}/{}", entry?.file_name().to_string_lossy());
        count += usize::from(agent_of(own, &path).is_some());
    }
    Ok(count)
}

/// Removes the instances in which no process is left, but those for which `is_new` is true.
pub fn collect(cgroups: &Cgroup2, own: &str, is_new: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(cgroups.directory(own))? {
        let entry = entry?;
        let path = format!("{own}/{}", entry.file_name().to_string_lossy());
        if agent_of(own, &path).is_none() || is_new(&path) {
            continue;
        }
        if is_populated(&entry.path()).is_ok_and(|it| !it) {
            remove_tree(&entry.path());
        }
    }
    Ok(())
}

/// Whether a process is in a cgroup or beneath it.
pub fn is_populated(directory: &Path) -> io::Result<bool> {
    let events = fs::read_to_string(directory.join("cgroup.events"))?;
    Ok(!events.lines().any(|line| line == "populated 0"))
}

/// Removes a cgroup with its descendants. One that is in use again stays; there is a next time.
pub fn remove_tree(directory: &Path) {
    if let Ok(entries) = fs::read_dir(directory) {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove_tree(&entry.path());
            }
        }
    }
    if let Err(error) = fs::remove_dir(directory) {
        tracing::debug!("cannot remove {}: {error}", directory.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_known_by_their_names() {
        assert_eq!(agent_of("/agentguard", "/agentguard/bot.1"), Some("bot"));
        assert_eq!(
            agent_of("/agentguard", "/agentguard/a-b_c.42"),
            Some("a-b_c")
        );
        assert_eq!(
            agent_of(
                "/agentguard.slice",
                "/agentguard.slice/agentguard-a-b-7.scope"
            ),
            Some("a-b")
        );
        for path in [
            "/agentguard",
            "/agentguard/bot",
            "/agentguard/bot.scope",
            "/agentguard/agentguard-bot.scope",
            "/agentguard/bot.",
            "/agentguard/.1",
            "/agentguard/bot.x",
            "/agentguard/bot.1/sub.2",
            "/agentguardian/bot.1",
            "/other/bot.1",
        ] {
            assert_eq!(agent_of("/agentguard", path), None, "{path}");
        }
    }
}
