//! The tables as a program of the kernel side reads them.

use std::{cell::Cell, collections::BTreeMap, io};

use agentguard_common::mounts::{
    FLAG_PARTS, NODE_ENTRIES, NOWHERE, Node, PART_ENTRIES, Part, PartKey, Superblock,
};

use crate::{kernel::tables::TableError, mounts::HostTables};

/// Tables in memory. An operation can be made to fail, and is observed by programs that run.
pub(super) struct Kernel {
    pub(super) superblocks: BTreeMap<u32, Superblock>,
    pub(super) parts: BTreeMap<PartKey, Part>,
    nodes: Vec<Node>,
    pub(super) generation: u64,
    /// How many operations succeed.
    pub(super) patience: Cell<usize>,
    /// How many were made.
    pub(super) operations: Cell<usize>,
    /// Programs that have found their node, and have still to read its name.
    running: Vec<(u32, Vec<String>)>,
    /// What programs could find at any moment: device, names, and the path on the host.
    pub(super) answers: Vec<Answer>,
    questions: Vec<Question>,
}

/// A superblock, its type, and the names from its root.
pub(super) type Question = (u32, u64, Vec<&'static str>);
/// A question, and what a program made of it.
pub(super) type Answer = (Question, Option<String>);

impl Kernel {
    pub(super) fn new(questions: Vec<Question>) -> Self {
        Self {
            superblocks: BTreeMap::new(),
            parts: BTreeMap::new(),
            nodes: vec![node(); NODE_ENTRIES as usize],
            generation: 0,
            patience: Cell::new(usize::MAX),
            operations: Cell::new(0),
            running: Vec::new(),
            answers: Vec::new(),
            questions,
        }
    }

    /// The host's path of what has these names beneath the root of a superblock.
    pub(super) fn path(&self, (device, kind, names): &Question) -> Option<String> {
        let (node, rest) = self.place(*device, *kind, names)?;
        let mut path = self.names_of(node);
        path.extend(rest.iter().map(ToString::to_string));
        Some(format!("/{}", path.join("/")))
    }

    fn place<'a>(
        &self,
        device: u32,
        kind: u64,
        names: &'a [&'static str],
    ) -> Option<(u32, &'a [&'static str])> {
        let superblock = self.superblocks.get(&device)?;
        if superblock.kind != kind {
            return None;
        }
        if superblock.flags & FLAG_PARTS == 0 {
            return Some((superblock.node, names));
        }
        let mut at = 0;
        for (index, text) in names.iter().enumerate() {
            let mut name = [0; 256];
            name[..text.len()].copy_from_slice(text.as_bytes());
            let part = self.parts.get(&PartKey { device, at, name })?;
            if part.node != NOWHERE {
                return Some((part.node, &names[index + 1..]));
            }
            at = part.next;
        }
        None
    }

    fn names_of(&self, mut at: u32) -> Vec<String> {
        let mut names = Vec::new();
        while at != 0 {
            let node = &self.nodes[at as usize];
            let name = &node.name[..node.length as usize];
            names.push(String::from_utf8(name.to_vec()).unwrap());
            assert!(names.len() <= 128, "nodes form a circle");
            at = node.parent;
        }
        names.reverse();
        names
    }

    /// Lets programs run: some begin, and those that have begun see the same names as then.
    fn observe(&mut self) {
        for (node, names) in &self.running {
            assert_eq!(
                self.names_of(*node),
                *names,
                "a name changed while it was read"
            );
        }
        for question in self.questions.clone() {
            if let Some((node, _)) = self.place(question.0, question.1, &question.2) {
                self.running.push((node, self.names_of(node)));
            }
            let answer = self.path(&question);
            self.answers.push((question, answer));
        }
    }

    fn operation(&mut self) -> Result<(), TableError> {
        self.operations.set(self.operations.get() + 1);
        if self.patience.get() == 0 {
            return Err(TableError::Wait(io::Error::other("no more patience")));
        }
        self.patience.set(self.patience.get() - 1);
        Ok(())
    }
}

fn node() -> Node {
    Node {
        parent: 0,
        length: 0,
        name: [0; 256],
    }
}

impl HostTables for Kernel {
    fn superblocks(&self) -> Result<BTreeMap<u32, Superblock>, TableError> {
        Ok(self.superblocks.clone())
    }

    fn parts(&self) -> Result<BTreeMap<PartKey, Part>, TableError> {
        Ok(self.parts.clone())
    }

    fn write_nodes(&mut self, first: u32, nodes: &[Node]) -> Result<(), TableError> {
        self.operation()?;
        // One after another, as a batch is written.
        for (index, node) in (first as usize..).zip(nodes) {
            assert_ne!(index, 0, "the root is no node to be written");
            self.nodes[index] = *node;
        }
        self.observe();
        Ok(())
    }

    fn set_superblock(&mut self, device: u32, superblock: Superblock) -> Result<(), TableError> {
        self.operation()?;
        self.superblocks.insert(device, superblock);
        self.observe();
        Ok(())
    }

    fn remove_superblock(&mut self, device: u32) -> Result<(), TableError> {
        self.operation()?;
        self.superblocks.remove(&device);
        self.observe();
        Ok(())
    }

    fn set_part(&mut self, key: &PartKey, part: Part) -> Result<(), TableError> {
        self.operation()?;
        self.parts.insert(*key, part);
        assert!(self.parts.len() <= PART_ENTRIES as usize);
        self.observe();
        Ok(())
    }

    fn remove_part(&mut self, key: &PartKey) -> Result<(), TableError> {
        self.operation()?;
        self.parts.remove(key);
        self.observe();
        Ok(())
    }

    fn count_up(&mut self) -> Result<(), TableError> {
        self.operation()?;
        self.generation += 1;
        Ok(())
    }

    fn settle(&mut self) -> Result<(), TableError> {
        self.operation()?;
        self.observe();
        self.running.clear();
        Ok(())
    }
}
