//! Globs within a component: one automaton over the bytes of a name, for all globs of a scope.
//!
//! Bytes that no glob tells apart are one *class*. A state has a row with the next state for each
//! class, and the positions whose glob accepts a name that ends in it.

use super::Positions;
use crate::limits::MAX_COMPONENT;

/// The state from which nothing can match.
pub const DEAD: u16 = 0;
/// The state before the first byte of a name.
pub const START: u16 = 1;

/// The classes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Classes {
    /// The class of each byte; below `width`.
    pub of: [u8; 256],
    /// How many classes there are, and so entries in a row; 0 if the scope has no globs.
    pub width: u16,
}

const _: () = assert!(size_of::<Classes>() == 258);

/// An entry of the rows, as the kernel has it.
///
/// A structure, because up to Linux 6.3 the maps in an array of maps must all have values of a structure,
/// or none (`timer_off` in `bpf_map_meta_equal`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Next {
    /// The next state.
    pub state: u32,
}

const _: () = assert!(size_of::<Next>() == 4);

/// The look-ups that globs need. `None` is an error: the decision is then a refusal.
pub trait Tables {
    /// The classes.
    fn classes(&self) -> Option<&Classes>;

    /// Entry `index` of the rows, one behind another: state × width + class.
    fn next(&self, index: u32) -> Option<u16>;

    /// The positions whose glob accepts a name that ends in the state.
    fn accepted(&self, state: u16) -> Option<&Positions>;

    /// The state in which a name ends, from [`START`]: a [step](step) for each byte, of which there are
    /// at most [`MAX_COMPONENT`]. Once it is [`DEAD`] the rest does not matter.
    fn run(&self, name: &[u8]) -> Option<u16> {
        let mut state = START;
        for byte in name.iter().take(MAX_COMPONENT) {
            state = step(self.classes()?, state, *byte, |index| self.next(index))?;
            if state == DEAD {
                break;
            }
        }
        Some(state)
    }
}

/// The state after one more byte. `None` is an error.
#[inline(always)]
pub fn step(
    classes: &Classes,
    state: u16,
    byte: u8,
    next: impl FnOnce(u32) -> Option<u16>,
) -> Option<u16> {
    let class = u32::from(classes.of[byte as usize]);
    next(u32::from(state) * u32::from(classes.width) + class)
}

/// The positions whose glob accepts a name, or that none does.
#[inline(always)]
pub fn accepting<'a, T: Tables>(tables: &'a T, name: &[u8]) -> Option<Option<&'a Positions>> {
    match tables.run(name)? {
        DEAD => Some(None),
        state => tables.accepted(state).map(Some),
    }
}
