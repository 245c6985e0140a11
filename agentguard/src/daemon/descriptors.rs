//! How many files the daemon may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// As many as it is allowed to allow itself: each agent that has rules by name needs some.
pub(super) fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!("cannot have more files open: {error}");
    }
}
