//! bpf-linker.

use std::{path::Path, thread};

use anyhow::{Context as _, Result};

use crate::{
    ebpf, process,
    toolchain::{self, Compiler, LINKER_VERSION, Linker},
    workspace,
};

/// Builds and installs the linker for this compiler. A bpf-linker that is there already and does
/// not go with it (other version, other LLVM) is somebody's: ours then goes beside it, into `target/`.
pub(super) fn install(compiler: &Compiler) -> Result<Linker> {
    let llvm = compiler.llvm;
    println!("setup: building bpf-linker {LINKER_VERSION} for LLVM {llvm} (about a minute)");
    let mut command = workspace::cargo();
    command
        .args([
            "install",
            "bpf-linker",
            "--version",
            LINKER_VERSION,
            "--locked",
            "--quiet",
        ])
        .args([
            "--no-default-features",
            "--features",
            &format!("llvm-{llvm}"),
        ])
        // The flags and the target of user space are not its business.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env(
            "CARGO_TARGET_DIR",
            workspace::artefacts().join("tools/build"),
        );
    let prefix = format!("/usr/lib/llvm-{llvm}");
    if Path::new(&prefix).is_dir() {
        // Without it the build takes the libraries of another LLVM, and fails.
        command.env("LLVM_PREFIX", &prefix);
    }
    let taken = workspace::find_program("bpf-linker").is_some()
        || toolchain::cargo_home().join("bin/bpf-linker").exists();
    if taken {
        command
            .arg("--root")
            .arg(toolchain::own_root())
            .arg("--force");
    }
    // One core is idle while the other links LLVM's bindings.
    let dependencies = thread::spawn({
        let compiler = compiler.clone();
        move || ebpf::build_dependencies(&compiler)
    });
    let result = process::run(&mut command);
    if let Ok(Err(error)) = dependencies.join() {
        // The build that follows meets the same obstacle, and fails.
        println!("setup: dependencies of the kernel side: {error:#}");
    }
    result.with_context(|| {
        format!(
            "cannot build bpf-linker: it takes the development files of LLVM {llvm} \
             (a package like llvm-{llvm}-dev; LLVM_PREFIX names their directory)"
        )
    })?;
    Linker::find(compiler).with_context(|| {
        format!("the LLVM of bpf-linker and that of rustc ({llvm}) differ, or it was not installed")
    })
}

/// One line on the linker.
pub(super) fn describe(linker: &Linker) -> String {
    let llvm = linker.llvm.map_or_else(
        || "LLVM linked in".to_owned(),
        |llvm| format!("LLVM {llvm}, as rustc's"),
    );
    format!(
        "bpf-linker {} ({llvm}): {}",
        linker.version,
        linker.path.display()
    )
}
