//! How far a path has come through the patterns of a scope.

use super::{Header, Positions, Tables, glob, positions::for_each_word};
use crate::limits::{MAX_COMPONENT, MAX_DEPTH};

/// The state of a directory or a file: it follows from the names on its path, and can be kept.
///
/// It is changed in place: it is too large for the stack of a kernel program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct State {
    /// The positions that were reached.
    pub positions: Positions,
    /// How many names the path has.
    pub depth: u64,
}

const _: () = assert!(size_of::<State>() == 136);

impl State {
    /// Makes it the state of `/`. `None` is an error.
    #[inline(always)]
    pub fn begin<T: Tables>(&mut self, tables: &T) -> Option<()> {
        let header = tables.header()?;
        self.depth = 0;
        let mut carried = 0;
        for_each_word(tables, |at| {
            self.positions.0[at] = closed(header, at, header.starts.0[at], &mut carried);
        });
        Some(())
    }

    /// Makes the state of a directory that of what is called `name` in it. What is in `accepting` does not
    /// matter, before and after.
    ///
    /// `None` is an error: a look-up that failed, a name without bytes or of more than
    /// [`MAX_COMPONENT`], a path of more than [`MAX_DEPTH`] names. The path is then to be refused, and
    /// the state means nothing.
    #[inline(always)]
    pub fn enter<T: Tables>(
        &mut self,
        accepting: &mut Positions,
        tables: &T,
        name: &T::Name,
    ) -> Option<()> {
        let length = tables.length(name);
        if length == 0 || length > MAX_COMPONENT || self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let header = tables.header()?;
        assign(accepting, tables, &header.any_name);
        if self.has_named(tables, header) {
            add_named(accepting, tables, header, name, length)?;
        }
        self.advance(tables, header, accepting);
        Some(())
    }

    // What follows are functions of their own: the verifier follows each way through a function to its
    // end, and there they are all the same.

    /// Whether a name matters here.
    #[inline(never)]
    fn has_named<T: Tables>(&self, tables: &T, header: &Header) -> bool {
        let mut named = 0;
        for_each_word(tables, |at| {
            named |= self.positions.0[at] & header.named.0[at];
        });
        named != 0
    }

    /// From the positions of a directory to those of a name in it that these positions accept.
    #[inline(never)]
    fn advance<T: Tables>(&mut self, tables: &T, header: &Header, accepting: &Positions) {
        let (mut carried, mut carried_on) = (0, 0);
        for_each_word(tables, |at| {
            let here = self.positions.0[at];
            let advanced = here & accepting.0[at];
            let reached = advanced << 1 | carried | here & header.any_depth.0[at];
            carried = advanced >> 63;
            self.positions.0[at] = closed(header, at, reached, &mut carried_on);
        });
    }
}

/// Adds the positions whose literal, or whose glob, accepts the name.
#[inline(always)]
fn add_named<T: Tables>(
    accepting: &mut Positions,
    tables: &T,
    header: &Header,
    name: &T::Name,
    length: usize,
) -> Option<()> {
    let has_globs = tables.classes()?.width != 0;
    if !has_globs && !header.has_length(length) {
        return Some(());
    }
    let bytes = tables.bytes(name)?;
    if header.has_length(length)
        && header.has_beginning(*bytes.first()?)
        && let Some(literal) = tables.literal(bytes)
    {
        add(accepting, tables, literal);
    }
    if tables.classes()?.width != 0
        && let Some(glob) = glob::accepting(tables, bytes)?
    {
        add(accepting, tables, glob);
    }
    Some(())
}

#[inline(never)]
fn assign<T: Tables>(to: &mut Positions, tables: &T, all: &Positions) {
    for_each_word(tables, |at| to.0[at] = all.0[at]);
}

#[inline(never)]
fn add<T: Tables>(to: &mut Positions, tables: &T, some: &Positions) {
    for_each_word(tables, |at| to.0[at] |= some.0[at]);
}

/// One word of a set with what follows from its `**`, which also stand for no name. One step is
/// enough: none is followed by another. `carried` is what goes on to the next word.
#[inline(always)]
fn closed(header: &Header, at: usize, word: u64, carried: &mut u64) -> u64 {
    let deep = word & header.any_depth.0[at];
    let closed = word | deep << 1 | *carried;
    *carried = deep >> 63;
    closed
}
