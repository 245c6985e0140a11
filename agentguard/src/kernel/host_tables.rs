//! The tables that say where superblocks are on the host.

use std::{collections::BTreeMap, os::fd::AsFd};

use agentguard_common::mounts::{Node, Part, PartKey, Superblock};
use aya::{
    Ebpf,
    maps::{Array, HashMap, Map, MapData},
};

use super::{
    load_error::LoadError,
    sys,
    tables::{TableError, failed, forgiving, take},
};
use crate::mounts::HostTables;

/// The tables in the kernel.
pub struct KernelHostTables {
    superblocks: HashMap<MapData, u32, Superblock>,
    parts: HashMap<MapData, PartKey, Part>,
    nodes: MapData,
    generation: Array<MapData, u64>,
}

impl KernelHostTables {
    /// Takes the tables out of a loaded object: `SUPERBLOCKS`, `PARTS`, `NODES` and `GENERATION`.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        let Some(Map::Array(nodes)) = ebpf.take_map("NODES") else {
            return Err(LoadError::Absent("NODES"));
        };
        Self::new(
            take(ebpf, "SUPERBLOCKS")?,
            take(ebpf, "PARTS")?,
            nodes,
            take(ebpf, "GENERATION")?,
        )
        .ok_or(LoadError::Absent("NODES"))
    }

    /// From the maps; `None` if nodes have another size.
    fn new(
        superblocks: HashMap<MapData, u32, Superblock>,
        parts: HashMap<MapData, PartKey, Part>,
        nodes: MapData,
        generation: Array<MapData, u64>,
    ) -> Option<Self> {
        let (_, size) = sys::sizes(nodes.fd().as_fd()).ok()?;
        (size as usize == size_of::<Node>()).then_some(Self {
            superblocks,
            parts,
            nodes,
            generation,
        })
    }
}

impl HostTables for KernelHostTables {
    fn superblocks(&self) -> Result<BTreeMap<u32, Superblock>, TableError> {
        self.superblocks
            .iter()
            .collect::<Result<_, _>>()
            .map_err(failed("list the superblocks"))
    }

    fn parts(&self) -> Result<BTreeMap<PartKey, Part>, TableError> {
        self.parts
            .iter()
            .collect::<Result<_, _>>()
            .map_err(failed("list the parts of superblocks"))
    }

    fn write_nodes(&mut self, first: u32, nodes: &[Node]) -> Result<(), TableError> {
        if nodes.is_empty() {
            return Ok(());
        }
        sys::fill_array(self.nodes.fd().as_fd(), first, nodes).map_err(TableError::Nodes)
    }

    fn set_superblock(&mut self, device: u32, superblock: Superblock) -> Result<(), TableError> {
        self.superblocks
            .insert(device, superblock, 0)
            .map_err(failed("enter a superblock"))
    }

    fn remove_superblock(&mut self, device: u32) -> Result<(), TableError> {
        forgiving(self.superblocks.remove(&device)).map_err(failed("remove a superblock"))
    }

    fn set_part(&mut self, key: &PartKey, part: Part) -> Result<(), TableError> {
        self.parts
            .insert(key, part, 0)
            .map_err(failed("enter a part of a superblock"))
    }

    fn remove_part(&mut self, key: &PartKey) -> Result<(), TableError> {
        forgiving(self.parts.remove(key)).map_err(failed("remove a part of a superblock"))
    }

    fn count_up(&mut self) -> Result<(), TableError> {
        let generation = self
            .generation
            .get(&0, 0)
            .map_err(failed("read the generation of the mount table"))?;
        self.generation
            .set(0, generation.wrapping_add(1), 0)
            .map_err(failed("count the generation of the mount table up"))
    }

    fn settle(&mut self) -> Result<(), TableError> {
        sys::wait_for_programs().map_err(TableError::Wait)
    }
}

#[cfg(test)]
mod tests {
    use agentguard_common::{
        limits::MAX_SUPERBLOCKS,
        mounts::{FLAG_PARTS, NODE_ENTRIES, NOWHERE, PART_ENTRIES},
    };
    use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_ARRAY;

    use super::*;

    /// Tables of our own in the kernel: this needs root.
    fn tables() -> KernelHostTables {
        let nodes = aya_obj::Map::new_from_params(
            BPF_MAP_TYPE_ARRAY as u32,
            4,
            u32::try_from(size_of::<Node>()).unwrap(),
            NODE_ENTRIES,
            0,
        );
        KernelHostTables::new(
            HashMap::create(MAX_SUPERBLOCKS, 0).unwrap(),
            HashMap::create(PART_ENTRIES, 0).unwrap(),
            MapData::create(nodes, "nodes", None).unwrap(),
            Array::create(1, 0).unwrap(),
        )
        .unwrap()
    }

    fn name(text: &str) -> [u8; 256] {
        let mut name = [0; 256];
        name[..text.len()].copy_from_slice(text.as_bytes());
        name
    }

    #[test]
    fn the_kernel_keeps_what_is_written() {
        let mut tables = tables();
        let superblock = Superblock {
            node: NOWHERE,
            flags: FLAG_PARTS,
            kind: 7,
        };
        let key = PartKey {
            device: 5,
            at: 0,
            name: name("@"),
        };
        let part = Part { node: 9, next: 0 };
        tables.set_superblock(5, superblock).unwrap();
        tables.set_part(&key, part).unwrap();
        assert_eq!(tables.superblocks().unwrap(), [(5, superblock)].into());
        assert_eq!(tables.parts().unwrap(), [(key, part)].into());
        for _ in 0..2 {
            // What is not there can be removed, too.
            tables.remove_superblock(5).unwrap();
            tables.remove_part(&key).unwrap();
        }
        assert!(tables.superblocks().unwrap().is_empty());
        assert!(tables.parts().unwrap().is_empty());
    }

    #[test]
    fn nodes_are_written_up_to_the_last() {
        let mut tables = tables();
        let node = |parent| Node {
            parent,
            length: 1,
            name: name("x"),
        };
        let nodes = [node(1), node(2)];
        tables.write_nodes(3, &[]).unwrap();
        tables.write_nodes(NODE_ENTRIES - 2, &nodes).unwrap();
        assert!(tables.write_nodes(NODE_ENTRIES - 1, &nodes).is_err());
        let read: Array<_, Node> = Array::try_from(Map::Array(tables.nodes)).unwrap();
        assert_eq!(read.get(&(NODE_ENTRIES - 2), 0).unwrap(), nodes[0]);
        assert_eq!(read.get(&0, 0).unwrap().length, 0);
    }

    #[test]
    fn the_generation_is_counted_up() {
        let mut tables = tables();
        for count in 0..3 {
            assert_eq!(tables.generation.get(&0, 0).unwrap(), count);
            tables.count_up().unwrap();
            tables.settle().unwrap();
        }
    }
}
