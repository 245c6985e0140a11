//! Memory that is needed for a moment only.
//!
//! Loading scopes takes several times the memory that they take afterwards, on whatever thread does
//! it. Left to itself, glibc keeps what is freed.

/// Keeps the allocator at its initial thresholds. It raises them with the largest block that it
/// has seen, and then gives nothing back.
pub(crate) fn prepare() {
    #[cfg(target_env = "gnu")]
    {
        /// glibc's initial value.
        const THRESHOLD: i32 = 128 << 10;
        // SAFETY: the call takes numbers; there is one thread yet.
        let is_set = unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, THRESHOLD) };
        if is_set == 0 {
            tracing::debug!("mallopt: not set");
        }
    }
}

/// Gives the system back what has been freed.
pub(crate) fn give_back() {
    // SAFETY: the call has no preconditions; it touches only memory that is free.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}
