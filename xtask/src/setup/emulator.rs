//! The emulator that runs the virtual machines.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::debian;
use crate::{process, workspace};

/// The program.
pub(super) const PROGRAM: &str = "qemu-system-x86_64";
/// Debian's package of it.
const PACKAGE: &str = "qemu-system-x86";

/// The first version that does not translate code while another processor of the machine rewrites it. Before, the
/// kernel met breakpoints at times that it had taken away again, and panicked ("Oops: int3"): in the middle of a suite,
/// as each daemon that starts or stops has the kernel rewrite itself.
/// <https://bugzilla.redhat.com/show_bug.cgi?id=2216496>
const SOUND: Version = Version(8, 1);

/// Major and minor.
#[derive(Clone, Copy, Debug, Eq, PartialEq, PartialOrd)]
struct Version(u32, u32);

/// Installs it where Debian's packages are to be had; elsewhere whoever is here has done it.
pub(super) fn install(is_debian: bool) -> Result<()> {
    if installed()?.is_some_and(|version| version >= SOUND) {
        return Ok(());
    }
    if is_debian {
        // Debian 12 has it among what was made for 13.
        if debian::release()?.as_deref() == Some("bookworm")
            && let Err(error) = debian::install_backport(PACKAGE, "bookworm")
        {
            println!("setup: {error:#}");
        }
        if installed()?.is_none() {
            debian::install(&[PACKAGE.to_owned()].into())?;
        }
    }
    let Version(major, minor) = installed()?.context("there is no qemu-system-x86_64")?;
    if Version(major, minor) < SOUND {
        println!(
            "setup: QEMU {major}.{minor} translates code that is being rewritten: a machine's kernel may panic for it \
             (\"Oops: int3\"), which {}.{} and newer spare it",
            SOUND.0, SOUND.1
        );
    }
    Ok(())
}

/// The version that is installed.
fn installed() -> Result<Option<Version>> {
    if workspace::find_program(PROGRAM).is_none() {
        return Ok(None);
    }
    let text = process::output(Command::new(PROGRAM).arg("--version"))?;
    parse(&text)
        .map(Some)
        .with_context(|| format!("{PROGRAM} --version says {:?}", text.trim()))
}

/// `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)`, and more.
fn parse(text: &str) -> Option<Version> {
    let (_, version) = text.lines().next()?.split_once(" version ")?;
    let mut numbers = version
        .split(|character: char| !character.is_ascii_digit())
        .map(str::parse);
    Some(Version(numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::{SOUND, Version, parse};

    #[test]
    fn versions_are_compared_as_numbers() {
        let debian_12 =
            "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright\n";
        let debian_13 = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1)\n";
        assert_eq!(parse(debian_12), Some(Version(7, 2)));
        assert!(parse(debian_12) < Some(SOUND));
        assert!(parse(debian_13) > Some(SOUND));
        assert_eq!(parse("QEMU emulator version 8.1\n"), Some(SOUND));
        assert_eq!(parse("QEMU"), None);
    }
}
