//! Reading a scope file, whatever it turns out to be.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{
    error::{Place, PolicyError},
    lines::Lines,
};

/// Bytes of the longest scope file.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why a scope file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be opened or read: missing, not permitted, an error of the device.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is a directory, a FIFO, a device or a socket.
    #[error("is {0}; expected a regular file")]
    Kind(&'static str),
    /// It is too long.
    #[error("is longer than a scope can be: {bytes} bytes; expected at most {MAX_FILE_BYTES}")]
    Size {
        /// Its length; what was read of it, if it does not tell its length.
        bytes: u64,
    },
    /// It is not text.
    #[error("is not UTF-8 text from here on; save the file as UTF-8")]
    Encoding,
    /// The directory holds more files than the daemon can hold agents.
    #[error("holds {files} scope files; expected at most {limit}")]
    Files {
        /// Files found.
        files: usize,
        /// How many there can be.
        limit: u32,
    },
}

/// The text of a scope file, or the one error of it.
pub(super) fn read(path: &Path) -> Result<String, Vec<PolicyError>> {
    let error = |problem: ReadError, place: Option<Place>| {
        vec![PolicyError {
            file: path.to_owned(),
            place,
            problem: problem.into(),
        }]
    };
    let bytes = read_bytes(path).map_err(|problem| error(problem, None))?;
    String::from_utf8(bytes).map_err(|invalid| {
        let valid = invalid.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&invalid.as_bytes()[..valid]);
        error(ReadError::Encoding, Some(Lines::new(&text).place(valid)))
    })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    // Without O_NONBLOCK a FIFO would be waited for until somebody writes to it.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(ReadError::Kind(kind(&metadata)));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(ReadError::Size {
            bytes: metadata.len(),
        });
    }
    bounded(&file)
}

/// Reads to the end, but not for ever: files of procfs do not tell their length, and a file can
/// grow while it is read.
fn bounded(file: &File) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)? as u64;
    if read > MAX_FILE_BYTES {
        return Err(ReadError::Size { bytes: read });
    }
    Ok(bytes)
}

fn kind(metadata: &std::fs::Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;

    let kind = metadata.file_type();
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
