//! The time that packages bear: that of the sources, so that the same sources make the same packages.

use std::{env, process::Command};

use anyhow::{Context as _, Result};

use crate::{process, workspace};

/// Seconds since 1970. Both formats have 32 bits for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) u32);

impl Moment {
    /// For packages that do not leave this machine.
    pub(super) const ANY: Self = Self(1_700_000_000);

    /// `SOURCE_DATE_EPOCH`, else the time of the last commit.
    pub(super) fn of_the_sources() -> Result<Self> {
        let seconds = match env::var("SOURCE_DATE_EPOCH") {
            Ok(seconds) => seconds,
            Err(_) => process::output(
                Command::new("git")
                    .args(["log", "-1", "--format=%ct"])
                    .current_dir(workspace::root()),
            )
            .context("the packages' time is that of the last commit, or of SOURCE_DATE_EPOCH")?,
        };
        let seconds = seconds.trim();
        let seconds = seconds.parse();
        seconds
            .map(Self)
            .context("SOURCE_DATE_EPOCH is no number of seconds")
    }

    /// As Debian's changelogs have it.
    pub(super) fn in_words(self) -> Result<String> {
        let date = format!("--date=@{}", self.0);
        let words = process::output(Command::new("date").args(["--utc", "--rfc-email", &date]))?;
        Ok(words.trim().to_owned())
    }
}
