//! What runs when a package comes, changes and goes.

use anyhow::Result;

use super::text;

/// What all of them begin with.
const COMMON: &str = "packaging/scripts.sh";

/// A script of a package: which of the common steps it takes is in `path`.
pub(super) fn get(path: &str) -> Result<String> {
    Ok(joined(&text(COMMON)?, &text(path)?))
}

fn joined(common: &str, own: &str) -> String {
    format!("#!/bin/sh\n{common}\n{own}")
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::{get, joined};

    const SCRIPTS: [&str; 6] = [
        "packaging/deb/postinst",
        "packaging/deb/prerm",
        "packaging/deb/postrm",
        "packaging/rpm/post",
        "packaging/rpm/preun",
        "packaging/rpm/postun",
    ];

    /// Runs a script with functions that only say their names.
    fn called(script: &str, arguments: &[&str]) -> (bool, String) {
        let functions = "for name in installed upgraded removing removed purged; do
                eval \"$name() { echo $name; }\"
            done\n";
        let own = super::text(script).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &joined(functions, &own), "script"]);
        let output = shell.args(arguments).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), said.trim().to_owned())
    }

    #[test]
    fn every_argument_of_the_packagers_has_its_step() {
        let cases: &[(&str, &[&str], &str)] = &[
            ("packaging/deb/postinst", &["configure", ""], "installed"),
            (
                "packaging/deb/postinst",
                &["configure", "0.1.0-1"],
                "upgraded",
            ),
            ("packaging/deb/postinst", &["abort-remove"], ""),
            ("packaging/deb/prerm", &["remove"], "removing"),
            ("packaging/deb/prerm", &["upgrade", "0.2.0-1"], ""),
            ("packaging/deb/postrm", &["remove"], "removed"),
            ("packaging/deb/postrm", &["purge"], "purged"),
            ("packaging/deb/postrm", &["upgrade", "0.2.0-1"], ""),
            ("packaging/rpm/post", &["1"], "installed"),
            ("packaging/rpm/post", &["2"], "upgraded"),
            ("packaging/rpm/preun", &["0"], "removing"),
            ("packaging/rpm/preun", &["1"], ""),
            ("packaging/rpm/postun", &["0"], "removed"),
            ("packaging/rpm/postun", &["1"], ""),
        ];
        for &(script, arguments, step) in cases {
            let expected = (true, step.to_owned());
            assert_eq!(
                called(script, arguments),
                expected,
                "{script} {arguments:?}"
            );
        }
    }

    #[test]
    fn an_argument_that_nobody_knows_is_an_error() {
        for script in &SCRIPTS[..3] {
            assert!(!called(script, &["dance"]).0, "{script}");
        }
    }

    #[test]
    fn each_is_a_script_that_the_shell_can_read() {
        for script in SCRIPTS {
            let script = get(script).unwrap();
            assert!(script.starts_with("#!/bin/sh\n"));
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), &script).unwrap();
            let status = Command::new("sh").arg("-n").arg(file.path()).status();
            assert!(status.unwrap().success(), "{script}");
        }
    }
}
