//! The compiler of the kernel side, and the linker that goes with it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{process, workspace};

/// The bpf-linker that the object is made with, and the oldest that is accepted.
pub(crate) const LINKER_VERSION: &str = "0.13.0";
/// The oldest compiler that the eBPF libraries build with (major, minor).
const OLDEST_RUSTC: (u32, u32) = (1, 87);

/// A compiler that can build `core` for the BPF target.
#[derive(Clone, Debug)]
pub(crate) struct Compiler {
    route: Route,
    /// What `rustc -vV` says.
    pub(crate) description: String,
    /// The major version of its LLVM.
    pub(crate) llvm: u32,
}

#[derive(Clone, Copy, Debug)]
enum Route {
    /// Debian's `rustc-web`: a stable compiler that ships the sources of `core`.
    System,
    /// rustup's nightly with `rust-src`.
    Nightly,
}

impl Compiler {
    /// The first route that works on this machine.
    pub(crate) fn find() -> Option<Self> {
        [Route::System, Route::Nightly]
            .into_iter()
            .find_map(|route| Self::try_route(route).ok())
    }

    fn try_route(route: Route) -> Result<Self> {
        let rustc = |argument: &[&str]| {
            let mut command = match route {
                Route::System => Command::new("/usr/bin/rustc"),
                Route::Nightly => {
                    let mut command = Command::new("rustup");
                    command.args(["run", "nightly", "rustc"]);
                    command
                }
            };
            process::output(command.args(argument))
        };
        if matches!(route, Route::System) && !Path::new("/usr/bin/cargo").is_file() {
            bail!("no /usr/bin/cargo");
        }
        let sysroot = rustc(&["--print", "sysroot"])?;
        let core = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/Cargo.toml");
        if !core.is_file() {
            bail!("the sources of core are missing: {}", core.display());
        }
        let description = rustc(&["-vV"])?;
        let release = field(&description, "release: ").context("rustc -vV has no release")?;
        if version(release) < Some(OLDEST_RUSTC) {
            bail!("rustc {release} is too old");
        }
        let llvm = field(&description, "LLVM version: ")
            .and_then(|text| text.split('.').next()?.parse().ok())
            .context("rustc -vV has no LLVM version")?;
        Ok(Self {
            route,
            description,
            llvm,
        })
    }

    /// Its name, for people.
    pub(crate) fn name(&self) -> String {
        let rustc = self.description.lines().next().unwrap_or_default();
        match self.route {
            Route::System => format!("/usr/bin/rustc: {rustc}, LLVM {}", self.llvm),
            Route::Nightly => format!("rustup nightly: {rustc}, LLVM {}", self.llvm),
        }
    }

    /// Whether clippy of the same version is installed.
    pub(crate) fn has_clippy(&self) -> bool {
        match self.route {
            Route::System => Path::new("/usr/bin/clippy-driver").is_file(),
            Route::Nightly => process::output(Command::new("rustup").args([
                "run",
                "nightly",
                "cargo-clippy",
                "--version",
            ]))
            .is_ok(),
        }
    }

    /// Cargo with this compiler, in the directory of the kernel side. What the caller's environment
    /// says of compilers and flags is for user space, and is taken away.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = match self.route {
            Route::System => {
                let mut command = Command::new("/usr/bin/cargo");
                // Its subcommands too: rustup's `cargo-clippy` brings rustup's compiler.
                let path = std::env::var_os("PATH").unwrap_or_default();
                let mut own = std::ffi::OsString::from("/usr/bin:");
                own.push(path);
                command
                    .env("PATH", own)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTC", "/usr/bin/rustc");
                command
            }
            Route::Nightly => {
                let mut command = Command::new("rustup");
                command
                    .args(["run", "nightly", "cargo"])
                    .env_remove("RUSTC");
                command
            }
        };
        for variable in [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
        ] {
            command.env_remove(variable);
        }
        command.current_dir(workspace::root().join("agentguard-ebpf"));
        command
    }
}

/// An installed bpf-linker.
#[derive(Clone, Debug)]
pub(crate) struct Linker {
    pub(crate) path: PathBuf,
    /// What `bpf-linker --version` says.
    pub(crate) version: String,
    /// The major version of its LLVM; `None` when LLVM is linked into it and does not show.
    pub(crate) llvm: Option<u32>,
}

impl Linker {
    /// The first installed linker that goes with `compiler`: on the `PATH`, in cargo's directory, or
    /// of this tree's own.
    pub(crate) fn find(compiler: &Compiler) -> Option<Self> {
        [
            workspace::find_program("bpf-linker"),
            Some(cargo_home().join("bin/bpf-linker")),
            Some(own()),
        ]
        .into_iter()
        .flatten()
        .filter(|path| path.is_file())
        .filter_map(|path| Self::inspect(&path).ok())
        .find(|linker| linker.suits(compiler))
    }

    fn inspect(path: &Path) -> Result<Self> {
        let version = process::output(Command::new(path).arg("--version"))?;
        let version = version.trim().trim_start_matches("bpf-linker ").to_owned();
        // ldd fails on a static program, which then has its LLVM inside.
        let libraries = process::output(Command::new("ldd").arg(path)).unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            version,
            llvm: llvm_of(&libraries),
        })
    }

    fn suits(&self, compiler: &Compiler) -> bool {
        version(&self.version) >= version(LINKER_VERSION)
            && self.llvm.is_none_or(|llvm| llvm == compiler.llvm)
    }
}

/// Where cargo installs programs.
pub(crate) fn cargo_home() -> PathBuf {
    env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo"),
        PathBuf::from,
    )
}

/// The linker of this tree alone.
pub(crate) fn own() -> PathBuf {
    own_root().join("bin/bpf-linker")
}

/// Where programs of this tree alone are installed.
pub(crate) fn own_root() -> PathBuf {
    workspace::artefacts().join("tools")
}

fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key))
}

/// Major and minor of a version.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The major version of the LLVM library among those that ldd lists.
fn llvm_of(libraries: &str) -> Option<u32> {
    let digits = libraries
        .split("libLLVM")
        .nth(1)?
        .trim_start_matches(|c: char| !c.is_ascii_digit());
    digits
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::{field, llvm_of, version};

    #[test]
    fn llvm_is_read_from_either_name_of_its_library() {
        assert_eq!(
            llvm_of("\tlibLLVM.so.22.1 => /usr/lib/llvm-22/lib/libLLVM.so.22.1 (0x0)"),
            Some(22)
        );
        assert_eq!(
            llvm_of("\tlibLLVM-19.so.1 => /lib/libLLVM-19.so.1 (0x0)"),
            Some(19)
        );
        assert_eq!(llvm_of("\tlibc.so.6 => /lib/libc.so.6 (0x0)"), None);
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("1.100.0") > version("1.87.0"));
        assert!(version("0.9.15") < version("0.13.0"));
        assert_eq!(version("nightly"), None);
    }

    #[test]
    fn a_field_is_found_at_the_start_of_its_line() {
        assert_eq!(
            field("host: a\nLLVM version: 22.1.8\n", "LLVM version: "),
            Some("22.1.8")
        );
        assert_eq!(field("no LLVM version: 1\n", "LLVM version: "), None);
    }
}
