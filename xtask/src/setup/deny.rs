//! cargo-deny.

use anyhow::{Context as _, Result};

use crate::{process, toolchain, workspace};

/// A version that the oldest supported compiler builds.
const VERSION: &str = "0.20.2";

/// Installs cargo-deny if it is missing.
pub(super) fn install() -> Result<()> {
    let found = workspace::find_program("cargo-deny").or_else(|| {
        Some(toolchain::cargo_home().join("bin/cargo-deny")).filter(|path| path.is_file())
    });
    if let Some(path) = found {
        println!("setup: cargo-deny: {}", path.display());
        return Ok(());
    }
    println!("setup: building cargo-deny (a few minutes)");
    process::run(
        workspace::cargo()
            .args([
                "install",
                "cargo-deny",
                "--version",
                VERSION,
                "--locked",
                "--quiet",
            ])
            .env_remove("RUSTFLAGS")
            .env(
                "CARGO_TARGET_DIR",
                workspace::artefacts().join("tools/build"),
            ),
    )
    .context("cannot install cargo-deny, without which the licences are not checked")
}
