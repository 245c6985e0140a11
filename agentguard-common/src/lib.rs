//! What agentguard's kernel programs and its daemon share.
//!
//! Two things live here and nowhere else: the **ABI** (the layout of every map value and of the
//! event record) and the **decision** (may this agent reach this destination, or this path?). The
//! decision is generic over [`decision::Tables`] and [`path::Tables`], small traits of look-ups: the
//! kernel implements the first with BPF maps, the daemon both with collections. `check`, `explain`
//! and the tests therefore run the code that the kernel runs.
//!
//! The crate is `no_std`, never allocates and never panics.

#![cfg_attr(not(test), no_std)]
#![expect(
    clippy::inline_always,
    reason = "in BPF a function that is not inlined is verified and called as a program of its own"
)]

pub mod address;
pub mod counters;
pub mod decision;
pub mod event;
pub mod identity;
pub mod limits;
pub mod lists;
mod matched;
pub mod mounts;
pub mod names;
pub mod offsets;
pub mod path;
pub mod process;
pub mod protocol;
pub mod rules;
pub mod scope;
pub mod self_test;
mod set;
pub mod socket;
pub mod tls;
pub mod verdict;

/// Number of the ABI between kernel and user space.
///
/// It changes whenever the layout of a shared type or the meaning of a field changes.
pub const ABI: u32 = 4;

#[cfg(feature = "user")]
mod user {
    //! Types that user space reads from and writes to maps as bytes.

    use crate::{
        address::Address,
        counters::Counters,
        identity, mounts, names, offsets,
        path::{LiteralKey, Positions, Table, glob::Next},
        scope::Row,
        self_test::SelfTest,
    };

    // SAFETY: each is `repr(C)`, without padding, and valid for every bit pattern.
    unsafe impl aya::Pod for Counters {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Address {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Row {}
    // SAFETY: as above.
    unsafe impl aya::Pod for identity::Tag {}
    // SAFETY: as above.
    unsafe impl aya::Pod for names::Learned {}
    // SAFETY: as above.
    unsafe impl aya::Pod for names::ServerName {}
    // SAFETY: as above.
    unsafe impl aya::Pod for names::ResolverKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for names::ResolverAddress {}
    // SAFETY: as above.
    unsafe impl aya::Pod for names::AskerKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for names::Asker {}
    // SAFETY: as above.
    unsafe impl aya::Pod for offsets::Offsets {}
    // SAFETY: as above.
    unsafe impl aya::Pod for offsets::LsmOffsets {}
    // SAFETY: as above.
    unsafe impl aya::Pod for SelfTest {}
    // SAFETY: as above.
    unsafe impl aya::Pod for mounts::Superblock {}
    // SAFETY: as above.
    unsafe impl aya::Pod for mounts::Node {}
    // SAFETY: as above.
    unsafe impl aya::Pod for mounts::PartKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for mounts::Part {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Positions {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Table {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Next {}
    // SAFETY: as above.
    unsafe impl<const N: usize> aya::Pod for LiteralKey<N> {}
}
