//! Lines of a file that grows, and that is renamed, truncated and created again.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::Path,
};

use super::TailError;

/// Bytes of a line that are kept together: many times what a record can have.
const MAX_LINE: usize = 64 << 10;

/// Bytes before the end of the file in which the last lines are looked for at first.
const FIRST_WINDOW: u64 = 256 << 10;

type EachLine<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), TailError>;

/// The log, wherever it is at the moment.
pub(super) struct Source<'a> {
    path: &'a Path,
    lines: Option<Lines>,
}

/// An open file, read line by line.
struct Lines {
    file: File,
    /// Bytes read.
    position: u64,
    /// The beginning of a line whose end is not written yet.
    pending: Vec<u8>,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Self { path, lines: None }
    }

    /// The last `count` lines that are wanted. The file may be missing if it is `awaited`; an
    /// unfinished line then waits for its end.
    pub(super) fn last(
        &mut self,
        count: usize,
        awaited: bool,
        wanted: &dyn Fn(&[u8]) -> bool,
    ) -> Result<VecDeque<Vec<u8>>, TailError> {
        let file = match File::open(self.path) {
            Ok(file) => file,
            Err(error) if awaited && error.kind() == ErrorKind::NotFound => {
                return Ok(VecDeque::new());
            }
            Err(error) => return Err(self.unopened(error)),
        };
        let mut lines = Lines::new(file);
        let length = lines.length().map_err(|error| self.unread(error))?;
        let mut window = FIRST_WINDOW;
        loop {
            let start = length.saturating_sub(window);
            lines.seek(start).map_err(|error| self.unread(error))?;
            let mut last = VecDeque::new();
            // The first line is cut by the window, unless it is the file's first.
            let mut whole = start == 0;
            let mut keep = |line: &[u8]| {
                if std::mem::replace(&mut whole, true) && wanted(line) {
                    last.push_back(line.to_vec());
                    if last.len() > count {
                        last.pop_front();
                    }
                }
                Ok(())
            };
            lines.read(self.path, &mut keep)?;
            if !awaited {
                lines.finish(&mut keep)?;
            }
            if last.len() >= count || start == 0 {
                self.lines = Some(lines);
                return Ok(last);
            }
            window = window.saturating_mul(8);
        }
    }

    /// What has been written since.
    pub(super) fn follow(&mut self, each: EachLine<'_>) -> Result<(), TailError> {
        if let Some(lines) = &mut self.lines {
            lines.read(self.path, each)?;
        }
        let there = match fs::metadata(self.path) {
            Ok(there) => there,
            // Renamed, and not made again yet.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.unread(error)),
        };
        if let Some(lines) = &mut self.lines {
            let here = lines.file.metadata().map_err(|source| TailError::Read {
                path: self.path.to_owned(),
                source,
            })?;
            if (here.dev(), here.ino()) == (there.dev(), there.ino()) {
                if there.len() >= lines.position {
                    return Ok(());
                }
                lines.finish(each)?;
                lines.seek(0).map_err(|source| TailError::Read {
                    path: self.path.to_owned(),
                    source,
                })?;
                return lines.read(self.path, each);
            }
            // What was written between the last read and the rename.
            lines.read(self.path, each)?;
            lines.finish(each)?;
        }
        match File::open(self.path) {
            Ok(file) => self.lines.insert(Lines::new(file)).read(self.path, each),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.lines = None;
                Ok(())
            }
            Err(error) => Err(self.unopened(error)),
        }
    }

    fn unopened(&self, source: io::Error) -> TailError {
        TailError::Open {
            path: self.path.to_owned(),
            source,
        }
    }

    fn unread(&self, source: io::Error) -> TailError {
        TailError::Read {
            path: self.path.to_owned(),
            source,
        }
    }
}

impl Lines {
    fn new(file: File) -> Self {
        Self {
            file,
            position: 0,
            pending: Vec::new(),
        }
    }

    fn length(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    fn seek(&mut self, position: u64) -> io::Result<()> {
        self.pending.clear();
        self.position = self.file.seek(SeekFrom::Start(position))?;
        Ok(())
    }

    /// The lines up to the end of the file.
    fn read(&mut self, path: &Path, each: EachLine<'_>) -> Result<(), TailError> {
        let mut chunk = vec![0; MAX_LINE];
        loop {
            let count = match self.file.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(TailError::Read {
                        path: path.to_owned(),
                        source,
                    });
                }
            };
            self.position += count as u64;
            for part in chunk[..count].split_inclusive(|&byte| byte == b'\n') {
                self.pending.extend_from_slice(part);
                match self.pending.as_slice() {
                    [line @ .., b'\n'] => each(line)?,
                    line if line.len() >= MAX_LINE => each(line)?,
                    _ => continue,
                }
                self.pending.clear();
            }
        }
    }

    /// The line that nobody will end.
    fn finish(&mut self, each: EachLine<'_>) -> Result<(), TailError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let line = std::mem::take(&mut self.pending);
        each(&line)
    }
}
