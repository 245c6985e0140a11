//! The file system that a machine boots into.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{cpio::Archive, modules};
use crate::workspace;

/// Programs of this host that go along, with their libraries: the suite arranges its networks with
/// `ip`, and its agents are made of the others.
const HOST_PROGRAMS: &[&str] = &["ip", "sh", "cat", "sleep", "true", "false"];

/// Plain files that a system has.
const FILES: &[(&str, &str)] = &[
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    ),
    ("/etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    (
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\n",
    ),
];

const DIRECTORIES: &[&str] = &[
    "/dev", "/proc", "/sys", "/run", "/srv", "/tmp", "/root", "/var/log", "/modules",
];

/// Writes the archive: our programs in `/bin`, those of the host, the kernel's modules, and the
/// command that `init` runs.
pub(super) fn write(
    archive: &Path,
    init: &Path,
    programs: &[PathBuf],
    kernel_modules: &Path,
    command: &[String],
) -> Result<()> {
    let file =
        File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let mut archive = Archive::new(BufWriter::new(file));
    for directory in DIRECTORIES {
        archive.empty_directory(Path::new(directory))?;
    }
    for (path, content) in FILES {
        archive.file(Path::new(path), content.as_bytes())?;
    }
    archive.file(Path::new("/init"), &read(init)?)?;
    for program in programs {
        let name = program.file_name().context("a program has a name")?;
        archive.file(&Path::new("/bin").join(name), &read(program)?)?;
    }
    for name in HOST_PROGRAMS {
        let program = workspace::find_program(name)
            .with_context(|| format!("{name} is not installed: run `cargo xtask setup`"))?;
        archive.file(&Path::new("/bin").join(name), &read(&program)?)?;
        for library in libraries(&program)? {
            archive.file(&library, &read(&library)?)?;
        }
    }
    for (index, (name, content)) in modules::in_order(kernel_modules, &[])?.iter().enumerate() {
        archive.file(
            &Path::new("/modules").join(format!("{index:03}-{name}.ko")),
            content,
        )?;
    }
    archive.file(
        Path::new("/command"),
        (command.join("\0") + "\0").as_bytes(),
    )?;
    archive.finish()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The shared libraries of a program and its loader, where the loader looks for them.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    // ldd fails for a static program, which has none.
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .context("cannot start ldd")?;
    Ok(parse_ldd(&String::from_utf8_lossy(&output.stdout)))
}

fn parse_ldd(text: &str) -> Vec<PathBuf> {
    text.lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::parse_ldd;

    #[test]
    fn libraries_and_loader_are_found() {
        let text = "\tlinux-vdso.so.1 (0x00007ffe)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let expected = [
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
        ];
        assert_eq!(parse_ldd(text), expected.map(PathBuf::from));
        assert!(parse_ldd("\tnot a dynamic executable\n").is_empty());
    }
}
