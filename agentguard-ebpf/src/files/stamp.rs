//! When names and mounts were looked at: what is kept of them is true as long as neither changes.

use agentguard_common::scope::ScopeWord;

use super::mounts::generation;
use crate::{kernel::renames, verifier};

/// A moment between renames and changes of mounts, as of one scope.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Stamp {
    /// The scope.
    pub word: u64,
    /// How often mounts have changed.
    pub generation: u64,
    /// The kernel's count of renames.
    pub renames: u64,
}

impl Stamp {
    /// Of no scope.
    pub const NEVER: Self = Self {
        word: 0,
        generation: 0,
        renames: 0,
    };

    /// Whether it is [`NEVER`](Self::NEVER).
    #[inline(always)]
    pub fn is_never(&self) -> bool {
        self.word == 0
    }

    /// Now. `None` while something is renamed, and if the counts cannot be read.
    #[inline(always)]
    pub fn now(word: ScopeWord) -> Option<Self> {
        let renames = renames()?;
        if renames & 1 != 0 {
            return None;
        }
        Some(Self {
            word: word.0,
            generation: generation()?,
            renames: u64::from(renames),
        })
    }

    /// Now, or [`NEVER`](Self::is_never). What follows is verified once, not once for each.
    #[inline(always)]
    pub fn now_or_never(word: ScopeWord) -> Self {
        let now = Self::now(word).unwrap_or(Self::NEVER);
        Self {
            word: verifier::forget_wide(now.word),
            generation: verifier::forget_wide(now.generation),
            renames: u64::from(verifier::forget(now.renames as u32)),
        }
    }

    /// Whether it is the other.
    #[inline(always)]
    pub fn is(&self, other: &Self) -> bool {
        (self.word ^ other.word)
            | (self.generation ^ other.generation)
            | (self.renames ^ other.renames)
            == 0
    }
}
