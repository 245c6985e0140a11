//! Archives in the "newc" format of cpio, which the kernel unpacks as its first file system.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Write},
    path::{Component, Path},
};

use anyhow::{Context as _, Result, bail};

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_755;
const DOCUMENT: u32 = 0o100_644;
const LINK: u32 = 0o120_777;

/// An archive that is being written.
#[derive(Debug)]
pub(super) struct Archive<W> {
    output: W,
    /// Directories and files that are in it.
    present: BTreeSet<String>,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(output: W) -> Self {
        Self {
            output,
            present: BTreeSet::new(),
        }
    }

    /// Adds an executable file, and the directories above it. A second file of the same name is
    /// ignored: programs share their libraries.
    pub(super) fn file(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        self.add(path, FILE, content)
    }

    /// The same for a file that is not executable.
    pub(super) fn document(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        self.add(path, DOCUMENT, content)
    }

    /// The same for a symbolic link.
    pub(super) fn link(&mut self, path: &Path, target: &str) -> Result<()> {
        self.add(path, LINK, target.as_bytes())
    }

    fn add(&mut self, path: &Path, mode: u32, content: &[u8]) -> Result<()> {
        let name = name(path)?;
        if self.present.contains(&name) {
            return Ok(());
        }
        for (end, _) in name.match_indices('/') {
            self.directory(&name[..end])?;
        }
        self.entry(&name, mode, content)
    }

    /// Adds an empty directory, and those above it.
    pub(super) fn empty_directory(&mut self, path: &Path) -> Result<()> {
        let name = name(path)? + "/";
        for (end, _) in name.match_indices('/') {
            self.directory(&name[..end])?;
        }
        Ok(())
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> Result<()> {
        self.entry("TRAILER!!!", 0, &[])?;
        self.output.flush().context("cannot write the archive")
    }

    fn directory(&mut self, name: &str) -> Result<()> {
        if self.present.contains(name) {
            return Ok(());
        }
        self.entry(name, DIRECTORY, &[])
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.present.insert(name.to_owned());
        let inode = u32::try_from(self.present.len())?;
        let size = u32::try_from(content.len())
            .with_context(|| format!("{name} does not fit into an archive (4 GiB)"))?;
        let name_size = u32::try_from(name.len() + 1)?;
        // inode, mode, user, group, links, time, size, device (2), special device (2), name, checksum
        let fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        let mut header = String::from("070701");
        for field in fields {
            write!(header, "{field:08x}")?;
        }
        header.push_str(name);
        header.push('\0');
        self.padded(header.as_bytes())
            .and_then(|()| self.padded(content))
            .context("cannot write the archive")
    }

    /// Header with name, and content, each end at a multiple of four.
    fn padded(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)?;
        self.output
            .write_all(&[0; 3][..bytes.len().next_multiple_of(4) - bytes.len()])
    }
}

/// The name in the archive: relative, with plain components.
fn name(path: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir => {}
            Component::Normal(part) => {
                parts.push(
                    part.to_str()
                        .with_context(|| format!("not UTF-8: {}", path.display()))?,
                );
            }
            _ => bail!("not a plain path: {}", path.display()),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Archive;

    fn names(archive: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut entries = Vec::new();
        let mut rest = archive;
        loop {
            assert_eq!(&rest[..6], b"070701");
            let field = |index: usize| {
                let text = std::str::from_utf8(&rest[6 + 8 * index..14 + 8 * index]).unwrap();
                u32::from_str_radix(text, 16).unwrap()
            };
            let (mode, size, name_size) = (field(1), field(6) as usize, field(11) as usize);
            let name = String::from_utf8(rest[110..109 + name_size].to_vec()).unwrap();
            assert_eq!(rest[109 + name_size], 0);
            let start = (110 + name_size).next_multiple_of(4);
            let content = rest[start..start + size].to_vec();
            rest = &rest[(start + size).next_multiple_of(4)..];
            if name == "TRAILER!!!" {
                assert!(rest.is_empty());
                return entries;
            }
            entries.push((name, mode, content));
        }
    }

    #[test]
    fn parents_come_first_and_nothing_comes_twice() {
        let mut bytes = Vec::new();
        let mut archive = Archive::new(&mut bytes);
        archive.file(Path::new("/usr/bin/one"), b"first").unwrap();
        archive.document(Path::new("/usr/bin/two"), b"").unwrap();
        archive.file(Path::new("/usr/bin/one"), b"again").unwrap();
        archive.empty_directory(Path::new("/usr/lib")).unwrap();
        archive.link(Path::new("/usr/three"), "bin/one").unwrap();
        archive.finish().unwrap();
        let expected = [
            ("usr", 0o040_755, &b""[..]),
            ("usr/bin", 0o040_755, b""),
            ("usr/bin/one", 0o100_755, b"first"),
            ("usr/bin/two", 0o100_644, b""),
            ("usr/lib", 0o040_755, b""),
            ("usr/three", 0o120_777, b"bin/one"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|&(name, mode, content)| (name.to_owned(), mode, content.to_vec()))
            .collect();
        assert_eq!(names(&bytes), expected);
    }

    #[test]
    fn a_path_that_climbs_is_refused() {
        let mut archive = Archive::new(Vec::new());
        assert!(archive.file(Path::new("/usr/../etc/passwd"), b"").is_err());
    }
}
