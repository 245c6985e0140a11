//! Mounts that show a part of the host in a second place.
//!
//! A rule names a file by its one path on the host. Landlock takes a file that is reached through a
//! bind mount for one beneath the mount point. So what is mounted a second time must not lie within
//! what is permitted.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// The mounts of this process's namespace, as far as the walk must know them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mounts {
    /// Mount points of what has its place elsewhere, sorted.
    elsewhere: Vec<PathBuf>,
    /// Mount points of procfs.
    proc: Vec<PathBuf>,
}

/// A line of mountinfo (`proc_pid_mountinfo(5)`).
struct Mount {
    id: u32,
    parent: u32,
    device: String,
    /// The path of what is mounted, within its file system.
    root: PathBuf,
    point: PathBuf,
    kind: String,
}

impl Mounts {
    /// Those of this process.
    pub(super) fn read() -> io::Result<Self> {
        let text = fs::read("/proc/self/mountinfo")?;
        Self::parse(&text).ok_or_else(|| io::Error::other("/proc/self/mountinfo is not understood"))
    }

    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let lines = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let mounts: Vec<Mount> = lines.map(mount).collect::<Option<_>>()?;
        let hidden = hidden(&mounts);
        let visible = || {
            let mounts = mounts.iter().zip(&hidden);
            mounts
                .filter(|(_, hidden)| !**hidden)
                .map(|(mount, _)| mount)
        };
        let mut elsewhere: Vec<PathBuf> = visible()
            .enumerate()
            .filter(|(at, one)| {
                visible().enumerate().any(|(other_at, other)| {
                    other_at != *at
                        && other.device == one.device
                        && one.root.starts_with(&other.root)
                        // Of two that show the same, the first has it.
                        && (other.root != one.root || other_at < *at)
                })
            })
            .map(|(_, mount)| mount.point.clone())
            .collect();
        elsewhere.sort();
        Some(Self {
            proc: visible()
                .filter(|mount| mount.kind == "proc" && mount.root == Path::new("/"))
                .map(|mount| mount.point.clone())
                .filter(|point| !elsewhere.contains(point))
                .collect(),
            elsewhere,
        })
    }

    /// Whether something is mounted at this path that has its place elsewhere.
    pub(super) fn is_elsewhere(&self, path: &Path) -> bool {
        self.elsewhere.iter().any(|point| point == path)
    }

    /// A path beneath this one where that is so.
    pub(super) fn elsewhere_beneath(&self, path: &Path) -> Option<&Path> {
        let mut points = self.elsewhere.iter().map(PathBuf::as_path);
        points.find(|point| *point != path && point.starts_with(path))
    }

    /// Whether this is the top of the host's procfs.
    pub(super) fn is_proc(&self, path: &Path) -> bool {
        self.proc.iter().any(|point| point == path)
    }
}

/// Which of the mounts no path leads to, since another lies above.
fn hidden(mounts: &[Mount]) -> Vec<bool> {
    let index: HashMap<u32, usize> = mounts
        .iter()
        .enumerate()
        .map(|(at, mount)| (mount.id, at))
        .collect();
    let parents: Vec<Option<usize>> = mounts
        .iter()
        .enumerate()
        .map(|(at, mount)| index.get(&mount.parent).copied().filter(|it| *it != at))
        .collect();
    let point = |at: usize| &mounts[at].point;
    let (mut topped, mut overlaid) = (vec![false; mounts.len()], vec![false; mounts.len()]);
    for (at, parent) in parents.iter().enumerate() {
        let Some(parent) = parent else { continue };
        // Made on the top of another.
        topped[*parent] |= point(at) == point(*parent);
        // Covered by one that was made later in the same mount, at or above the mount point.
        let mut later = (at + 1..mounts.len()).filter(|other| parents[*other] == Some(*parent));
        overlaid[at] = later.any(|other| point(at).starts_with(point(other)));
    }
    (0..mounts.len())
        .map(|mount| {
            let mut at = mount;
            let mut is_hidden = topped[at] || overlaid[at];
            // No chain is longer than there are mounts.
            for _ in 0..mounts.len() {
                let Some(above) = parents[at] else { break };
                let is_its_top = point(at) == point(above);
                is_hidden |= overlaid[above] || (topped[above] && !is_its_top);
                at = above;
            }
            is_hidden
        })
        .collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut text = || fields.next();
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
    let id = number(text()?)?;
    let parent = number(text()?)?;
    let device = String::from_utf8(text()?.to_vec()).ok()?;
    let (root, point) = (path(text()?), path(text()?));
    // Options, then any number of tags up to a dash, then the type.
    while text()? != b"-" {}
    Some(Mount {
        id,
        parent,
        device,
        root,
        point,
        kind: String::from_utf8_lossy(text()?).into_owned(),
    })
}

/// A path in which the kernel has escaped blanks and backslashes as `\ooo` (`mangle` in
/// `fs/proc_namespace.c`).
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|it| {
            let digits = std::str::from_utf8(it).ok()?;
            u8::from_str_radix(digits, 8).ok()
        });
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Mounts {
        Mounts::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_mounted_twice_has_its_first_place() {
        let mounts = parsed(
            "1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
             20 1 0:20 / /proc rw - proc proc rw\n\
             21 1 0:21 / /tmp rw - tmpfs tmpfs rw\n\
             22 1 8:1 /etc /srv/papers/link rw - ext4 /dev/sda1 rw\n\
             23 1 0:21 /sub /srv/tmp rw master:3 propagate_from:2 - tmpfs tmpfs rw\n\
             24 1 8:2 / /data rw - xfs /dev/sdb rw\n\
             25 1 8:2 / /srv/a\\040b\\134c rw - xfs /dev/sdb rw\n\
             26 1 0:20 / /srv/proc rw - proc proc rw\n",
        );
        let elsewhere = |path: &str| mounts.is_elsewhere(Path::new(path));
        for path in ["/srv/papers/link", "/srv/tmp", "/srv/a b\\c", "/srv/proc"] {
            assert!(elsewhere(path), "{path}");
        }
        for path in ["/", "/proc", "/tmp", "/data", "/srv/papers", "/srv"] {
            assert!(!elsewhere(path), "{path}");
        }
        let beneath = |path: &str| mounts.elsewhere_beneath(Path::new(path)).is_some();
        assert!(beneath("/") && beneath("/srv") && beneath("/srv/papers"));
        assert!(!beneath("/srv/pap") && !beneath("/tmp") && !beneath("/srv/papers/link"));
        assert!(mounts.is_proc(Path::new("/proc")) && !mounts.is_proc(Path::new("/srv/proc")));
    }

    #[test]
    fn parts_of_one_file_system_have_their_places() {
        let mounts = parsed(
            "1 0 0:30 /@ / rw - btrfs /dev/sda rw\n\
             2 1 0:30 /@home /home rw - btrfs /dev/sda rw\n\
             3 1 0:30 /@home/u /srv/u rw - btrfs /dev/sda rw\n",
        );
        assert!(!mounts.is_elsewhere(Path::new("/")) && !mounts.is_elsewhere(Path::new("/home")));
        assert!(mounts.is_elsewhere(Path::new("/srv/u")));
    }

    #[test]
    fn what_lies_beneath_another_mount_has_no_place() {
        // The root over the first one; a bind mount that was covered; one stacked on its own kind.
        let mounts = parsed(
            "1 1 0:1 / / rw - rootfs none rw\n\
             2 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
             3 2 8:2 / /mnt/disk rw - xfs /dev/sdb rw\n\
             4 2 0:9 / /mnt rw - tmpfs tmpfs rw\n\
             5 2 8:2 / /data rw - xfs /dev/sdb rw\n\
             6 2 0:40 / /dev/shm rw - tmpfs tmpfs rw\n\
             7 6 0:41 / /dev/shm rw - tmpfs tmpfs rw\n",
        );
        assert!(
            !mounts.is_elsewhere(Path::new("/data")),
            "the other one cannot be seen"
        );
        assert_eq!(mounts.elsewhere, Vec::<PathBuf>::new());
    }

    #[test]
    fn what_lies_in_a_mount_that_is_covered_has_no_place() {
        let covers = [
            // On the top of the mount that it lies in, and at a directory above that mount.
            "9 2 0:9 / /srv/mnt rw - tmpfs tmpfs rw\n",
            "9 1 0:9 / /srv rw - tmpfs tmpfs rw\n",
        ];
        for cover in covers {
            let mounts = parsed(&format!(
                "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                 2 1 8:3 / /srv/mnt rw - xfs /dev/sdc rw\n\
                 3 2 8:2 / /srv/mnt/disk rw - xfs /dev/sdb rw\n\
                 {cover}\
                 10 1 8:2 / /data rw - xfs /dev/sdb rw\n",
            ));
            assert_eq!(mounts.elsewhere, Vec::<PathBuf>::new(), "{cover}");
        }
        let mounts = parsed(
            "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
             2 1 8:3 / /srv rw - xfs /dev/sdc rw\n\
             9 2 0:9 / /srv rw - tmpfs tmpfs rw\n\
             10 9 8:2 / /srv/disk rw - xfs /dev/sdb rw\n\
             11 1 8:2 / /data rw - xfs /dev/sdb rw\n",
        );
        assert_eq!(
            mounts.elsewhere,
            [PathBuf::from("/data")],
            "what lies in the one that covers can be seen"
        );
    }

    #[test]
    fn this_host_can_be_read() {
        let mounts = Mounts::read().unwrap();
        assert!(mounts.is_proc(Path::new("/proc")) && !mounts.is_elsewhere(Path::new("/")));
        assert_eq!(Mounts::parse(b"1 0 8:1 / /\n"), None);
    }
}
