//! The programs, attached to a cgroup of the test's own.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use agentguard_common::{
    address::Address,
    protocol::{Protocol, port_key},
    rules::RuleSet,
    scope::{ALLOW_ROW, FLAG_NAMES, HEADER_ROWS, Header, Row, TLS_ROW},
};

use crate::{
    kernel::{
        attach::AttachPoints,
        cgroup2,
        name_tables::NameTable,
        object::{Loaded, Sizes, load},
        resolvers::Resolvers,
        tables::Tables,
        types,
    },
    policy::Compiled,
};

/// The slot of the agent.
pub(super) const AGENT: u32 = 0;

/// A scope in force for one agent, which allows one TCP port by one name.
pub(super) struct Stage {
    pub(super) tables: Tables,
    pub(super) resolvers: Resolvers,
    pub(super) loaded: Loaded,
    pub(super) cgroup: Directory,
    attached: AttachPoints,
}

/// A cgroup, which is removed in the end.
pub(super) struct Directory(pub(super) PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        // What ran in it may take a moment to be gone.
        for _ in 0..100 {
            match fs::remove_dir(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                _ => return,
            }
        }
    }
}

/// The rule by name.
pub(super) fn rule() -> RuleSet {
    let mut rules = RuleSet::EMPTY;
    rules.insert(0);
    rules
}

/// A scope that allows TCP to a port, by a name.
pub(super) fn scope(port: u16, flags: u16) -> Compiled {
    scope_by(port, flags, RuleSet::EMPTY)
}

/// As [`scope`], with the rules whose name TLS must be told.
pub(super) fn scope_by(port: u16, flags: u16, tls: RuleSet) -> Compiled {
    let header = Header {
        addresses: 1,
        ports: 3,
        flags,
        ..Header::default()
    };
    let mut rows = vec![Row::default(); HEADER_ROWS as usize];
    rows[0].key = header.pack();
    rows[ALLOW_ROW as usize].rules = rule();
    rows[TLS_ROW as usize].rules = tls;
    let point = |lo, rules| Row {
        key: Address { hi: 0, lo },
        rules,
    };
    let key = port_key(Protocol::Tcp, port);
    rows.extend([
        Row::default(),
        Row::default(),
        point(key, rule()),
        point(key + 1, RuleSet::EMPTY),
    ]);
    Compiled::of_rows(rows)
}

impl Stage {
    /// Loads all, and confines what will be in the cgroup.
    pub(super) fn new(port: u16) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let cgroups = cgroup2::find().unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = format!("/agentguard-test-{}-{number}", std::process::id());
        let cgroup = Directory(cgroups.directory(&path));
        fs::create_dir(&cgroup.0).unwrap();
        let sizes = Sizes {
            max_cgroups: 64,
            max_instances: 64,
        };
        let mut loaded = load(types::read().unwrap(), sizes, false).unwrap();
        loaded.attach_name_hooks(true).unwrap();
        let mut attached = AttachPoints::default();
        attached
            .update(&mut loaded.ebpf, &cgroups, &[path].into(), true)
            .unwrap();
        let mut tables = Tables::take(&mut loaded.ebpf).unwrap();
        let resolvers = Resolvers::take(&mut loaded.ebpf).unwrap();
        let scope = scope(port, FLAG_NAMES);
        tables.install(&[(AGENT, &scope)], |_| Ok(())).unwrap();
        let id = fs::metadata(&cgroup.0).unwrap().ino();
        assert!(tables.tag_instance(id, AGENT).unwrap());
        Self {
            tables,
            resolvers,
            loaded,
            cgroup,
            attached,
        }
    }

    /// What was learned for the scope in force.
    pub(super) fn names(&self) -> Arc<NameTable> {
        assert!(!self.attached.paths().is_empty());
        self.tables.names(AGENT).unwrap().unwrap()
    }
}
