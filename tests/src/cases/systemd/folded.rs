//! F30: directories that take names that differ in case for the same. The disk's file system has them.

use std::{fs, os::fd::AsRawFd, process::Command};

use super::{around::ALLOWED, runs::reading};
use crate::{
    cases::{
        story::{has, only},
        table::scenario,
    },
    daemon::{COMMAND_LIMIT, message},
    ensure,
    error::{Context, Outcome},
    harness::{Group, Stage},
    host::process,
    probe::Reading,
    sys,
    systemd::Service,
};

const AGENT: &str = "reader";
const PLACE: &str = "/srv/F30";

pub(super) const GROUP: Group = Group {
    name: "folded",
    scopes: &[],
    layout: None,
    internet: false,
    cases: &[
        scenario("F30-by-another-case", other_case),
        scenario("F30-beneath", beneath),
        scenario("F30-becomes-one-once-it-is-known", becomes),
    ],
};

/// A directory, removed when it is dropped.
struct Place;

impl Place {
    fn new() -> Outcome<Self> {
        let place = Self;
        drop(fs::remove_dir_all(PLACE));
        fs::create_dir_all(PLACE).context("make a directory")?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(PLACE));
    }
}

/// Makes an empty directory one.
fn fold(directory: &str) -> Outcome {
    // `FS_CASEFOLD_FL` of linux/fs.h.
    let flags: libc::c_int = 0x4000_0000;
    let directory = fs::File::open(directory).context("open a directory")?;
    // SAFETY: the kernel reads one int.
    let result = unsafe {
        libc::ioctl(
            directory.as_raw_fd(),
            libc::FS_IOC_SETFLAGS,
            &raw const flags,
        )
    };
    sys::check(result).map(drop).context("chattr +F")
}

fn service(stage: &Stage) -> Outcome<Service> {
    let scope = format!(
        "[agent]\nname = \"{AGENT}\"\n\n[network]\nallow = [\"{ALLOWED}\"]\n\n\
         [files]\nexec = [\"{}\"]\nread = [\"{PLACE}/**\", \"/proc/self/**\"]\ndeny = [\"{PLACE}/**/secret\"]\n",
        stage.program().display()
    );
    Service::with(&[(AGENT, &scope)])
}

fn open(stage: &Stage, path: &str) -> Outcome<Reading> {
    let mut command = stage.world.near.command("agentguard");
    command.args(["run", AGENT, "--"]).arg(stage.program());
    command.args(["probe", "open", "open", "read", path]);
    reading(&mut command)
}

/// Refused with one record, and `explain` says so.
fn is_refused(stage: &Stage, service: &Service, path: &str) -> Outcome {
    let mark = service.mark(AGENT)?;
    let answer = open(stage, path)?;
    ensure!(
        answer.first_error() == Some(("open", "EACCES")),
        "{path}: {}",
        answer.summary()
    );
    let fields = [
        ("operation", "open"),
        ("reason", "folded"),
        ("access", "read"),
    ];
    has(only(&service.since(&mark)?)?, &fields)?;
    let mut command = Command::new("agentguard");
    command.args(["explain", AGENT, "open", path]);
    let output = process::output(&mut command, COMMAND_LIMIT)?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        said.contains("refused") && said.contains("differ in case"),
        "explain says: {said} {}",
        message(&output)
    );
    Ok(())
}

fn is_permitted(stage: &Stage, service: &Service, path: &str) -> Outcome {
    let mark = service.mark(AGENT)?;
    let answer = open(stage, path)?;
    ensure!(
        answer.first_error().is_none(),
        "{path}: {}",
        answer.summary()
    );
    let violations = service.since(&mark)?.violations;
    ensure!(violations.is_empty(), "{violations:?}");
    Ok(())
}

/// To the kernel `SECRET` is the file `secret`, and has the name by which it was looked up.
fn other_case(stage: &Stage) -> Outcome {
    let place = Place::new()?;
    fold(PLACE)?;
    let secret = format!("{PLACE}/secret");
    fs::write(&secret, "secret").context("write a file")?;
    let other = format!("{PLACE}/SECRET");
    ensure!(
        fs::read_to_string(&other).is_ok_and(|text| text == "secret"),
        "untagged, {other} is another file"
    );
    let service = service(stage)?;
    // Whoever looks it up first names it.
    fs::write("/proc/sys/vm/drop_caches", "2").context("forget names")?;
    is_refused(stage, &service, &other)?;
    is_refused(stage, &service, &secret)?;
    drop(place);
    Ok(())
}

/// A directory in it need not be one.
fn beneath(stage: &Stage) -> Outcome {
    let place = Place::new()?;
    let (folded, plain) = (format!("{PLACE}/folded"), format!("{PLACE}/plain"));
    fs::create_dir(&folded).context("make a directory")?;
    fold(&folded)?;
    for directory in [format!("{folded}/a/b"), plain.clone()] {
        fs::create_dir_all(&directory).context("make directories")?;
        fs::write(format!("{directory}/file"), "file").context("write a file")?;
    }
    let service = service(stage)?;
    is_permitted(stage, &service, &format!("{plain}/file"))?;
    is_refused(stage, &service, &format!("{folded}/a/b/file"))?;
    is_refused(stage, &service, &format!("{folded}/A/B/FILE"))?;
    drop(place);
    Ok(())
}

/// What was found out about it before does not count any more.
fn becomes(stage: &Stage) -> Outcome {
    let place = Place::new()?;
    let directory = format!("{PLACE}/directory");
    let file = format!("{directory}/file");
    fs::create_dir(&directory).context("make a directory")?;
    fs::write(&file, "file").context("write a file")?;
    let service = service(stage)?;
    is_permitted(stage, &service, &file)?;
    fs::remove_file(&file).context("remove a file")?;
    fold(&directory)?;
    fs::write(&file, "file").context("write a file")?;
    is_refused(stage, &service, &file)?;
    drop(place);
    Ok(())
}
