//! Where things are in the source tree.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The directory of the workspace: cargo's word at run time, as clones that share a target directory
/// share this program as well.
pub(crate) fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// What the tasks make and keep (`target/`, whatever `CARGO_TARGET_DIR` says): the eBPF object,
/// the kernels and machines, and tools.
pub(crate) fn artefacts() -> PathBuf {
    root().join("target")
}

/// The eBPF object that `agentguard` embeds.
pub(crate) fn ebpf_object() -> PathBuf {
    artefacts().join("ebpf/agentguard.o")
}

/// The cargo that runs this task, to build user space with this tree's eBPF object.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Named, so that what another clone has left in a shared target directory does not pass for ours.
    command
        .current_dir(root())
        .env("AGENTGUARD_EBPF_OBJECT", ebpf_object());
    command
}

/// A program on the `PATH`, or in the administrator's directories, which a user's `PATH` may lack.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}
