//! Tells the library where the eBPF object is that it embeds (`env!("AGENTGUARD_EBPF_OBJECT")`).

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

const VARIABLE: &str = "AGENTGUARD_EBPF_OBJECT";

fn main() -> ExitCode {
    println!("cargo:rerun-if-env-changed={VARIABLE}");
    // At run time: clones that share a target directory share this program as well.
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let object = env::var_os(VARIABLE).map_or_else(
        || Path::new(&package).join("../target/ebpf/agentguard.o"),
        PathBuf::from,
    );
    println!("cargo:rerun-if-changed={}", object.display());
    match object.canonicalize() {
        Ok(path) => {
            println!("cargo:rustc-env={VARIABLE}={}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!(
                "cargo:error=the eBPF object {} is missing ({error}): run `cargo xtask build`",
                object.display()
            );
            ExitCode::FAILURE
        }
    }
}
