//! A line of `/proc/PID/mountinfo` (proc(5)).
//!
//! Names are bytes: whoever may mount (with FUSE, any user) chooses them, and one that is no UTF-8
//! must not make the table unreadable. That is why no crate reads it for us.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its number. Another mount can have it once this one is gone.
    pub id: u64,
    /// The number of the mount that it is mounted on; its own, or one that is not in the table, if it
    /// is the root.
    pub parent: u64,
    /// The device number of its superblock, as in `s_dev`: major << 20 | minor. `st_dev` can be
    /// another one (btrfs).
    pub device: u32,
    /// Which directory or file of the superblock it shows, from the superblock's root. `None` if that
    /// has no path: it was removed, is outside the reader's cgroup namespace, or is no directory entry
    /// (`net:[4026531840]`).
    pub root: Option<PathBuf>,
    /// Where it is mounted, from the reader's root.
    pub mount_point: PathBuf,
    /// Whether it, or its superblock, cannot be written to.
    pub read_only: bool,
    /// The type of the file system, with its subtype (`fuse.sshfs`).
    pub kind: Vec<u8>,
    /// What was mounted.
    pub source: Vec<u8>,
    /// Options of the superblock, with commas between.
    pub super_options: Vec<u8>,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// It ends too early.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// A number is none.
    #[error("the {0} is no number")]
    Number(&'static str),
    /// A device number is larger than the kernel's.
    #[error("the device number is too large")]
    Device,
    /// A path does not begin with `/`.
    #[error("the mount point is not absolute")]
    MountPoint,
}

impl Mount {
    /// Reads a line: `ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS [FIELD…] - TYPE SOURCE
    /// SUPER-OPTIONS`.
    pub fn parse(line: &[u8]) -> Result<Self, MountError> {
        // Fields can be empty, so every blank counts.
        let mut fields = line.split(|&byte| byte == b' ');
        let mut next = |what| fields.next().ok_or(MountError::Missing(what));
        let id = number(next("mount id")?, "mount id")?;
        let parent = number(next("parent's id")?, "parent's id")?;
        let device = device(next("device number")?)?;
        let root = root(&unescape(next("root")?));
        let mount_point = path(unescape(next("mount point")?));
        if !mount_point.is_absolute() {
            return Err(MountError::MountPoint);
        }
        let options = next("list of options")?;
        while next("separator")? != b"-" {}
        let kind = unescape(next("type")?);
        let source = unescape(next("source")?);
        let super_options = next("list of the superblock's options")?;
        Ok(Self {
            id,
            parent,
            device,
            root,
            mount_point,
            read_only: has_option(options, b"ro") || has_option(super_options, b"ro"),
            kind,
            source,
            super_options: super_options.to_vec(),
        })
    }

    /// The name of the type without the subtype, as in `s_type->name`.
    pub fn type_name(&self) -> &[u8] {
        self.kind.split(|&byte| byte == b'.').next().unwrap_or(&[])
    }

    /// Whether it shows the whole superblock.
    pub fn is_whole(&self) -> bool {
        self.root.as_deref() == Some(Path::new("/"))
    }

    /// Whether a server or a user's program answers for its content. To look into it can take for
    /// ever, and what one finds there is what somebody says.
    pub fn is_answered_for(&self) -> bool {
        const KINDS: [&[u8]; 14] = [
            b"fuse",
            b"fuseblk",
            b"nfs",
            b"nfs4",
            b"cifs",
            b"smb3",
            b"ceph",
            b"9p",
            b"virtiofs",
            b"afs",
            b"coda",
            b"lustre",
            b"orangefs",
            b"pvfs2",
        ];
        KINDS.contains(&self.type_name())
    }

    /// Whether a user who is not root mounted it, through `fusermount`.
    pub fn is_a_users(&self) -> bool {
        let owner = self
            .super_options
            .split(|&byte| byte == b',')
            .find_map(|option| option.strip_prefix(b"user_id="));
        matches!(self.type_name(), b"fuse" | b"fuseblk") && owner.is_some_and(|it| it != b"0")
    }
}

fn number<T: FromStr>(field: &[u8], what: &'static str) -> Result<T, MountError> {
    std::str::from_utf8(field)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(MountError::Number(what))
}

/// `MAJOR:MINOR`, of 12 and 20 bits (`include/linux/kdev_t.h`).
fn device(field: &[u8]) -> Result<u32, MountError> {
    let mut parts = field.splitn(2, |&byte| byte == b':');
    let mut next = |what| number::<u32>(parts.next().unwrap_or(&[]), what);
    let (major, minor) = (next("major number")?, next("minor number")?);
    if major >= 1 << 12 || minor >= 1 << 20 {
        return Err(MountError::Device);
    }
    Ok(major << 20 | minor)
}

fn root(text: &[u8]) -> Option<PathBuf> {
    // A name has no slash in it, so no name can look like this.
    if text.first() != Some(&b'/') || text.ends_with(b"//deleted") {
        return None;
    }
    let above = |name: &[u8]| name == b"..";
    if text.split(|&byte| byte == b'/').any(above) {
        return None;
    }
    Some(path(text.to_vec()))
}

fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

fn has_option(options: &[u8], option: &[u8]) -> bool {
    options.split(|&byte| byte == b',').any(|it| it == option)
}

/// Undoes the kernel's escapes: blanks, line ends and backslashes are `\` and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
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
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn mount(line: &str) -> Mount {
        Mount::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn a_line_is_read() {
        let mount = mount(
            r"36 35 98:3 /mnt1 /mnt2 rw,noatime master:1 propagate_from:7 - ext3 /dev/root rw,errors=continue",
        );
        assert_eq!((mount.id, mount.parent), (36, 35));
        assert_eq!(mount.device, 98 << 20 | 3);
        assert_eq!(mount.root.as_deref(), Some(Path::new("/mnt1")));
        assert_eq!(mount.mount_point, Path::new("/mnt2"));
        assert_eq!(mount.kind, b"ext3");
        assert_eq!(mount.source, b"/dev/root");
        assert_eq!(mount.super_options, b"rw,errors=continue");
        assert!(!mount.read_only && !mount.is_whole());
    }

    #[test]
    fn fields_can_be_empty() {
        let mount = mount("36 35 0:40 / /x ro - tmpfs  rw");
        assert_eq!(
            (&*mount.source, &*mount.super_options),
            (&b""[..], &b"rw"[..])
        );
        assert!(mount.read_only && mount.is_whole());
    }

    #[test]
    fn names_are_bytes_and_escaped() {
        let line = b"1 0 0:40 /a\\040b\\134 /\xff\\012\\011x rw - fuse.ss\\040h a\\040b rw";
        let mount = Mount::parse(line).unwrap();
        assert_eq!(mount.root.as_deref(), Some(Path::new(r"/a b\")));
        assert_eq!(mount.mount_point.as_os_str().as_bytes(), b"/\xff\n\tx");
        assert_eq!(mount.kind, b"fuse.ss h");
        assert_eq!(mount.type_name(), b"fuse");
        assert_eq!(unescape(br"\"), br"\");
        assert_eq!(unescape(br"\99"), br"\99");
        assert_eq!(unescape(br"\777"), br"\777");
    }

    #[test]
    fn a_root_without_a_path_is_none() {
        for root in ["/a//deleted", "net:[4026531840]", "/../../x", "/.."] {
            let mount = mount(&format!("1 0 0:40 {root} /x rw - t s rw"));
            assert_eq!(mount.root, None, "{root}");
        }
        for root in ["/a deleted", "/..a", "/a..", "/deleted"] {
            let escaped = root.replace(' ', r"\040");
            let mount = mount(&format!("1 0 0:40 {escaped} /x rw - t s rw"));
            assert_eq!(mount.root.as_deref(), Some(Path::new(root)));
        }
    }

    #[test]
    fn what_is_no_mount_is_an_error() {
        for (line, expected) in [
            ("", MountError::Number("mount id")),
            ("1", MountError::Missing("parent's id")),
            ("1 x 0:1 / / rw - t s rw", MountError::Number("parent's id")),
            ("1 0 0 / / rw - t s rw", MountError::Number("minor number")),
            (
                "1 0 0:-1 / / rw - t s rw",
                MountError::Number("minor number"),
            ),
            ("1 0 4096:0 / / rw - t s rw", MountError::Device),
            ("1 0 0:1048576 / / rw - t s rw", MountError::Device),
            ("1 0 0:1 / x rw - t s rw", MountError::MountPoint),
            ("1 0 0:1 / / rw shared:1", MountError::Missing("separator")),
            (
                "1 0 0:1 / / rw - t s",
                MountError::Missing("list of the superblock's options"),
            ),
        ] {
            assert_eq!(Mount::parse(line.as_bytes()), Err(expected), "{line:?}");
        }
    }

    #[test]
    fn who_answers_for_a_file_system_is_known() {
        let answered =
            |kind: &str| mount(&format!("1 0 0:4 / /x rw - {kind} s rw")).is_answered_for();
        assert!(answered("fuse.sshfs") && answered("fuseblk") && answered("nfs4"));
        assert!(!answered("ext4") && !answered("fusectl") && !answered("nfsd"));
        let users =
            |options: &str| mount(&format!("1 0 0:4 / /x rw - fuse.x s {options}")).is_a_users();
        assert!(users("rw,user_id=1000,group_id=1000"));
        assert!(!users("rw,user_id=0,group_id=0") && !users("rw"));
    }
}
