//! Brings the kernel's tables to what the host has mounted, without a moment in which they say
//! something that was never so.

use std::collections::BTreeMap;

use agentguard_common::mounts::{NOWHERE, Node, Part, PartKey, Superblock};

use super::{HostNames, Layout, LeftOut, layout::Half};
use crate::kernel::tables::TableError;

/// The tables, as [`agentguard_common::mounts`] describes them. Each operation is one that a program
/// sees wholly or not at all, but for [`write_nodes`](Self::write_nodes).
pub trait HostTables {
    /// The table of superblocks.
    fn superblocks(&self) -> Result<BTreeMap<u32, Superblock>, TableError>;

    /// The table of parts.
    fn parts(&self) -> Result<BTreeMap<PartKey, Part>, TableError>;

    /// Writes nodes from number `first` on.
    fn write_nodes(&mut self, first: u32, nodes: &[Node]) -> Result<(), TableError>;

    /// Enters or replaces a superblock.
    fn set_superblock(&mut self, device: u32, superblock: Superblock) -> Result<(), TableError>;

    /// Removes a superblock. The kernel may have done so before.
    fn remove_superblock(&mut self, device: u32) -> Result<(), TableError>;

    /// Enters or replaces a part.
    fn set_part(&mut self, key: &PartKey, part: Part) -> Result<(), TableError>;

    /// Removes a part.
    fn remove_part(&mut self, key: &PartKey) -> Result<(), TableError>;

    /// Counts the generation up: what was kept of the tables is void.
    fn count_up(&mut self) -> Result<(), TableError>;

    /// Waits until no program runs that could have seen what was in the tables before.
    fn settle(&mut self) -> Result<(), TableError>;
}

/// What an update did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the tables have changed.
    pub changed: bool,
    /// What is mounted and is in no table, for whatever reason.
    pub left_out: Vec<LeftOut>,
}

/// What was written last.
#[derive(Debug, Default)]
pub struct Written(Option<(HostNames, Layout)>);

/// Makes the tables say what the names say. After an error, `written` and the tables are such that it
/// can be called again.
///
/// What is gone goes first: its device number can be another superblock's at any moment. What is in
/// the tables is read from them, not remembered: the kernel removes superblocks as well, and an update
/// can have failed half-way.
pub fn update<T: HostTables>(
    tables: &mut T,
    names: &HostNames,
    written: &mut Written,
) -> Result<Outcome, TableError> {
    let mut superblocks = tables.superblocks()?;
    let mut changed = false;
    let is_gone = |device: &u32, _: &mut Superblock| !names.superblocks.contains_key(device);
    for (device, _) in superblocks.extract_if(.., is_gone) {
        tables.remove_superblock(device)?;
        changed = true;
    }
    let mut old_parts = tables.parts()?;
    let layout = match written.0.take() {
        Some((old, layout)) if old == *names => layout,
        before => {
            let half = match before {
                Some((_, layout)) => layout.half.other(),
                None => free_half(tables, &mut superblocks, &mut old_parts)?,
            };
            let layout = Layout::new(names, half);
            tables.write_nodes(layout.half.nodes().start, &layout.nodes)?;
            layout
        }
    };
    // From the ends to the beginning, so that none leads to one that is not there.
    let begins = |key: &PartKey| key.at == 0;
    let (first, last): (Vec<_>, Vec<_>) = layout.parts.iter().partition(|(key, _)| !begins(key));
    for (key, &part) in first.into_iter().chain(last) {
        if old_parts.get(key) != Some(&part) {
            tables.set_part(key, part)?;
            changed = true;
        }
    }
    for (&device, &superblock) in &layout.superblocks {
        if superblocks.get(&device) != Some(&superblock) {
            tables.set_superblock(device, superblock)?;
            changed = true;
        }
    }
    // Those that have a name still, and no room any more.
    for device in superblocks.keys() {
        if !layout.superblocks.contains_key(device) {
            tables.remove_superblock(*device)?;
            changed = true;
        }
    }
    if changed {
        tables.count_up()?;
        tables.settle()?;
    }
    for key in old_parts
        .keys()
        .filter(|key| !layout.parts.contains_key(key))
    {
        tables.remove_part(key)?;
    }
    let left_out = names.left_out.iter().chain(&layout.left_out);
    let outcome = Outcome {
        changed,
        left_out: left_out.cloned().collect(),
    };
    written.0 = Some((names.clone(), layout));
    Ok(outcome)
}

/// A half that no program looks into, when it is not known what was written. Only an update that
/// failed half-way leaves both in use; the superblocks that use the lower one are then removed, and
/// refused until they are back.
fn free_half<T: HostTables>(
    tables: &mut T,
    superblocks: &mut BTreeMap<u32, Superblock>,
    parts: &mut BTreeMap<PartKey, Part>,
) -> Result<Half, TableError> {
    let has_part = |half: Half, part: &Part| {
        half.nodes().contains(&part.node) || half.continuations().contains(&part.next)
    };
    let uses = |half: Half, device: u32, superblock: &Superblock| {
        half.nodes().contains(&superblock.node)
            || superblock.node == NOWHERE
                && parts
                    .iter()
                    .any(|(key, part)| key.device == device && has_part(half, part))
    };
    let is_free = |half: &Half| !superblocks.iter().any(|(&it, of)| uses(*half, it, of));
    let half = if let Some(half) = [Half::Lower, Half::Upper].into_iter().find(is_free) {
        half
    } else {
        for (device, _) in superblocks.extract_if(.., |&it, of| uses(Half::Lower, it, of)) {
            tables.remove_superblock(device)?;
        }
        tables.count_up()?;
        Half::Lower
    };
    tables.settle()?;
    // What an update has left that was not finished must not take the room of what comes.
    for (key, _) in parts.extract_if(.., |_, part| has_part(half, part)) {
        tables.remove_part(&key)?;
    }
    Ok(half)
}
