//! Where things are in the source tree.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The directory of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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

/// The cargo that runs this task, and that builds user space.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// A program on the `PATH`, or in the administrator's directories, which a user's `PATH` may lack.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}
