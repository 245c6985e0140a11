//! Units that probe.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{sys::stat::Mode, unistd::mkfifo};

use super::{DIRECTORY, systemctl, try_systemctl};
use crate::{
    daemon::COMMAND_LIMIT,
    ensure,
    error::{Context, Error, Outcome},
    harness::Stage,
    probe::Reading,
};

const UNITS: &str = "/run/systemd/system";

/// A unit file (or a template's), which is removed when it is dropped.
#[derive(Debug)]
pub struct Unit {
    name: String,
    instances: Vec<String>,
}

impl Unit {
    /// A unit whose first instructions are these techniques, one after another, in the agents'
    /// network. `more` are further lines of its section `[Service]`.
    pub fn probing(stage: &Stage, name: &str, techniques: &[&[&str]], more: &str) -> Outcome<Self> {
        let program = stage.program().display();
        let lines: Vec<String> = techniques
            .iter()
            .map(|words| format!("ExecStart={program} probe {}", words.join(" ")))
            .collect();
        Self::starting(stage, name, &lines.join("\n"), more)
    }

    /// A unit that runs a shell script, in which `$PROBE` is the beginning of a technique.
    pub fn scripted(stage: &Stage, name: &str, script: &str, more: &str) -> Outcome<Self> {
        fs::create_dir_all(DIRECTORY).context("make a directory")?;
        let path = format!("{DIRECTORY}/{name}.sh");
        let probe = format!("PROBE='{} probe'\n", stage.program().display());
        fs::write(&path, probe + script).context("write a script")?;
        Self::starting(stage, name, &format!("ExecStart=/bin/sh {path}"), more)
    }

    /// A unit with these lines for what it executes.
    pub fn starting(stage: &Stage, name: &str, commands: &str, more: &str) -> Outcome<Self> {
        fs::create_dir_all(DIRECTORY).context("make a directory")?;
        let network = stage.world.near.path();
        let text = format!(
            "[Unit]\nDescription=A probe\n\n[Service]\nType=oneshot\n\
             NetworkNamespacePath={}\nStandardOutput=append:{DIRECTORY}/%n.out\n\
             {commands}\n{more}\n",
            network.display()
        );
        let unit = Self {
            name: name.to_owned(),
            instances: Vec::new(),
        };
        fs::create_dir_all(UNITS).context("make the directory of units")?;
        fs::write(unit.file(), text).context(format!("write {name}"))?;
        systemctl(&["daemon-reload"])?;
        Ok(unit)
    }

    /// An instance of the template becomes what is started.
    #[must_use]
    pub fn instance(mut self, instance: &str) -> Self {
        let name = self.name.replace('@', &format!("@{instance}"));
        self.instances.push(name);
        self
    }

    /// Its name, or that of its instance.
    pub fn name(&self) -> &str {
        self.instances.last().unwrap_or(&self.name)
    }

    /// Starts it, waits until it has ended, and answers what each technique reports.
    pub fn run(&self) -> Outcome<Vec<Reading>> {
        self.forget()?;
        systemctl(&["start", self.name()]).map_err(|error| {
            // 200 and more is where systemd's own preparation failed (systemd.exec(5)).
            let status = super::property(self.name(), "ExecMainStatus").unwrap_or_default();
            let said = self.said();
            Error::Failed(format!("{error}: main process: {status}; it says: {said}"))
        })?;
        self.readings()
    }

    /// Starts it and goes on.
    pub fn begin(&self) -> Outcome {
        self.forget()?;
        systemctl(&["start", "--no-block", self.name()]).map(drop)
    }

    /// Waits for the end of what was begun, and answers what each technique reports.
    pub fn finish(&self) -> Outcome<Vec<Reading>> {
        let deadline = std::time::Instant::now() + COMMAND_LIMIT;
        while super::property(self.name(), "ActiveState")? == "activating" {
            ensure!(
                std::time::Instant::now() < deadline,
                "{} does not end",
                self.name()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.readings()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(self.output()).unwrap_or_default()
    }

    fn readings(&self) -> Outcome<Vec<Reading>> {
        let said = self.said();
        let reports = said.lines().filter(|line| line.starts_with('{'));
        let readings: Vec<Reading> = reports.map(Reading::parse).collect::<Outcome<_>>()?;
        ensure!(!readings.is_empty(), "{} reports nothing", self.name());
        Ok(readings)
    }

    fn forget(&self) -> Outcome {
        match fs::remove_file(self.output()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::from(error)),
            _ => Ok(()),
        }
    }

    fn output(&self) -> PathBuf {
        Path::new(DIRECTORY).join(format!("{}.out", self.name()))
    }

    fn file(&self) -> PathBuf {
        Path::new(UNITS).join(&self.name)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // It may have ended, or never have been started. systemd reads its directories again for the
        // next unit.
        drop(try_systemctl(&["stop", self.name()]));
        drop(fs::remove_file(self.file()));
        drop(self.forget());
    }
}

/// What a probe that goes on until it is released reads: nothing comes, and it is released when this
/// is dropped.
#[derive(Debug)]
pub struct Gate(File);

impl Gate {
    /// A closed gate.
    pub fn new() -> Outcome<Self> {
        fs::create_dir_all(DIRECTORY).context("make a directory")?;
        let path = Self::path();
        drop(fs::remove_file(&path));
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let open = File::options().read(true).write(true).open(&path);
        open.context("open a FIFO").map(Self)
    }

    /// The line of a unit that has it wait at the gate.
    pub fn line() -> String {
        format!("StandardInput=file:{}", Self::path().display())
    }

    fn path() -> PathBuf {
        Path::new(DIRECTORY).join("gate")
    }

    /// Opens it.
    pub fn open(self) {
        drop(self.0);
    }
}
