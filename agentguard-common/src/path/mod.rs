//! The decision about files: may this agent do this with this path?
//!
//! A path is a sequence of names, a pattern a sequence of components: a *literal*, a *glob* (`*` in it
//! is any bytes of a name, also none), `*` (any name) or `**` (any number of names, also none). Names
//! are bytes.
//!
//! All patterns of a scope are matched at once. A pattern of *k* components has *k* + 1 *positions*:
//! position *i* is "the first *i* components have matched", and the last is its *end*. The patterns
//! lie one behind another in the order of their rules, so the lowest end that was reached is that of
//! the lowest rule that matches.
//!
//! ```text
//! header (masks) ┐
//! literals, globs ├→ State::begin → State::enter, once a name → decide
//! ```
//!
//! The state of a directory follows from the state of its parent and its own name. It can be kept.
//!
//! A state is *steady* if a name that no literal and no glob accepts leaves it as it is. Beneath a directory of such a
//! state only names make a difference whose [mark] is that of a name that its positions wait for.

mod decision;
pub mod glob;
mod header;
pub mod mark;
mod positions;
mod state;
mod table;

pub use decision::{By, decide, gains, judge, permitted, verdict};
pub use header::{Access, GROUPS, Header};
pub use positions::{Positions, WORDS};
pub use state::{Scratch, State};
pub use table::{LiteralKey, LongKey, ShortKey, Table};

/// The look-ups that a decision needs, beside those for [globs](glob::Tables).
pub trait Tables: glob::Tables {
    /// How a name is given. In the kernel: where it lies, because most names need not be read.
    type Name: ?Sized;

    /// The scope's header. `None` is an error: the decision is then a refusal.
    fn header(&self) -> Option<&Header>;

    /// How many words of a [set](Positions) are in use.
    ///
    /// It is asked before each word, so that the kernel's verifier, which would else follow each number
    /// that it can be to the end, need not know that the answer is always the same.
    #[inline(always)]
    fn words(&self) -> usize {
        self.header().map_or(0, |header| header.words as usize)
    }

    /// How many bytes a name has.
    fn length(&self, name: &Self::Name) -> usize;

    /// The number of the [mark] of a name.
    fn mark(&self, name: &Self::Name) -> u32;

    /// The bytes of a name, as many as its [length](Self::length). `None` is an error: the decision is
    /// then a refusal.
    fn bytes<'a>(&'a self, name: &'a Self::Name) -> Option<&'a [u8]>;

    /// The positions whose component is literally this name, which [`bytes`](Self::bytes) gave. `None`
    /// if no literal is.
    fn literal(&self, name: &[u8]) -> Option<&Positions>;

    /// The number of the rule whose pattern has the position. `None` is an error: the decision is
    /// then a refusal.
    fn rule(&self, position: u16) -> Option<u16>;
}
