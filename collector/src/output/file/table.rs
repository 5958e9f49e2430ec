//! The files that are open.

use std::{
    collections::HashMap,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::packing::{Compression, Packed};

/// So many files are open at most: their names come from events.
const MOST_OPEN: usize = 256;

/// How files are made and written.
#[derive(Clone, Debug)]
pub(crate) struct Writing {
    pub(crate) compression: Compression,
    /// Only the last event stays.
    pub(crate) overwrite: bool,
    /// A file that is not there is made; else its events go to the failure file.
    pub(crate) create: bool,
    pub(crate) dir_mode: Option<u32>,
    pub(crate) file_mode: Option<u32>,
    pub(crate) fsync: bool,
    /// A file that would grow beyond it is put aside first.
    pub(crate) rotate_bytes: Option<u64>,
}

/// The files that are open.
#[derive(Debug)]
pub(crate) struct Table {
    writing: Writing,
    open: HashMap<PathBuf, Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Its device and inode: under its name there may be another file by now.
    id: (u64, u64),
    /// Whether it can be cut; pipes and devices cannot.
    regular: bool,
    used: Instant,
}

impl Table {
    pub(crate) fn new(writing: Writing) -> Self {
        Self { writing, open: HashMap::new() }
    }

    /// Closes files that nobody has written to for so long.
    pub(crate) fn close_idle(&mut self, now: Instant, after: Duration) {
        self.open.retain(|_, open| now.saturating_duration_since(open.used) < after);
    }

    /// Writes all of a text or nothing of it. What an event's name makes impossible goes to the failure file.
    pub(crate) fn write(&mut self, path: &Path, text: &Packed, failure: &Path) -> io::Result<()> {
        if !self.writing.create && path != failure && !path.exists() {
            self.open.remove(path);
            return self.write_to(failure, text);
        }
        match self.write_to(path, text) {
            // A folder is there, or a file where a folder would have to be: that stays so.
            Err(error)
                if path != failure
                    && matches!(
                        error.kind(),
                        io::ErrorKind::IsADirectory
                            | io::ErrorKind::NotADirectory
                            | io::ErrorKind::InvalidFilename
                    ) =>
            {
                self.write_to(failure, text)
            }
            written => written,
        }
    }

    fn write_to(&mut self, path: &Path, text: &Packed) -> io::Result<()> {
        let Writing { overwrite, fsync, rotate_bytes, .. } = self.writing;
        let mut open = self.file(path)?;
        let mut len = open.len()?;
        let more = text.events.len() as u64;
        if rotate_bytes.is_some_and(|most| len > 0 && len + more > most) && open.regular {
            std::fs::rename(path, aside(path))?;
            open = self.file(path)?;
            len = open.len()?;
        }
        let written = match overwrite && open.regular {
            true => open.replace(text),
            false => open.append(text, len),
        };
        let written = written.and_then(|()| if fsync { open.file.sync_data() } else { Ok(()) });
        if written.is_err() {
            // A part of it would be there twice when it is tried again.
            if !overwrite && open.regular {
                let _ = open.file.set_len(len);
            }
            // Looked at anew by the next attempt.
            self.open.remove(path);
        }
        written
    }

    /// The file that has this name now: one that was renamed or removed since it was opened is given up.
    fn file(&mut self, path: &Path) -> io::Result<&mut Open> {
        let there = match std::fs::metadata(path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if there.as_ref().is_some_and(|there| there.file_type().is_fifo()) {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "it is a named pipe, which is not written to",
            ));
        }
        let id = there.map(|there| (there.dev(), there.ino()));
        if self.open.get(path).is_some_and(|open| Some(open.id) != id) {
            self.open.remove(path);
        }
        if !self.open.contains_key(path) {
            if self.open.len() >= MOST_OPEN {
                let oldest = self.open.iter().min_by_key(|(_, open)| open.used).map(|(path, _)| path.clone());
                oldest.and_then(|path| self.open.remove(&path));
            }
            let open = Open::new(path, &self.writing)?;
            self.open.insert(path.to_owned(), open);
        }
        let open = self.open.get_mut(path).ok_or(io::ErrorKind::NotFound)?;
        open.used = Instant::now();
        Ok(open)
    }
}

impl Open {
    fn new(path: &Path, writing: &Writing) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            if let Some(mode) = writing.dir_mode {
                builder.mode(mode);
            }
            builder.create(folder)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        if let Some(mode) = writing.file_mode {
            options.mode(mode);
        }
        // Reading is for looking at a file's end, which a file that one may only write to does without.
        let file = options.clone().read(true).open(path).or_else(|_| options.open(path))?;
        let data = file.metadata()?;
        let mut open =
            Self { file, id: (data.dev(), data.ino()), regular: data.is_file(), used: Instant::now() };
        if open.regular && data.len() > 0 && !writing.overwrite {
            open.mend(path, writing.compression, data.len())?;
        }
        Ok(open)
    }

    /// Cuts a packed file after what of it is whole: the rest was being written when the process was killed, was not acknowledged, and came
    /// again.
    fn mend(&mut self, path: &Path, compression: Compression, len: u64) -> io::Result<()> {
        let whole = compression.whole_len(&self.file)?;
        if whole < len {
            tracing::warn!(path = %path.display(), bytes = len - whole, "the end of a packed file was torn: it is cut off");
            self.file.set_len(whole)?;
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(if self.regular { self.file.metadata()?.len() } else { 0 })
    }

    fn append(&mut self, text: &Packed, len: u64) -> io::Result<()> {
        if len == 0 {
            self.file.write_all(&text.header)?;
        } else if text.lines && self.regular && self.last_byte(len).is_some_and(|byte| byte != b'\n') {
            self.file.write_all(b"\n")?;
        }
        self.file.write_all(&text.events)
    }

    fn replace(&mut self, text: &Packed) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all(&text.header)?;
        self.file.write_all(&text.events)
    }

    fn last_byte(&mut self, len: u64) -> Option<u8> {
        let mut byte = [0];
        self.file.seek(SeekFrom::Start(len.checked_sub(1)?)).ok()?;
        self.file.read_exact(&mut byte).ok()?;
        Some(byte[0])
    }
}

/// A free name for what was written so far: `app.log` becomes `app.1.log`, then `app.2.log`.
fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // `.` at the beginning is no end of a name.
    let (stem, end) = match name.get(1..).and_then(|rest| rest.find('.')) {
        Some(at) => name.split_at(at + 1),
        None => (name.as_str(), ""),
    };
    let mut number = 1;
    loop {
        let aside = path.with_file_name(format!("{stem}.{number}{end}"));
        if !aside.exists() {
            return aside;
        }
        number += 1;
    }
}
