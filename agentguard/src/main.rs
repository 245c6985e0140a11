//! The `agentguard` command.

fn main() -> std::process::ExitCode {
    agentguard::cli::main().into()
}
