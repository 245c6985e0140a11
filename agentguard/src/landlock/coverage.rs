//! What Landlock does not cover, by the version of its ABI.
//!
//! <https://docs.kernel.org/userspace-api/landlock.html>; each is tried by the suite.

/// The first version that covers truncating (Linux 6.2).
const TRUNCATE: u32 = 3;
/// The first version that covers signals and abstract sockets (Linux 6.12).
const SCOPES: u32 = 6;
/// The first version that covers Unix sockets by their path (Linux 7.1).
pub(super) const RESOLVE_UNIX: u32 = 9;

/// What a scope can forbid and Landlock of this version does not, in words for operators.
pub fn uncovered(abi: u32) -> Vec<&'static str> {
    let mut uncovered = Vec::new();
    if abi < RESOLVE_UNIX {
        uncovered.push("connections to Unix sockets by path");
    }
    if abi < SCOPES {
        uncovered.push("connections to abstract Unix sockets");
        uncovered.push("signals");
    }
    if abi < TRUNCATE {
        uncovered.push("truncating files");
    }
    uncovered.extend([
        "changing modes, owners, times and extended attributes",
        "running what may only be read, through the dynamic loader or from memory",
        "user namespaces",
        "records of what is refused",
    ]);
    uncovered
}

/// One line about it.
pub fn summary(abi: u32) -> String {
    format!(
        "Landlock, ABI {abi}: only processes started by `agentguard run`, and not covered: {}",
        uncovered(abi).join("; ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_kernels_cover_more() {
        let counts: Vec<usize> = (1..=10).map(|abi| uncovered(abi).len()).collect();
        assert_eq!(counts, [8, 8, 7, 7, 7, 5, 5, 5, 4, 4]);
        assert!(summary(7).contains("Unix sockets by path; changing modes"));
        assert!(!summary(9).contains("Unix sockets by path"));
    }
}
