//! What is installed, and where.

use std::{fs, io::Write as _, path::Path, process::Command};

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};

use super::{Build, MAINTAINER, NAME, source, text, version};
use crate::{process, workspace};

/// For whom it is packaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Deb,
    Rpm,
}

/// A file or directory of the package.
#[derive(Debug)]
pub(super) struct Entry {
    /// Absolute.
    pub(super) path: String,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Program(Vec<u8>),
    Document(Vec<u8>),
    /// One that the package has as its own, and that may stay empty.
    Directory,
}

const DOC: &str = "/usr/share/doc/agentguard";
const SHARE: &str = "/usr/share/agentguard";

/// Where the schema is once it is installed, as editors want to be told in a scope, and in the sources.
const SCHEMA: (&str, &str) = (
    "#:schema file:///usr/share/agentguard/scope.schema.json\n",
    "#:schema ../scope.schema.json\n",
);

/// Everything, in the order of paths.
pub(super) fn of(program: &Path, format: Format, build: Build) -> Result<Vec<Entry>> {
    let mut list = List(Vec::new());
    list.add("/usr/bin/agentguard", Content::Program(stripped(program)?));
    list.directory("/etc/agentguard");
    list.directory("/etc/agentguard/agents.d");
    list.directory(SHARE);
    for directory in [DOC, &format!("{DOC}/examples"), &format!("{DOC}/profiles")] {
        list.directory(directory);
    }
    for (path, from) in [
        (
            "/usr/lib/systemd/system/agentguard.service",
            "agentguard.service",
        ),
        ("/usr/lib/sysusers.d/agentguard.conf", "sysusers.conf"),
        ("/usr/share/agentguard/agent.conf", "agent.conf"),
        (
            "/usr/share/agentguard/scope.schema.json",
            "scope.schema.json",
        ),
    ] {
        list.document(path, source(&format!("packaging/{from}"))?);
    }
    for name in files("packaging/profiles")? {
        let profile = source(&format!("packaging/profiles/{name}"))?;
        list.document(format!("{DOC}/profiles/{name}"), profile);
    }
    for name in files("packaging/examples")? {
        let example = installed_example(&text(&format!("packaging/examples/{name}"))?);
        list.document(format!("{DOC}/examples/{name}"), example.into_bytes());
    }
    let manual = compressed(&source("packaging/man/agentguard.8")?)?;
    list.document("/usr/share/man/man8/agentguard.8.gz", manual);
    let zsh = match format {
        Format::Deb => "vendor-completions",
        Format::Rpm => "site-functions",
    };
    for (shell, path) in [
        (
            "bash",
            "/usr/share/bash-completion/completions/agentguard".to_owned(),
        ),
        (
            "fish",
            "/usr/share/fish/vendor_completions.d/agentguard.fish".to_owned(),
        ),
        ("zsh", format!("/usr/share/zsh/{zsh}/_agentguard")),
    ] {
        let script = process::output(Command::new(program).args(["completions", shell]))?;
        list.document(path, script.into_bytes());
    }
    let changelog = source("CHANGELOG.md")?;
    match format {
        Format::Deb => {
            list.document(format!("{DOC}/changelog.gz"), compressed(&changelog)?);
            let news = compressed(debian_changelog(build)?.as_bytes())?;
            list.document(format!("{DOC}/changelog.Debian.gz"), news);
            list.document(
                format!("{DOC}/copyright"),
                source("packaging/deb/copyright")?,
            );
            let overrides = source("packaging/deb/lintian-overrides")?;
            list.document(format!("/usr/share/lintian/overrides/{NAME}"), overrides);
        }
        Format::Rpm => {
            list.document(format!("{DOC}/CHANGELOG.md"), changelog);
            list.directory("/usr/share/licenses/agentguard");
            for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
                list.document(
                    format!("/usr/share/licenses/agentguard/{name}"),
                    source(name)?,
                );
            }
        }
    }
    let mut entries = list.0;
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

struct List(Vec<Entry>);

impl List {
    fn add(&mut self, path: impl Into<String>, content: Content) {
        let path = path.into();
        self.0.push(Entry { path, content });
    }

    fn document(&mut self, path: impl Into<String>, content: Vec<u8>) {
        self.add(path, Content::Document(content));
    }

    fn directory(&mut self, path: &str) {
        self.add(path, Content::Directory);
    }
}

/// The program without what only debuggers read, which is two thirds of it.
fn stripped(program: &Path) -> Result<Vec<u8>> {
    let copy = tempfile::NamedTempFile::new().context("cannot make a file")?;
    let mut strip = Command::new("strip");
    strip.args(["--strip-all", "--remove-section=.comment", "-o"]);
    process::run(strip.arg(copy.path()).arg(program)).context("strip comes with binutils")?;
    fs::read(copy.path()).context("cannot read what strip has written")
}

/// As gzip does it, and the same each time: without a name and a time.
pub(super) fn compressed(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish().context("cannot compress")
}

/// An example that an editor can check wherever it is copied to.
fn installed_example(text: &str) -> String {
    text.replacen(SCHEMA.1, SCHEMA.0, 1)
}

/// The names of a directory's files, in order.
fn files(directory: &str) -> Result<Vec<String>> {
    let path = workspace::root().join(directory);
    let failed = || format!("cannot read {}", path.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).with_context(failed)? {
        let name = entry.with_context(failed)?.file_name();
        let name = name.into_string();
        names.push(name.map_err(|name| anyhow::anyhow!("not UTF-8: {}", name.display()))?);
    }
    names.sort();
    Ok(names)
}

/// What Debian wants to know of the packaging; of the program `changelog.gz` tells.
fn debian_changelog(build: Build) -> Result<String> {
    let (revision, when, version) = (build.revision, build.moment.in_words()?, version());
    Ok(format!(
        "{NAME} ({version}-{revision}) unstable; urgency=medium\n\n  \
         * Packaged; changelog.gz says what is new.\n\n -- {MAINTAINER}  {when}\n"
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::{compressed, debian_changelog, files, installed_example};
    use crate::dist::{Build, moment::Moment, text};

    #[test]
    fn every_example_finds_the_schema_where_it_is_installed() {
        let names = files("packaging/examples").unwrap();
        assert!(!names.is_empty());
        for name in names {
            let example = installed_example(&text(&format!("packaging/examples/{name}")).unwrap());
            assert!(
                example.starts_with("#:schema file:///usr/share/agentguard/scope.schema.json\n"),
                "{name}: {example}"
            );
        }
    }

    #[test]
    fn compressing_loses_nothing_and_adds_no_time() {
        let first = compressed(b"text").unwrap();
        let mut back = String::new();
        flate2::read::GzDecoder::new(&first[..])
            .read_to_string(&mut back)
            .unwrap();
        assert_eq!(back, "text");
        assert_eq!(first[4..8], [0; 4], "the time");
    }

    #[test]
    fn the_changelog_has_the_version_and_the_time() {
        let build = Build {
            revision: 7,
            moment: Moment::ANY,
        };
        let changelog = debian_changelog(build).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert!(changelog.starts_with(&format!("agentguard ({version}-7) unstable;")));
        assert!(
            changelog.ends_with(">  Tue, 14 Nov 2023 22:13:20 +0000\n"),
            "{changelog}"
        );
    }
}
