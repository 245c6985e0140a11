//! What a file is called is compared with what the kernel finds by that name.

use std::{
    fs::{self, File},
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use agentguard::{
    mounts::{HostNames, Mount, MountTable, MountedHost},
    policy::HostPaths,
};
use nix::libc;

use crate::stage::{Stage, bind};

struct Host {
    table: MountTable,
    names: HostNames,
    mounted: MountedHost,
}

impl Host {
    fn read() -> Self {
        let table = MountTable::read().unwrap();
        Self {
            names: HostNames::choose(&table, |_| false),
            table,
            mounted: MountedHost::read().unwrap(),
        }
    }

    /// The mount that a file is on, as the kernel says.
    fn mount(&self, path: &Path) -> &Mount {
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_PATH)
            .open(path)
            .unwrap();
        let info = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
        let info = fs::read_to_string(info).unwrap();
        let id = info.lines().find_map(|line| line.strip_prefix("mnt_id:"));
        self.table
            .mount(id.unwrap().trim().parse().unwrap())
            .unwrap()
    }

    /// What the kernel side calls a file: it knows its superblock, and its path within that.
    fn called(&self, path: &Path) -> Option<PathBuf> {
        let mount = self.mount(path);
        let beneath = path.strip_prefix(&mount.mount_point).unwrap();
        let within: PathBuf = [mount.root.as_ref().unwrap(), beneath].iter().collect();
        self.names.host_path(mount.device, &within)
    }
}

fn identity(path: &Path) -> (u64, u64) {
    let facts = fs::metadata(path).unwrap();
    (facts.dev(), facts.ino())
}

#[test]
fn a_name_leads_to_the_file() {
    let stage = Stage::new();
    let plain = stage.file("plain/x");
    stage.mount("tmpfs", "tmp", "");
    let tmp = stage.file("tmp/x");
    let deep = stage.file("tmp/a/b/c/x");
    // The same file by other names: of a part, of the whole, of a file.
    let bound = stage.directory("bound");
    bind(&stage.path("tmp/a"), &bound);
    let again = stage.directory("again");
    bind(&stage.path("tmp"), &again);
    let file = stage.file("file");
    bind(&tmp, &file);
    let lower = stage.file("lower/x");
    stage.directory("upper/up");
    stage.directory("upper/work");
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        stage.path("lower").display(),
        stage.path("upper/up").display(),
        stage.path("upper/work").display()
    );
    let overlay = stage.mount("overlay", "overlay", &options).join("x");
    let odd = stage.mount("tmpfs", "o d\\d\n\t#é", "").join("x");
    fs::write(&odd, "odd").unwrap();
    // One file system over another, and over a directory in which one is mounted.
    stage.mount("tmpfs", "over", "");
    let over = stage.mount("tmpfs", "over", "").join("x");
    fs::write(&over, "over").unwrap();
    stage.mount("tmpfs", "high/low", "");
    let high = stage.mount("tmpfs", "high", "").join("x");
    fs::write(&high, "high").unwrap();

    let host = Host::read();
    for (path, name) in [
        (&plain, &plain),
        (&tmp, &tmp),
        (&deep, &deep),
        (&bound.join("b/c/x"), &deep),
        (&again.join("a/b/c/x"), &deep),
        (&file, &tmp),
        (&lower, &lower),
        (&overlay, &overlay),
        (&odd, &odd),
        (&over, &over),
        (&high, &high),
        (
            &PathBuf::from("/proc/version"),
            &PathBuf::from("/proc/version"),
        ),
        (&PathBuf::from("/"), &PathBuf::from("/")),
    ] {
        assert_eq!(host.called(path).as_ref(), Some(name), "{}", path.display());
        assert_eq!(identity(path), identity(name), "{}", path.display());
        assert_eq!(host.mounted.place(path.clone()), *name);
    }
    // The table has the numbers that the kernel side reads from `s_dev`.
    let device = |path| {
        let (dev, _) = identity(path);
        u32::try_from(nix::sys::stat::major(dev) << 20 | nix::sys::stat::minor(dev)).unwrap()
    };
    for path in [&tmp, &overlay, &over] {
        assert_eq!(device(path), host.mount(path).device);
    }
}

#[test]
fn parts_name_what_the_whole_does_not() {
    let stage = Stage::new();
    stage.mount("tmpfs", "whole", "");
    let first = stage.file("whole/@/etc/x");
    let second = stage.file("whole/@home/u/x");
    let outside = stage.file("whole/other/x");
    let (root, home) = (stage.directory("root"), stage.directory("home"));
    bind(&stage.path("whole/@"), &root);
    bind(&stage.path("whole/@home/u"), &home);
    let inner = stage.directory("inner");
    bind(&stage.path("whole/@/etc"), &inner);
    let before = Host::read();
    assert_eq!(before.called(&root.join("etc/x")), Some(first));
    assert_eq!(before.called(&home.join("x")), Some(second));
    let device = before.mount(&outside).device;

    stage.unmount(&stage.path("whole"));
    let host = Host::read();
    for (path, name) in [
        (root.join("etc/x"), root.join("etc/x")),
        (inner.join("x"), root.join("etc/x")),
        (home.join("x"), home.join("x")),
    ] {
        assert_eq!(host.called(&path), Some(name.clone()));
        assert_eq!(identity(&path), identity(&name));
    }
    for within in ["/other/x", "/@home/v", "/"] {
        assert_eq!(host.names.host_path(device, Path::new(within)), None);
    }
}

#[test]
fn a_directory_that_was_removed_names_nothing() {
    let stage = Stage::new();
    let whole = stage.mount("tmpfs", "whole", "");
    let gone = stage.directory("whole/gone");
    let bound = stage.directory("bound");
    bind(&gone, &bound);
    fs::remove_dir(&gone).unwrap();
    let host = Host::read();
    assert_eq!(host.mount(&bound).root, None);
    let device = host.mount(&bound).device;
    stage.unmount(&whole);
    let names = HostNames::choose(&MountTable::read().unwrap(), |_| false);
    assert!(!names.superblocks.contains_key(&device));
}
