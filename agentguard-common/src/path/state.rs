//! How far a path has come through the patterns of a scope.

use super::{GROUPS, Header, Positions, Tables, glob, header::group_of, positions::for_each_word};
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
    pub depth: u32,
    /// 1 if it is [steady](super): a name that nothing accepts leaves it as it is.
    pub is_steady: u32,
    /// [Marks](super::mark) of the names that positions wait for, and of some others.
    pub sought: u64,
}

const _: () = assert!(size_of::<State>() == 144);

/// What is written down while a name is entered. What is in it before does not matter, and nothing is said of a name that is
/// passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Scratch {
    /// The positions that accept the name.
    accepting: Positions,
    /// 1 if a position waited for the name, of which it is the literal or a glob that accepts it.
    pub is_named: u64,
    /// [Marks](super::mark) of the names that positions waited for, and of some others. If none waited for this name, all names
    /// without these marks lead to the same positions.
    pub marks: u64,
}

impl State {
    /// Makes it the state of `/`. `None` is an error.
    #[inline(always)]
    pub fn begin<T: Tables>(&mut self, tables: &T) -> Option<()> {
        let header = tables.header()?;
        self.depth = 0;
        self.is_steady = 0;
        let mut carried = 0;
        for_each_word(tables, |at| {
            self.positions.0[at] = closed(header, at, header.starts.0[at], &mut carried);
        });
        self.sought = self.marks(tables, header);
        Some(())
    }

    /// Makes the state of a directory that of what is called `name` in it. Answers `false` if the name was passed over: no
    /// position waits for it, and the state was steady.
    ///
    /// `None` is an error: a look-up that failed, a name without bytes or of more than
    /// [`MAX_COMPONENT`], a path of more than [`MAX_DEPTH`] names. The path is then to be refused, and
    /// the state means nothing.
    #[inline(always)]
    pub fn enter<T: Tables>(
        &mut self,
        scratch: &mut Scratch,
        tables: &T,
        name: &T::Name,
    ) -> Option<bool> {
        let length = tables.length(name);
        if length == 0 || length > MAX_COMPONENT || u64::from(self.depth) >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let header = tables.header()?;
        if self.is_steady != 0 && self.sought >> tables.mark(name) & 1 == 0 {
            return Some(false);
        }
        assign(&mut scratch.accepting, tables, &header.any_name);
        scratch.marks = self.sought;
        if self.has_named(tables, header) {
            add_named(&mut scratch.accepting, tables, header, name, length)?;
        }
        scratch.is_named = self.advance(tables, header, &scratch.accepting);
        self.is_steady = self.stays(tables, header);
        self.sought = self.marks(tables, header);
        Some(true)
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

    /// From the positions of a directory to those of a name in it that these positions accept. Answers 1 if any of a literal
    /// or a glob is among them.
    #[inline(never)]
    fn advance<T: Tables>(&mut self, tables: &T, header: &Header, accepting: &Positions) -> u64 {
        let (mut carried, mut carried_on, mut named) = (0, 0, 0);
        for_each_word(tables, |at| {
            let here = self.positions.0[at];
            let advanced = here & accepting.0[at];
            named |= advanced & header.named.0[at];
            let reached = advanced << 1 | carried | here & header.any_depth.0[at];
            carried = advanced >> 63;
            self.positions.0[at] = closed(header, at, reached, &mut carried_on);
        });
        all_if(named) & 1
    }

    /// The marks of the names that positions wait for, and of some others. All of them if one waits for a glob, which may be any
    /// name.
    #[inline(always)]
    fn marks<T: Tables>(&self, tables: &T, header: &Header) -> u64 {
        let mut marks = self.all_if_globs(tables, header);
        for group in 0..GROUPS {
            marks |= self.marks_of(tables, header, group);
        }
        marks
    }

    /// All ones if a position waits for a glob.
    #[inline(never)]
    fn all_if_globs<T: Tables>(&self, tables: &T, header: &Header) -> u64 {
        let mut waiting = 0;
        for_each_word(tables, |at| {
            waiting |= self.positions.0[at] & header.globs.0[at];
        });
        all_if(waiting)
    }

    /// Those of one group of each word. All at once would be too much for the stack of a kernel program.
    #[inline(never)]
    fn marks_of<T: Tables>(&self, tables: &T, header: &Header, group: usize) -> u64 {
        let (of, mut marks) = (group_of(group), 0);
        for_each_word(tables, |at| {
            let waiting = self.positions.0[at] & header.named.0[at] & of;
            marks |= header.marks[group & (GROUPS - 1)].0[at] & all_if(waiting);
        });
        marks
    }

    /// 1 if a name that no literal and no glob accepts leads to the same positions.
    #[inline(never)]
    #[expect(clippy::cast_possible_truncation, reason = "it is 0 or 1")]
    fn stays<T: Tables>(&self, tables: &T, header: &Header) -> u32 {
        let (mut carried, mut carried_on, mut changed) = (0, 0, 0);
        for_each_word(tables, |at| {
            let here = self.positions.0[at];
            let advanced = here & header.any_name.0[at];
            let reached = advanced << 1 | carried | here & header.any_depth.0[at];
            carried = advanced >> 63;
            changed |= here ^ closed(header, at, reached, &mut carried_on);
        });
        all_if(changed).wrapping_add(1) as u32
    }
}

/// All ones if the word is not 0, without a branch.
#[inline(always)]
const fn all_if(word: u64) -> u64 {
    ((word | word.wrapping_neg()) >> 63).wrapping_neg()
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
