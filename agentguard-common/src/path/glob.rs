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

/// The look-ups that globs need. `None` is an error: the decision is then a refusal.
pub trait Tables {
    /// The classes.
    fn classes(&self) -> Option<&Classes>;

    /// Entry `index` of the rows, one behind another: state × width + class.
    fn next(&self, index: u32) -> Option<u16>;

    /// The positions whose glob accepts a name that ends in the state.
    fn accepted(&self, state: u16) -> Option<&Positions>;
}

/// The positions whose glob accepts a name, or that none does. At most [`MAX_COMPONENT`] bytes are
/// looked at.
///
/// The steps have a constant bound, for the verifier. They end early where nothing can match any
/// more, as most names show with their first byte.
#[inline(always)]
pub fn accepting<'a, T: Tables>(tables: &'a T, name: &[u8]) -> Option<Option<&'a Positions>> {
    let classes = tables.classes()?;
    let mut state = START;
    for at in 0..MAX_COMPONENT {
        let Some(byte) = name.get(at) else {
            break;
        };
        let class = classes.of[*byte as usize];
        state = tables.next(u32::from(state) * u32::from(classes.width) + u32::from(class))?;
        if state == DEAD {
            return Some(None);
        }
    }
    tables.accepted(state).map(Some)
}
