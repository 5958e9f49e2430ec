//! One open file, read line by line.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::PathBuf,
    time::SystemTime,
};

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    marker::{self, Marker, Position, bytes_before},
    registry::FileId,
};

/// How many first bytes tell a file from another with the same inode.
pub(crate) const PREFIX: u64 = 1024;

/// Bytes read in one turn, so that a file that is written fast does not starve the others.
const TURN: usize = 256 << 10;

/// A whole line.
pub(crate) struct Line<'b> {
    /// Without its line ending.
    pub(crate) bytes: &'b [u8],
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// The byte after its line ending, and what stands before that.
    pub(crate) end: Position,
    /// Its rest was cut off because it was longer than the limit.
    pub(crate) cut: bool,
}

/// An open file.
pub(crate) struct Harvester {
    pub(crate) id: FileId,
    pub(crate) path: PathBuf,
    file: File,
    /// Bytes read and not yet given out as lines; they begin at `offset`.
    held: Vec<u8>,
    offset: u64,
    /// The line under way was longer than the limit: it is given out, and the rest is skipped.
    skipping: bool,
    max_line: usize,
    /// Length and hash of the first bytes when they were last looked at.
    known: (u64, u64),
    /// The last bytes before `held`.
    before: Vec<u8>,
    /// What stands before the end of `held`.
    marker: Marker,
    /// Length and time of change of the file when it was last found to be the same.
    checked: Option<(u64, SystemTime)>,
}

/// What became of a file since the last turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is as it was, or longer.
    Same,
    /// It is shorter than what was read, or begins otherwise: cut and written anew.
    Truncated,
    /// Its last name is gone.
    Deleted,
}

/// What a file is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Inode {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

pub(crate) fn inode(meta: &std::fs::Metadata) -> Inode {
    Inode { device: meta.dev(), inode: meta.ino() }
}

/// The hash of a file's first `len` bytes, if there are as many.
pub(crate) fn prefix_hash(file: &File, len: u64) -> Option<u64> {
    let mut buffer = vec![0; len.min(PREFIX) as usize];
    file.read_exact_at(&mut buffer, 0).ok()?;
    Some(xxh3_64(&buffer))
}

impl Harvester {
    pub(crate) fn new(
        id: FileId,
        path: PathBuf,
        mut file: File,
        offset: u64,
        max_line: usize,
    ) -> io::Result<Self> {
        file.seek(SeekFrom::Start(offset))?;
        let before = bytes_before(&file, offset);
        let marker = Marker::behind(&before);
        Ok(Self {
            id,
            path,
            file,
            held: Vec::new(),
            offset,
            skipping: false,
            max_line,
            known: (0, 0),
            before,
            marker,
            checked: None,
        })
    }

    pub(crate) fn state(&mut self) -> io::Result<State> {
        let meta = self.file.metadata()?;
        let read = self.offset + self.held.len() as u64;
        // A file that was cut and has already grown past the old offset shows in its first bytes, or in those that were read last.
        // They are looked at each time before more is read.
        let now = (meta.len(), meta.modified()?);
        let other = meta.len() >= read && self.checked != Some(now) && !self.is_the_same(read);
        self.checked = Some(now);
        Ok(if meta.len() < read || other {
            State::Truncated
        } else if meta.nlink() == 0 {
            State::Deleted
        } else {
            State::Same
        })
    }

    fn is_the_same(&self, read: u64) -> bool {
        let (len, hash) = self.known;
        (len == 0 || prefix_hash(&self.file, len) == Some(hash)) && self.marker.holds(&self.file, read)
    }

    /// Length and hash of the first bytes now, which are remembered.
    pub(crate) fn prefix(&mut self) -> (u64, u64) {
        if self.known.0 < PREFIX {
            let len = self.file.metadata().map_or(0, |m| m.len().min(PREFIX));
            self.known = prefix_hash(&self.file, len).map_or((0, 0), |hash| (len, hash));
        }
        self.known
    }

    pub(crate) fn into_file(self) -> File {
        self.file
    }

    /// Where the next line begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads on and gives out the whole lines; a last line without its end is held. Returns the number of bytes read, 0
    /// at the end of the file.
    pub(crate) fn read(&mut self, mut line: impl FnMut(Line<'_>)) -> io::Result<usize> {
        let before = self.held.len();
        self.held.resize(before + TURN, 0);
        let read = loop {
            match self.file.read(&mut self.held[before..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.held.truncate(before);
                    return Err(e);
                }
                Ok(read) => break read,
            }
        };
        self.held.truncate(before + read);
        self.marker = marker(&self.before, &self.held);
        let mut start = 0;
        for at in memchr::memchr_iter(b'\n', &self.held[before..]) {
            let end = before + at + 1;
            if self.skipping {
                self.skipping = false;
            } else {
                let whole = &self.held[start..end - 1];
                let whole = whole.strip_suffix(b"\r").unwrap_or(whole);
                let cut = whole.len() > self.max_line;
                line(Line {
                    bytes: &whole[..whole.len().min(self.max_line)],
                    offset: self.offset + start as u64,
                    end: Position {
                        offset: self.offset + end as u64,
                        marker: marker(&self.before, &self.held[..end]),
                    },
                    cut,
                });
            }
            start = end;
        }
        self.done(start);
        // A line longer than the limit is given out now, and what follows up to its end is passed over: memory must not
        // depend on what somebody logs.
        if self.held.len() > self.max_line {
            if !self.skipping {
                line(Line {
                    bytes: &self.held[..self.max_line],
                    offset: self.offset,
                    end: Position { offset: self.offset + self.held.len() as u64, marker: self.marker },
                    cut: true,
                });
                self.skipping = true;
            }
            self.done(self.held.len());
        }
        Ok(read)
    }

    /// The first `len` bytes that are held were given out.
    fn done(&mut self, len: usize) {
        let last = len.saturating_sub(marker::LEN);
        if last > 0 {
            self.before.clear();
        }
        self.before.extend_from_slice(&self.held[last..len]);
        self.held.drain(..len);
        self.before.drain(..self.before.len().saturating_sub(marker::LEN));
        self.offset += len as u64;
    }
}

/// What stands behind `before` and `held`, which follow each other.
fn marker(before: &[u8], held: &[u8]) -> Marker {
    let missing = marker::LEN.saturating_sub(held.len()).min(before.len());
    if missing == 0 {
        return Marker::behind(held);
    }
    Marker::behind(&[&before[before.len() - missing..], held].concat())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn lines(harvester: &mut Harvester) -> Vec<String> {
        let mut out = Vec::new();
        while harvester
            .read(|l| {
                let cut = if l.cut { "…" } else { "" };
                out.push(format!("{}{cut}@{}", String::from_utf8_lossy(l.bytes), l.offset));
            })
            .unwrap()
            > 0
        {}
        out
    }

    fn open(content: &[u8], max_line: usize) -> (tempfile::NamedTempFile, Harvester) {
        let mut temp = tempfile::NamedTempFile::new().unwrap();
        temp.write_all(content).unwrap();
        let file = File::open(temp.path()).unwrap();
        let harvester = Harvester::new(FileId(1), temp.path().to_owned(), file, 0, max_line).unwrap();
        (temp, harvester)
    }

    #[test]
    fn a_line_without_its_end_is_held() {
        let (mut temp, mut harvester) = open(b"one\r\ntw", 100);
        assert_eq!(lines(&mut harvester), ["one@0"]);
        temp.write_all(b"o\nthree").unwrap();
        assert_eq!(lines(&mut harvester), ["two@5"]);
        assert_eq!(harvester.offset(), 9);
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let (mut temp, mut harvester) = open(b"0123456789", 4);
        assert_eq!(lines(&mut harvester), ["0123…@0"]);
        temp.write_all(b"0123\nab\nabcdef\n").unwrap();
        assert_eq!(lines(&mut harvester), ["ab@15", "abcd…@18"]);
    }

    #[test]
    fn a_file_that_is_cut_and_has_grown_past_the_old_offset_is_noticed() {
        let (mut temp, mut harvester) = open(b"one\n", 100);
        harvester.prefix();
        lines(&mut harvester);
        temp.as_file().set_len(0).unwrap();
        temp.write_all(b"").unwrap();
        std::fs::write(temp.path(), b"two\nthree\n").unwrap();
        assert_eq!(harvester.state().unwrap(), State::Truncated);
    }

    #[test]
    fn a_file_written_anew_with_the_same_beginning_is_noticed() {
        let header = "# version: 1\n".repeat(100);
        let (temp, mut harvester) = open(format!("{header}one\n").as_bytes(), 100);
        lines(&mut harvester);
        harvester.prefix();
        assert_eq!(harvester.state().unwrap(), State::Same);
        // Of the same length, and longer.
        for rest in ["two\n", "two\nthree\n"] {
            std::fs::write(temp.path(), format!("{header}{rest}")).unwrap();
            assert_eq!(harvester.state().unwrap(), State::Truncated, "{rest}");
        }
    }

    #[test]
    fn a_file_that_grows_is_the_same() {
        let (mut temp, mut harvester) = open(b"", 100);
        for n in 0..100 {
            write!(temp, "{}\n{n}", "x".repeat(n * 7 % 90)).unwrap();
            assert_eq!(harvester.state().unwrap(), State::Same, "{n}");
            lines(&mut harvester);
            harvester.prefix();
        }
    }

    #[test]
    fn a_cut_file_is_noticed() {
        let (temp, mut harvester) = open(b"one\ntwo\n", 100);
        lines(&mut harvester);
        assert_eq!(harvester.state().unwrap(), State::Same);
        temp.as_file().set_len(3).unwrap();
        assert_eq!(harvester.state().unwrap(), State::Truncated);
        drop(temp);
        assert_ne!(harvester.state().unwrap(), State::Same);
    }
}
