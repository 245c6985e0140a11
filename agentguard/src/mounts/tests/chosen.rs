//! The names that hosts give, by their mount tables.

use std::path::Path;

use super::names;
use crate::mounts::{HostNames, MountTable, Place, Why};

fn device(text: &str) -> u32 {
    let (major, minor) = text.split_once(':').unwrap();
    major.parse::<u32>().unwrap() << 20 | minor.parse::<u32>().unwrap()
}

/// What is at a path within a superblock is called on the host.
#[track_caller]
fn is_called(names: &HostNames, superblock: &str, within: &str, expected: Option<&str>) {
    let found = names.host_path(device(superblock), Path::new(within));
    assert_eq!(
        found.as_deref(),
        expected.map(Path::new),
        "{superblock} {within}"
    );
}

const DOCKER: &str = r"22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw
23 28 0:21 / /proc rw,nosuid shared:13 - proc proc rw
24 28 0:5 / /dev rw,nosuid shared:2 - devtmpfs udev rw,size=4003964k
25 24 0:22 / /dev/pts rw,nosuid shared:3 - devpts devpts rw,gid=5,mode=620
26 28 0:23 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,size=806744k
28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
36 23 0:31 / /proc/sys/fs/binfmt_misc rw shared:15 - autofs systemd-1 rw,fd=29
61 36 0:40 / /proc/sys/fs/binfmt_misc rw shared:34 - binfmt_misc binfmt_misc rw
90 28 0:44 / /var/lib/docker/overlay2/5f1c/merged rw shared:300 - overlay overlay rw,lowerdir=/a
91 26 0:4 net:[4026532270] /run/docker/netns/7a60 rw shared:301 - nsfs nsfs rw
95 28 8:1 /var/lib/docker/volumes/data/_data /srv/data rw shared:1 - ext4 /dev/sda1 rw";

#[test]
fn a_host_with_docker() {
    let names = names(DOCKER);
    is_called(&names, "8:1", "/", Some("/"));
    is_called(&names, "8:1", "/etc/passwd", Some("/etc/passwd"));
    // A bind mount is where it was before.
    let volume = "/var/lib/docker/volumes/data/_data/x";
    is_called(&names, "8:1", volume, Some(volume));
    is_called(&names, "0:22", "/0", Some("/dev/pts/0"));
    // A container's root has a path of the host.
    let merged = "/var/lib/docker/overlay2/5f1c/merged/etc/passwd";
    is_called(&names, "0:44", "/etc/passwd", Some(merged));
    // Another file system hides the one that would mount it.
    is_called(&names, "0:31", "/", None);
    is_called(
        &names,
        "0:40",
        "/status",
        Some("/proc/sys/fs/binfmt_misc/status"),
    );
    // A namespace has no path in its file system.
    is_called(&names, "0:4", "/", None);
    // Not mounted at all.
    is_called(&names, "0:99", "/", None);
    assert!(names.left_out.is_empty());
    let procs: Vec<u32> = names
        .superblocks
        .iter()
        .filter_map(|(device, named)| named.proc.then_some(*device))
        .collect();
    assert_eq!(procs, [device("0:21")]);
}

#[test]
fn btrfs_with_subvolumes() {
    let names = names(
        r"29 1 0:26 /@ / rw,noatime shared:1 - btrfs /dev/nvme0n1p2 rw,subvolid=256,subvol=/@
50 29 0:26 /@home /home rw,noatime shared:30 - btrfs /dev/nvme0n1p2 rw,subvolid=257,subvol=/@home
51 29 0:26 /@/.snapshots/1/snapshot /mnt/old rw - btrfs /dev/nvme0n1p2 rw,subvolid=260
52 29 0:26 /@log/a/b /var/log rw - btrfs /dev/nvme0n1p2 rw,subvolid=258
53 29 0:26 /@home /mnt/home rw - btrfs /dev/nvme0n1p2 rw,subvolid=257,subvol=/@home",
    );
    assert!(matches!(
        names.superblocks[&device("0:26")].place,
        Place::Parts(ref parts) if parts.len() == 3
    ));
    is_called(&names, "0:26", "/@/etc/passwd", Some("/etc/passwd"));
    is_called(&names, "0:26", "/@home/u/x", Some("/home/u/x"));
    is_called(&names, "0:26", "/@log/a/b", Some("/var/log"));
    // The path of the outermost part that holds it.
    let snapshot = "/.snapshots/1/snapshot/x";
    is_called(&names, "0:26", "/@/.snapshots/1/snapshot/x", Some(snapshot));
    for outside in ["/", "/@other/x", "/@homes/x", "/@log/a", "/@log"] {
        is_called(&names, "0:26", outside, None);
    }
}

#[test]
fn the_whole_names_what_is_mounted_in_parts_too() {
    let names = names(
        r"24 1 8:3 /ostree/deploy/fedora/deploy/9f.0 / rw - xfs /dev/sda3 rw
30 24 8:3 / /sysroot ro - xfs /dev/sda3 rw
31 24 8:3 /ostree/deploy/fedora/var /var rw - xfs /dev/sda3 rw
32 31 8:3 / /var/mnt/again rw - xfs /dev/sda3 rw",
    );
    let var = "/ostree/deploy/fedora/var/lib/x";
    is_called(&names, "8:3", var, Some(&format!("/sysroot{var}")));
    is_called(&names, "8:3", "/", Some("/sysroot"));
}

#[test]
fn a_hidden_mount_names_nothing() {
    let names = names(
        r"24 1 8:1 / / rw - ext4 /dev/sda1 rw
30 24 0:50 / /mnt/a rw - tmpfs t rw
31 30 0:51 / /mnt/a rw - tmpfs t rw
32 24 0:50 /sub /mnt/b rw - tmpfs t rw
33 24 0:52 / /mnt/c/d rw - tmpfs t rw
34 24 0:53 / /mnt/c rw - tmpfs t rw
35 24 0:54 / /mnt/e rw - tmpfs t rw
36 24 0:54 / /mnt/f rw - tmpfs t rw
37 35 0:55 / /mnt/e rw - tmpfs t rw",
    );
    is_called(&names, "0:50", "/sub/x", Some("/mnt/b/x"));
    is_called(&names, "0:50", "/other", None);
    is_called(&names, "0:51", "/x", Some("/mnt/a/x"));
    is_called(&names, "0:52", "/x", None);
    is_called(&names, "0:54", "/x", Some("/mnt/f/x"));
}

#[test]
fn names_need_not_be_text() {
    let table = b"24 1 8:1 / / rw - ext4 /dev/sda1 rw
30 24 0:50 / /mnt/a\\040b\xff rw - fuse.x x rw,user_id=1000,group_id=1000
31 24 0:51 /gone//deleted /mnt/c rw - tmpfs t rw";
    let names = HostNames::choose(&MountTable::parse(table).unwrap(), |_| false);
    let path = names.host_path(50, Path::new("/x")).unwrap();
    assert_eq!(path.as_os_str().as_encoded_bytes(), b"/mnt/a b\xff/x");
    assert_eq!(names.host_path(51, Path::new("/x")), None);
}

#[test]
fn file_systems_with_several_roots_are_left_out() {
    let several = names(
        r"24 1 8:1 / / rw - ext4 /dev/sda1 rw
30 24 0:50 / /mnt/a rw - nfs server:/a rw,vers=3
31 24 0:50 / /mnt/b rw - nfs server:/b rw,vers=3
32 24 0:51 / /mnt/c rw - nfs server:/c rw,vers=3
33 24 0:51 / /mnt/d rw - nfs server:/c rw,vers=3
34 24 8:2 / /mnt/e rw - nilfs2 /dev/sda2 rw
35 24 8:2 / /mnt/f ro - nilfs2 /dev/sda2 ro,cp=7
36 24 0:60 / /mnt/g rw - sysfs sysfs rw
37 24 0:60 / /mnt/h rw - sysfs none rw",
    );
    is_called(&several, "0:50", "/x", None);
    is_called(&several, "0:51", "/x", Some("/mnt/c/x"));
    is_called(&several, "8:2", "/x", None);
    is_called(&several, "0:60", "/x", Some("/mnt/g/x"));
    let left_out: Vec<_> = several
        .left_out
        .iter()
        .map(|it| (it.mount_point.to_str().unwrap(), it.why))
        .collect();
    assert_eq!(
        left_out,
        [("/mnt/a", Why::ManyRoots), ("/mnt/e", Why::ManyRoots)]
    );
}

#[test]
fn a_mount_point_can_be_too_deep() {
    let table = |depth: usize| {
        let deep = "/x".repeat(depth);
        format!("24 1 8:1 / / rw - ext4 s rw\n30 24 0:50 / {deep} rw - tmpfs t rw")
    };
    assert!(names(&table(128)).left_out.is_empty());
    let names = names(&table(129));
    assert_eq!(names.left_out[0].why, Why::Deep);
    assert!(!names.superblocks.contains_key(&50));
}

#[test]
fn users_come_last() {
    let names = names(
        r"24 1 8:1 / / rw - ext4 /dev/sda1 rw
30 24 0:50 / /home/u/a rw - fuse.x x rw,user_id=1000,group_id=1000
31 24 0:51 / /mnt rw - fuse.x x rw,user_id=0,group_id=0",
    );
    assert_eq!(names.order, [device("8:1"), 51, 50]);
}

#[test]
fn a_namespace_whose_root_is_a_part() {
    // A container, or a chroot into a bind mount.
    let names = names(
        r"500 400 8:1 /srv/chroot / rw - ext4 /dev/sda1 rw
501 500 0:21 / /proc rw - proc proc rw
502 500 8:1 /etc/hosts /etc/hosts rw - ext4 /dev/sda1 rw",
    );
    is_called(&names, "8:1", "/srv/chroot/usr/bin/sh", Some("/usr/bin/sh"));
    is_called(&names, "8:1", "/srv/chroot", Some("/"));
    is_called(&names, "8:1", "/etc/hosts", Some("/etc/hosts"));
    is_called(&names, "8:1", "/etc/passwd", None);
    assert!(matches!(
        names.superblocks[&device("8:1")].place,
        Place::Parts(ref parts) if parts.len() == 2
    ));
}
