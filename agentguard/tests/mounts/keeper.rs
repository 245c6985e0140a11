//! The tables follow the mount table.

use std::{
    collections::BTreeMap,
    env, io,
    os::unix::fs::MetadataExt,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use agentguard::{
    kernel::tables::TableError,
    mounts::{HostTables, Keeper, MountTable},
};
use agentguard_common::mounts::{FLAG_PROC, Node, Part, PartKey, Superblock};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::stage::{NONE, Stage, eventually};

#[derive(Default)]
struct Content {
    superblocks: BTreeMap<u32, Superblock>,
    parts: BTreeMap<PartKey, Part>,
    nodes: BTreeMap<u32, Node>,
    generation: u64,
    /// How many operations fail.
    failures: u32,
    /// How long it takes to read the tables. The thread works all the while.
    reading: Duration,
    /// How often they were read.
    reads: u32,
}

#[derive(Clone, Default)]
struct Tables(Arc<Mutex<Content>>);

impl Tables {
    fn with<T>(&self, read: impl FnOnce(&mut Content) -> T) -> T {
        read(&mut self.0.lock().unwrap())
    }

    fn change(&self, change: impl FnOnce(&mut Content)) -> Result<(), TableError> {
        self.with(|content| {
            if content.failures > 0 {
                content.failures -= 1;
                return Err(TableError::Wait(io::Error::other("as the test wants it")));
            }
            change(content);
            Ok(())
        })
    }

    /// Where a superblock is mounted.
    fn place(&self, device: u32) -> Option<String> {
        self.with(|content| {
            let mut at = content.superblocks.get(&device)?.node;
            let mut path = String::new();
            while at != 0 {
                let node = content.nodes[&at];
                let name = &node.name[..node.length as usize];
                path = format!("/{}{path}", str::from_utf8(name).unwrap());
                at = node.parent;
            }
            Some(path)
        })
    }
}

impl HostTables for Tables {
    fn superblocks(&self) -> Result<BTreeMap<u32, Superblock>, TableError> {
        let begun = Instant::now();
        Ok(self.with(|content| {
            while begun.elapsed() < content.reading {
                std::hint::spin_loop();
            }
            content.reads += 1;
            content.superblocks.clone()
        }))
    }

    fn parts(&self) -> Result<BTreeMap<PartKey, Part>, TableError> {
        Ok(self.with(|content| content.parts.clone()))
    }

    fn write_nodes(&mut self, first: u32, nodes: &[Node]) -> Result<(), TableError> {
        self.change(|content| content.nodes.extend((first..).zip(nodes.iter().copied())))
    }

    fn set_superblock(&mut self, device: u32, superblock: Superblock) -> Result<(), TableError> {
        self.change(|content| {
            content.superblocks.insert(device, superblock);
        })
    }

    fn remove_superblock(&mut self, device: u32) -> Result<(), TableError> {
        self.change(|content| {
            content.superblocks.remove(&device);
        })
    }

    fn set_part(&mut self, key: &PartKey, part: Part) -> Result<(), TableError> {
        self.change(|content| {
            content.parts.insert(*key, part);
        })
    }

    fn remove_part(&mut self, key: &PartKey) -> Result<(), TableError> {
        self.change(|content| {
            content.parts.remove(key);
        })
    }

    fn count_up(&mut self) -> Result<(), TableError> {
        self.change(|content| content.generation += 1)
    }

    fn settle(&mut self) -> Result<(), TableError> {
        self.change(|_| {})
    }
}

/// The number of the superblock at a path.
fn device(path: &Path) -> u32 {
    let dev = std::fs::metadata(path).unwrap().dev();
    u32::try_from(nix::sys::stat::major(dev) << 20 | nix::sys::stat::minor(dev)).unwrap()
}

#[test]
fn what_is_mounted_is_known_until_it_is_not() {
    let stage = Stage::new();
    let early = stage.mount("tmpfs", "early", "");
    let tables = Tables::default();
    let keeper = Keeper::start(tables.clone()).unwrap();
    let place = |path: &Path| Some(path.to_str().unwrap().to_owned());
    // At once, for what was there.
    assert_eq!(tables.place(device(&early)), place(&early));
    assert_eq!(tables.place(device(Path::new("/"))), Some(String::new()));
    let proc = device(Path::new("/proc"));
    assert_eq!(tables.with(|it| it.superblocks[&proc].flags), FLAG_PROC);

    let late = stage.mount("tmpfs", "late", "");
    let number = device(&late);
    eventually("it is known", || tables.place(number) == place(&late));
    let generation = tables.with(|it| it.generation);
    let moved = stage.directory("moved");
    mount(Some(&late), &moved, NONE, MsFlags::MS_MOVE, NONE).unwrap();
    eventually("it is known anew", || tables.place(number) == place(&moved));
    assert!(tables.with(|it| it.generation) > generation);
    stage.unmount(&moved);
    eventually("it is forgotten", || tables.place(number).is_none());
    assert!(keeper.left_out().is_empty());
    // Without a change there is nothing to do.
    let reads = tables.with(|it| it.reads);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(tables.with(|it| it.reads), reads);
    keeper.stop();
}

#[test]
fn an_update_that_fails_is_tried_again() {
    let stage = Stage::new();
    let tables = Tables::default();
    let keeper = Keeper::start(tables.clone()).unwrap();
    tables.with(|it| it.failures = 1);
    let late = stage.mount("tmpfs", "late", "");
    let number = device(&late);
    eventually("it is known", || tables.place(number).is_some());
    assert_eq!(tables.with(|it| it.failures), 0);
    keeper.stop();
}

#[test]
fn a_storm_of_mounts_is_survived() {
    const READING: Duration = Duration::from_millis(20);
    let stage = Stage::new();
    let tables = Tables::default();
    let keeper = Keeper::start(tables.clone()).unwrap();
    tables.with(|it| it.reading = READING);
    let reads = || tables.with(|it| it.reads);
    let place = stage.directory("storm");
    let (begun, before) = (Instant::now(), reads());
    let mut mounts = 0;
    while begun.elapsed() < Duration::from_secs(1) {
        mount(
            Some("agtest"),
            &place,
            Some("tmpfs"),
            MsFlags::empty(),
            NONE,
        )
        .unwrap();
        umount2(&place, MntFlags::MNT_DETACH).unwrap();
        mounts += 1;
    }
    // At most a fifth of the thread's time.
    let limit = begun.elapsed().as_millis() / (5 * READING.as_millis()) + 2;
    let updates = reads() - before;
    assert!(
        u128::from(updates) <= limit,
        "{updates} updates for {mounts} mounts"
    );
    // What is right at the end is known soon.
    let last = stage.mount("tmpfs", "last", "");
    let number = device(&last);
    eventually("the last is known", || tables.place(number).is_some());
    let known: Vec<u32> = tables.with(|it| it.superblocks.keys().copied().collect());
    let table = MountTable::read().unwrap();
    for device in known {
        assert!(table.visible().any(|mount| mount.device == device));
    }
    let begun = Instant::now();
    keeper.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// What the tables say of a procfs.
fn flags(tables: &Tables, path: &Path) -> u32 {
    tables.with(|it| it.superblocks[&device(path)].flags)
}

#[test]
fn a_procfs_of_another_pid_namespace_is_not_the_host_s() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.mount("proc", "ours", ""), stage.directory("theirs"));
    let made = Command::new("unshare")
        .args(["--pid", "--fork", "mount", "-t", "proc", "proc"])
        .arg(&theirs)
        .status();
    assert!(made.unwrap().success());
    let tables = Tables::default();
    let keeper = Keeper::start(tables.clone()).unwrap();
    assert_ne!(device(&ours), device(Path::new("/proc")));
    assert_eq!(flags(&tables, &ours), FLAG_PROC);
    assert_eq!(flags(&tables, &theirs), 0);
    keeper.stop();
}

#[test]
fn in_another_pid_namespace_no_procfs_is_the_host_s() {
    const INSIDE: &str = "AGENTGUARD_TEST_INSIDE";
    const NAME: &str = "keeper::in_another_pid_namespace_no_procfs_is_the_host_s";
    if env::var_os(INSIDE).is_some() {
        let tables = Tables::default();
        let keeper = Keeper::start(tables.clone()).unwrap();
        assert_eq!(flags(&tables, Path::new("/proc")), 0);
        keeper.stop();
        return;
    }
    let output = Command::new("unshare")
        .args(["--pid", "--fork", "--mount-proc"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}
