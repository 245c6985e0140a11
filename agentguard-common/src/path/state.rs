//! How far a path has come through the patterns of a scope.

use super::{Header, Positions, Tables, glob};
use crate::limits::{MAX_COMPONENT, MAX_DEPTH};

/// The state of a directory or a file: it follows from the names on its path, and can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct State {
    /// The positions that were reached.
    pub positions: Positions,
    /// How many names the path has.
    pub depth: u64,
}

const _: () = assert!(size_of::<State>() == 72);

impl State {
    /// The state of `/`. `None` is an error.
    #[inline(always)]
    pub fn root<T: Tables>(tables: &T) -> Option<Self> {
        let header = tables.header()?;
        Some(Self {
            positions: closed(header, header.starts),
            depth: 0,
        })
    }

    /// The state of what is called `name` in this directory.
    ///
    /// `None` is an error: a look-up that failed, a name without bytes or of more than
    /// [`MAX_COMPONENT`], a path of more than [`MAX_DEPTH`] names. The path is then to be refused.
    #[inline(always)]
    pub fn step<T: Tables>(&self, tables: &T, name: &[u8]) -> Option<Self> {
        if name.is_empty() || name.len() > MAX_COMPONENT || self.depth >= MAX_DEPTH {
            return None;
        }
        let header = tables.header()?;
        let advanced = (self.positions & accepting(tables, header, name)?).next();
        let stayed = self.positions & header.any_depth;
        Some(Self {
            positions: closed(header, advanced | stayed),
            depth: self.depth + 1,
        })
    }
}

/// The positions whose component accepts the name, but for `**`.
#[inline(always)]
fn accepting<T: Tables>(tables: &T, header: &Header, name: &[u8]) -> Option<Positions> {
    let by_glob = header.any_name | glob::accepting(tables, name)?;
    Some(match tables.literal(name) {
        Some(by_literal) => by_glob | *by_literal,
        None => by_glob,
    })
}

/// `**` also stands for no name. One step is enough: none is followed by another.
#[inline(always)]
fn closed(header: &Header, positions: Positions) -> Positions {
    positions | (positions & header.any_depth).next()
}
