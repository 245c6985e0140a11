//! `agentguard check FILE…`: are these scopes valid, and are they as narrow as they should be?

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::{Error, ExitCode};
use crate::text::counted;
use crate::{
    mounts::this_host,
    policy::{Loaded, Note, Place, Scope, load_each, warnings},
};

/// Check scopes without loading them
///
/// Prints every error with its place (exit status 3 if there is one), and warns where a scope is
/// wider than it should be.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// Scope files; they are checked against each other too
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CheckArgs) -> Result<ExitCode, Error> {
    check(&args.files, args.json, &mut io::stdout().lock()).map_err(Error::Output)
}

/// Checks scope files, each for itself and all against each other, and writes what was found: for
/// each file its errors or `FILE: ok, agent NAME, N rules`, and its warnings, which do not make a
/// scope invalid. Returns the exit code.
pub fn check(files: &[PathBuf], json: bool, out: &mut dyn Write) -> io::Result<ExitCode> {
    let loaded = load_each(files, &*this_host());
    let reports: Vec<_> = files
        .iter()
        .map(|file| Report::new(file, &loaded))
        .collect();
    let ok = reports.iter().all(|report| report.ok);
    if json {
        let all = All { ok, files: reports };
        serde_json::to_writer(&mut *out, &all)?;
        writeln!(out)?;
    } else {
        for report in &reports {
            report.write(out)?;
        }
    }
    Ok(if ok {
        ExitCode::Done
    } else {
        ExitCode::InvalidScope
    })
}

#[derive(Serialize)]
struct All {
    ok: bool,
    files: Vec<Report>,
}

/// What was found about one file.
#[derive(Serialize)]
struct Report {
    file: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<&'static str>,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Finding>,
}

/// An error, a warning or a note.
#[derive(Serialize)]
struct Finding {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    message: String,
}

/// Number of rules in the scope's own file.
fn own_rules(scope: &Scope) -> usize {
    let files = scope.files.iter().flat_map(|files| files.iter());
    scope.rules.len() + files.filter(|rule| rule.profile.is_none()).count()
}

/// The profiles that it names.
fn profiles(scope: &Scope) -> Vec<&'static str> {
    let files = scope.files.iter().flat_map(|files| files.profiles());
    files.map(|used| used.profile.name()).collect()
}

impl Report {
    fn new(file: &Path, loaded: &Loaded) -> Self {
        let scope: Option<&Scope> = loaded.scopes.iter().find(|scope| scope.file == file);
        let errors: Vec<_> = loaded
            .errors
            .iter()
            .filter(|error| error.file == file)
            .map(|error| Finding::new(error.place, error.message()))
            .collect();
        let (troubles, notes): (Vec<&Note>, Vec<&Note>) = loaded
            .notes
            .iter()
            .filter_map(|(of, note)| (of == file).then_some(note))
            .partition(|note| note.is_warning);
        let warnings = scope.map(warnings).unwrap_or_default();
        Self {
            file: file.display().to_string(),
            ok: errors.is_empty(),
            agent: scope.map(|scope| scope.agent.name.clone()),
            rules: scope.map(own_rules),
            profiles: scope.map(profiles).unwrap_or_default(),
            errors,
            warnings: warnings
                .into_iter()
                .map(|warning| Finding::new(warning.place, warning.message))
                .chain(troubles.into_iter().map(Finding::of_note))
                .collect(),
            // What becomes of a profile's rules is no matter of who wrote the scope.
            notes: notes
                .into_iter()
                .filter(|note| !note.is_profile)
                .map(Finding::of_note)
                .collect(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for error in &self.errors {
            writeln!(out, "{}:{} {}", self.file, error.position(), error.message)?;
        }
        if let (true, Some(agent), Some(rules)) = (self.ok, &self.agent, self.rules) {
            let rules = counted(rules as u64, "rule");
            write!(out, "{}: ok, agent {agent}, {rules}", self.file)?;
            if !self.profiles.is_empty() {
                write!(out, ", with {}", self.profiles.join(", "))?;
            }
            writeln!(out)?;
        }
        for (kind, findings) in [("warning", &self.warnings), ("note", &self.notes)] {
            for finding in findings {
                let (position, message) = (finding.position(), &finding.message);
                writeln!(out, "{}:{position} {kind}: {message}", self.file)?;
            }
        }
        Ok(())
    }
}

impl Finding {
    fn new(place: Option<Place>, message: String) -> Self {
        Self {
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            message,
        }
    }

    fn of_note(note: &Note) -> Self {
        Self::new(Some(note.place), note.message.clone())
    }

    /// `LINE:COLUMN:`, or nothing if it is about the file as a whole.
    fn position(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{line}:{column}:"),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
