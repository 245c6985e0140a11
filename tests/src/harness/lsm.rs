//! Whether this kernel can enforce rules for files.

use super::Options;
use crate::{daemon::Doctor, error::Outcome, host::is_emulated};

/// Why it cannot, in the words of `agentguard doctor`; nothing if it can.
///
/// The emulated machines must all be able to, so nothing is asked there: where they cannot, the daemon does
/// not start.
pub(super) fn absent(options: &Options) -> Outcome<Option<String>> {
    if is_emulated() {
        return Ok(None);
    }
    Doctor::ask(&options.agentguard)?.files_are_not_enforced()
}
