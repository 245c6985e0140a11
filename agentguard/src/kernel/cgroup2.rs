//! Where cgroup v2 is.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

/// Why the cgroup v2 hierarchy cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cgroup2Error {
    /// The mount table cannot be read.
    #[error("/proc/self/mountinfo: {0}; mount /proc")]
    MountTable(io::Error),
    /// It is not mounted.
    #[error(
        "cgroup v2 is not mounted; boot with systemd.unified_cgroup_hierarchy=1, or \
         `mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified`"
    )]
    NotMounted,
}

/// A mount of the cgroup v2 hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup2 {
    /// The directory of the root cgroup: `/sys/fs/cgroup`, or another one on hybrid hosts.
    pub mount_point: PathBuf,
    /// Whether cgroups cannot be made through this mount, as in most containers.
    pub read_only: bool,
}

/// Finds the mount by which the whole hierarchy is seen; one that can be written to if there is
/// more than one.
pub fn find() -> Result<Cgroup2, Cgroup2Error> {
    let table = fs::read("/proc/self/mountinfo").map_err(Cgroup2Error::MountTable)?;
    let mut mounts: Vec<Cgroup2> = table
        .split(|&byte| byte == b'\n')
        .filter_map(parse)
        .collect();
    mounts.sort_by_key(|mount| mount.read_only);
    mounts.into_iter().next().ok_or(Cgroup2Error::NotMounted)
}

/// The mount that a line of the table describes, if it is one of the whole hierarchy:
/// `ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS [FIELD…] - TYPE SOURCE SUPER-OPTIONS`.
fn parse(line: &[u8]) -> Option<Cgroup2> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let separator = fields.iter().position(|&field| field == b"-")?;
    let (root, mount_point, options) = (fields.get(3)?, fields.get(4)?, fields.get(5)?);
    let (kind, super_options) = (fields.get(separator + 1)?, fields.get(separator + 3)?);
    if *kind != b"cgroup2" || *root != b"/" {
        return None;
    }
    let read_only = |options: &[u8]| options.split(|&byte| byte == b',').any(|it| it == b"ro");
    Some(Cgroup2 {
        mount_point: unescape(mount_point),
        read_only: read_only(options) || read_only(super_options),
    })
}

/// Undoes the kernel's escapes: blanks and backslashes are `\` and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'\\')
            .then(|| tail.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(code) = code {
            bytes.push(code);
            rest = &tail[3..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

impl Cgroup2 {
    /// The directory of a cgroup, from its path as `/proc/PID/cgroup` has it.
    pub fn directory(&self, cgroup: &str) -> PathBuf {
        self.mount_point.join(cgroup.trim_start_matches('/'))
    }

    /// The path of a cgroup, as `/proc/PID/cgroup` has it, from its directory; `None` if it is not
    /// below this mount.
    pub fn cgroup(&self, directory: &Path) -> Option<OsString> {
        let below = directory.strip_prefix(&self.mount_point).ok()?;
        let mut path = b"/".to_vec();
        path.extend_from_slice(below.as_os_str().as_bytes());
        Some(OsString::from_vec(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unified_and_hybrid_mounts_are_found() {
        let unified =
            b"35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
        let hybrid = b"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
        for (line, path) in [
            (unified.as_slice(), "/sys/fs/cgroup"),
            (hybrid.as_slice(), "/sys/fs/cgroup/unified"),
        ] {
            let mount = parse(line).unwrap();
            assert_eq!(mount.mount_point, Path::new(path));
            assert!(!mount.read_only);
        }
    }

    #[test]
    fn other_mounts_are_not() {
        for line in [
            b"32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu".as_slice(),
            b"35 24 0:30 /system.slice /mnt rw - cgroup2 cgroup2 rw",
            b"35 24 0:30 / /mnt/cgroup2 rw - tmpfs cgroup2 rw",
            b"35 24 0:30 / /mnt rw - cgroup2",
            b"",
        ] {
            assert_eq!(parse(line), None, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn a_container_s_mount_is_read_only() {
        let mount = parse(b"35 24 0:30 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw").unwrap();
        assert!(mount.read_only);
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(br"/a\040b\134c"), Path::new(r"/a b\c"));
        assert_eq!(unescape(br"/a\"), Path::new(r"/a\"));
        assert_eq!(unescape(br"/a\99"), Path::new(r"/a\99"));
    }

    #[test]
    fn paths_and_directories_agree() {
        let mount = Cgroup2 {
            mount_point: "/sys/fs/cgroup/unified".into(),
            read_only: false,
        };
        for (cgroup, directory) in [
            ("/", "/sys/fs/cgroup/unified"),
            ("/a/b", "/sys/fs/cgroup/unified/a/b"),
        ] {
            assert_eq!(mount.directory(cgroup), Path::new(directory));
            assert_eq!(mount.cgroup(Path::new(directory)).unwrap(), cgroup);
        }
        assert_eq!(mount.cgroup(Path::new("/sys/fs/cgroup")), None);
    }
}
