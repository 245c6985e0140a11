//! What the command's exit status says.

/// Exit status of `agentguard`. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum ExitCode {
    /// Done; `explain`: permitted.
    Done = 0,
    /// The kernel, the file system or the daemon failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A scope is invalid.
    InvalidScope = 3,
    /// The daemon cannot be reached.
    Unreachable = 4,
    /// The caller may not do this.
    NotPermitted = 5,
    /// This host lacks what agentguard needs.
    Unsuitable = 6,
    /// `status`: scopes are in force, but not those on disk, which could not be loaded.
    NotInForce = 7,
    /// `explain`: refused.
    Refused = 10,
    /// `explain`: would be refused, but is only observed.
    Observed = 11,
    /// `run`: agentguard failed, and the command was not started.
    RunFailed = 125,
    /// `run`: the command cannot be executed.
    NotExecutable = 126,
    /// `run`: there is no such command.
    NotFound = 127,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
