//! Packages in Debian's format (deb(5)): two archives of tar, in one of ar.

use std::{collections::BTreeSet, fmt::Write as _, io::Write as _};

use anyhow::{Context as _, Result, ensure};
use md5::{Digest as _, Md5};
use tar::{EntryType, Header};

use super::{
    Build, DESCRIPTION, HOMEPAGE, MAINTAINER, NAME, SUMMARY,
    contents::{Content, Entry, compressed},
    scripts, version,
};
use crate::digest;

/// What an archive of ar begins with.
const AR: &[u8] = b"!<arch>\n";

/// The package of these entries.
pub(super) fn package(entries: &[Entry], build: Build, arch: &str) -> Result<Vec<u8>> {
    let data = Tree::of(entries, build)?;
    let mut control = Tree::new(build);
    control.directory("./")?;
    let about = about(entries, build, arch)?;
    control.file("./control", 0o644, about.as_bytes())?;
    control.file("./md5sums", 0o644, sums(entries)?.as_bytes())?;
    for name in ["postinst", "postrm", "prerm"] {
        let script = scripts::get(&format!("packaging/deb/{name}"))?;
        control.file(&format!("./{name}"), 0o755, script.as_bytes())?;
    }
    let mut package = AR.to_vec();
    for (name, content) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", control.finish()?),
        ("data.tar.gz", data.finish()?),
    ] {
        let (time, size) = (build.moment.0, content.len());
        writeln!(
            package,
            "{name:<16}{time:<12}0     0     100644  {size:<10}`"
        )?;
        package.extend(content);
        if size % 2 == 1 {
            package.push(b'\n');
        }
    }
    Ok(package)
}

/// The file `control`.
fn about(entries: &[Entry], build: Build, arch: &str) -> Result<String> {
    let size: usize = entries.iter().map(installed_kib).sum();
    let mut text = format!(
        "Package: {NAME}\nVersion: {}-{}\nArchitecture: {arch}\nMaintainer: {MAINTAINER}\n\
         Installed-Size: {size}\n\
         Depends: systemd | systemd-standalone-sysusers | passwd\nRecommends: dbus, systemd\n\
         Section: admin\nPriority: optional\nHomepage: {HOMEPAGE}\nDescription: {SUMMARY}\n",
        version(),
        build.revision
    );
    for line in DESCRIPTION {
        writeln!(text, " {line}")?;
    }
    Ok(text)
}

/// As dpkg counts.
fn installed_kib(entry: &Entry) -> usize {
    match &entry.content {
        Content::Program(content) | Content::Document(content) => content.len().div_ceil(1024),
        Content::Directory => 1,
    }
}

/// What `dpkg --verify` compares.
fn sums(entries: &[Entry]) -> Result<String> {
    let mut text = String::new();
    for entry in entries {
        if let Content::Program(content) | Content::Document(content) = &entry.content {
            let sum = digest::hex(&Md5::digest(content));
            writeln!(text, "{sum}  {}", entry.path.trim_start_matches('/'))?;
        }
    }
    Ok(text)
}

/// A compressed archive, everything in which is root's.
struct Tree {
    archive: tar::Builder<Vec<u8>>,
    time: u64,
    present: BTreeSet<String>,
}

impl Tree {
    fn new(build: Build) -> Self {
        Self {
            archive: tar::Builder::new(Vec::new()),
            time: build.moment.0.into(),
            present: BTreeSet::new(),
        }
    }

    /// Entries, and the directories above them.
    fn of(entries: &[Entry], build: Build) -> Result<Self> {
        let mut tree = Self::new(build);
        for entry in entries {
            let path = format!(".{}", entry.path);
            for (end, _) in path.match_indices('/') {
                tree.directory(&path[..=end])?;
            }
            match &entry.content {
                Content::Program(content) => tree.file(&path, 0o755, content)?,
                Content::Document(content) => tree.file(&path, 0o644, content)?,
                Content::Directory => tree.directory(&format!("{path}/"))?,
            }
        }
        Ok(tree)
    }

    /// A directory, unless it is there already. Its name ends with a slash.
    fn directory(&mut self, path: &str) -> Result<()> {
        if self.present.insert(path.to_owned()) {
            self.entry(path, EntryType::Directory, 0o755, &[])?;
        }
        Ok(())
    }

    fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.entry(path, EntryType::Regular, mode, content)
    }

    fn entry(&mut self, path: &str, kind: EntryType, mode: u32, content: &[u8]) -> Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("root")?;
        header.set_groupname("root")?;
        header.set_mtime(self.time);
        header.set_size(content.len().try_into()?);
        // As dpkg-deb writes it: `set_path` would drop the dot in front.
        let name = &mut header.as_old_mut().name;
        ensure!(path.len() < name.len(), "too long for a package: {path}");
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        let written = self.archive.append(&header, content);
        written.with_context(|| format!("cannot archive {path}"))
    }

    fn finish(self) -> Result<Vec<u8>> {
        let archive = self.archive.into_inner().context("cannot end an archive")?;
        compressed(&archive)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::{Content, Entry, package};
    use crate::dist::{Build, moment::Moment};

    const BUILD: Build = Build {
        revision: 3,
        moment: Moment::ANY,
    };

    fn entries() -> Vec<Entry> {
        let entry = |path: &str, content| Entry {
            path: path.to_owned(),
            content,
        };
        vec![
            entry("/etc/agentguard", Content::Directory),
            entry("/usr/bin/agentguard", Content::Program(vec![7; 1025])),
            entry("/usr/share/text", Content::Document(b"odd".to_vec())),
        ]
    }

    /// What `ar` and `tar` find in it.
    #[test]
    fn other_programs_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.deb");
        fs::write(&path, package(&entries(), BUILD, "amd64").unwrap()).unwrap();
        let script = "ar t test.deb; ar p test.deb debian-binary
            for part in control data; do
                ar p test.deb $part.tar.gz > $part
                tar --utc --full-time -tvzf $part
            done
            tar -xzOf control ./md5sums";
        let mut shell = Command::new("sh");
        let output = shell.args(["-ec", script]).current_dir(&directory).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        let said: Vec<&str> = said.lines().collect();
        assert_eq!(
            said[..4],
            ["debian-binary", "control.tar.gz", "data.tar.gz", "2.0"]
        );
        for (mode, name) in [
            ("drwxr-xr-x", "./"),
            ("-rw-r--r--", "./control"),
            ("-rwxr-xr-x", "./postinst"),
            ("drwxr-xr-x", "./etc/agentguard/"),
            ("drwxr-xr-x", "./usr/bin/"),
            ("-rwxr-xr-x", "./usr/bin/agentguard"),
            ("-rw-r--r--", "./usr/share/text"),
        ] {
            let found = said.iter().filter(|line| {
                line.starts_with(&format!("{mode} root/root "))
                    && line.ends_with(&format!(" 2023-11-14 22:13:20 {name}"))
            });
            assert!(found.count() >= 1, "{name} is not in {said:#?}");
        }
        // As `printf odd | md5sum` has it.
        assert_eq!(
            said.last(),
            Some(&"a2b6f2a6066ed8700d83335fc50a2b8e  usr/share/text")
        );
    }

    #[test]
    fn the_same_is_the_same() {
        let make = || package(&entries(), BUILD, "amd64").unwrap();
        assert!(make() == make());
    }

    #[test]
    fn a_path_that_tar_would_cut_is_refused() {
        let path = format!("/{}", "a".repeat(100));
        let content = Content::Document(Vec::new());
        assert!(package(&[Entry { path, content }], BUILD, "amd64").is_err());
    }
}
