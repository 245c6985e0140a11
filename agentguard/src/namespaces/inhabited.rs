//! Which network namespaces have processes of an agent.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The inodes of the network namespaces of all processes beneath a cgroup's directory. What ends or is removed while
/// it is looked at is passed over.
pub fn inhabited(cgroup: &Path) -> io::Result<BTreeSet<u64>> {
    let mut found = BTreeSet::new();
    let mut left: Vec<PathBuf> = vec![cgroup.to_owned()];
    while let Some(directory) = left.pop() {
        // Of a threaded cgroup only this can be read.
        let threads = gone(fs::read_to_string(directory.join("cgroup.threads")))?;
        for thread in threads.iter().flat_map(|text| text.lines()) {
            let file = Path::new("/proc").join(thread).join("ns/net");
            found.extend(gone(fs::metadata(file))?.map(|it| it.ino()));
        }
        for entry in gone(fs::read_dir(&directory))?.into_iter().flatten() {
            let entry = entry?;
            if gone(entry.file_type())?.is_some_and(|it| it.is_dir()) {
                left.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// Nothing, if it is there no longer.
fn gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENODEV)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
