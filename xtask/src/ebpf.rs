//! Builds the kernel side, once for each state of its sources and tools.

use std::{
    env, fs, iter,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::{
    digest, process,
    toolchain::{Compiler, Linker},
    workspace,
};

/// Makes sure that the eBPF object is there and is made from the sources as they are.
pub(crate) fn build(compiler: &Compiler, linker: &Linker) -> Result<()> {
    let object = workspace::ebpf_object();
    let stamp = object.with_extension("stamp");
    let inputs = inputs(compiler, linker)?;
    let recorded = fs::read_to_string(&stamp).unwrap_or_default();
    if object.is_file() && recorded == line(&inputs, &object)? {
        println!("ebpf: {} is up to date", object.display());
        return Ok(());
    }

    println!("ebpf: building {}", object.display());
    // By name, as the crate's configuration has it: another path would compile `core` anew.
    let directory = linker
        .path
        .parent()
        .context("the linker is in a directory")?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = iter::once(directory.to_owned()).chain(env::split_paths(&path));
    process::run(cargo_build(compiler).env("PATH", env::join_paths(path)?))?;
    replace(
        &build_directory().join("bpfel-unknown-none/release/agentguard-ebpf"),
        &object,
    )?;
    fs::write(&stamp, line(&inputs, &object)?)
        .with_context(|| format!("cannot write {}", stamp.display()))
}

/// Compiles `core` and the libraries, which takes no linker.
pub(crate) fn build_dependencies(compiler: &Compiler) -> Result<()> {
    process::run(cargo_build(compiler).args([
        "--quiet",
        "-p",
        "aya-ebpf",
        "-p",
        "agentguard-common",
    ]))
}

fn cargo_build(compiler: &Compiler) -> Command {
    let mut command = compiler.cargo();
    command
        .args(["build", "--release", "--locked"])
        .env("CARGO_TARGET_DIR", build_directory());
    command
}

fn build_directory() -> PathBuf {
    workspace::artefacts().join("ebpf/build")
}

/// What the object is made from and what it is: a change of either builds it anew.
fn line(inputs: &str, object: &Path) -> Result<String> {
    Ok(format!("{inputs} {}\n", digest::file(object)?))
}

/// Puts `new` at `object`, unless it is the same: the time of change makes user space build again.
fn replace(new: &Path, object: &Path) -> Result<()> {
    if object.is_file() && digest::file(new)? == digest::file(object)? {
        return Ok(());
    }
    let temporary = object.with_extension("new");
    fs::copy(new, &temporary).with_context(|| format!("cannot copy {}", new.display()))?;
    fs::rename(&temporary, object).with_context(|| format!("cannot write {}", object.display()))
}

fn inputs(compiler: &Compiler, linker: &Linker) -> Result<String> {
    let root = workspace::root();
    let mut files = vec![
        // The shared crate inherits its edition from the workspace.
        root.join("Cargo.toml"),
        root.join("agentguard-common/Cargo.toml"),
        root.join("agentguard-ebpf/Cargo.toml"),
        root.join("agentguard-ebpf/Cargo.lock"),
        root.join("agentguard-ebpf/.cargo/config.toml"),
    ];
    for directory in ["agentguard-common/src", "agentguard-ebpf/src"] {
        collect(&root.join(directory), &mut files)?;
    }
    files.sort();

    let mut hash = Sha256::new();
    for text in [
        &compiler.description,
        &linker.version,
        &linker.path.to_string_lossy().into_owned(),
    ] {
        hash.update(text);
        hash.update([0]);
    }
    for file in &files {
        hash.update(
            file.strip_prefix(&root)
                .unwrap_or(file)
                .to_string_lossy()
                .as_bytes(),
        );
        hash.update([0]);
        hash.update(digest::file(file)?);
    }
    Ok(digest::hex(&hash.finalize()))
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
