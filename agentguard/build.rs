//! Tells the library where the eBPF object is that it embeds (`env!("AGENTGUARD_EBPF_OBJECT")`).

use std::{env, path::Path, process::ExitCode};

const VARIABLE: &str = "AGENTGUARD_EBPF_OBJECT";

fn main() -> ExitCode {
    println!("cargo:rerun-if-env-changed={VARIABLE}");
    let object = env::var_os(VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/ebpf/agentguard.o"),
        Into::into,
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
