//! One file, read line by line.
//!
//! Nothing of a file is held between two turns but where it was read to: a line that is not whole is read again when the file has
//! grown. So a file costs a few hundred bytes, and ten thousand of them a few megabytes.

use std::{
    collections::VecDeque,
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    time::{Instant, SystemTime},
};

use super::{group::Group, lines::LineEnd, source::Source};
use crate::{
    marker::{Position, Prefix},
    registry::FileId,
};

/// Bytes read in one turn, so that a file that is written fast does not starve the others.
const TURN: usize = 256 << 10;

/// What a file system knows a file by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Inode {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Inode {
    pub(crate) fn of(meta: &Metadata) -> Self {
        Self { device: meta.dev(), inode: meta.ino() }
    }
}

/// Length and time of change: where neither is new, nothing is.
pub(crate) type Shape = (u64, SystemTime);

pub(crate) fn shape(meta: &Metadata) -> Shape {
    (meta.len(), meta.modified().unwrap_or(SystemTime::UNIX_EPOCH))
}

/// How lines are told in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    pub(crate) end: LineEnd,
    /// Bytes of a line at the most; the rest of it is cut off.
    pub(crate) max_line: usize,
}

/// A whole line.
pub(crate) struct Line<'b> {
    /// Without its line ending.
    pub(crate) bytes: &'b [u8],
    /// Its rest was cut off because it was longer than the limit.
    pub(crate) cut: bool,
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// Where the next one begins.
    pub(crate) end: u64,
    /// What was read up to `offset`, and up to `end`.
    before: &'b [u8],
    through: Through<'b>,
}

enum Through<'b> {
    Bytes(&'b [u8]),
    Known(Position),
}

impl Line<'_> {
    /// The place before it.
    pub(crate) fn start_position(&self) -> Position {
        Position::behind(self.offset, self.before)
    }

    /// The place behind it.
    pub(crate) fn end_position(&self) -> Position {
        match self.through {
            Through::Bytes(bytes) => Position::behind(self.end, bytes),
            Through::Known(position) => position,
        }
    }
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There is, or may be, more.
    More,
    /// All that is there was read.
    AtEnd,
    /// The same, and the file has no name any more.
    Deleted,
    /// It is shorter than what was read, or has other bytes there: it was cut and written anew.
    Truncated,
}

/// A file that is read.
pub(crate) struct Harvester {
    pub(crate) id: FileId,
    pub(crate) path: PathBuf,
    pub(crate) key: Inode,
    /// Which of the inputs it belongs to.
    pub(crate) input: usize,
    /// It was empty when it came, and its first bytes are not on disk yet.
    pub(crate) blank: bool,
    source: Option<Source>,
    /// Where the next line begins.
    position: Position,
    /// Up to here no line ends behind `position`.
    scanned: u64,
    prefix: Prefix,
    /// When it was last found to be the same.
    checked: Option<Shape>,
    /// When there was last something to read.
    pub(crate) active: Instant,
    /// Lines that may belong together with the next.
    pub(crate) group: Option<Box<Group>>,
    /// It waits for its turn.
    pub(crate) ready: bool,
    /// What was last said to be wrong with it.
    pub(crate) told: Option<io::ErrorKind>,
    /// The last look at all files that found it there.
    pub(crate) seen: u64,
}

impl Harvester {
    pub(crate) fn new(
        id: FileId,
        (path, key, input): (PathBuf, Inode, usize),
        source: Source,
        (position, prefix): (Position, Prefix),
        now: Instant,
    ) -> Self {
        Self {
            id,
            path,
            key,
            input,
            blank: false,
            source: Some(source),
            position,
            scanned: position.offset,
            prefix,
            checked: None,
            active: now,
            group: None,
            ready: false,
            told: None,
            seen: 0,
        }
    }

    /// Puts it into the list of those that have something to read.
    pub(crate) fn wait_in(&mut self, ready: &mut VecDeque<Inode>) {
        if !std::mem::replace(&mut self.ready, true) {
            ready.push_back(self.key);
        }
    }

    /// Where the next line begins.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Goes back to a place, whose lines are to be read again.
    pub(crate) fn rewind(&mut self, position: Position) {
        self.position = position;
        self.scanned = position.offset;
        self.group = None;
        self.checked = None;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.source.is_some()
    }

    /// Whether the file on disk looks otherwise than when it was last read.
    pub(crate) fn differs(&self, now: Shape) -> bool {
        self.checked != Some(now)
    }

    /// Closes the file; it is opened again when there is something to read. Not one that has no name: it could not be.
    pub(crate) fn close(&mut self) {
        if let Some(source) = &self.source
            && source.metadata().is_ok_and(|meta| meta.nlink() > 0)
        {
            self.source = None;
        }
    }

    /// Closes a packed file that is read to its end: what is kept of it is large.
    pub(crate) fn rest_if_packed(&mut self) {
        if self.source.as_ref().is_some_and(Source::is_packed) {
            self.close();
        }
    }

    /// Whether the handle's file has a name.
    pub(crate) fn is_deleted(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.metadata().is_ok_and(|meta| meta.nlink() == 0))
    }

    /// Whether the open file is still what it was; false for one that is closed.
    pub(crate) fn is_intact(&mut self) -> bool {
        let position = self.position;
        let prefix = self.prefix;
        self.source.as_mut().is_some_and(|source| {
            source.len().is_ok_and(|len| len >= position.offset)
                && prefix.holds(source)
                && position.holds(source)
        })
    }

    /// Whether more of the first bytes were read than are known.
    pub(crate) fn prefix_grows(&self) -> bool {
        self.prefix.grows() && self.position.offset > self.prefix.len
    }

    /// The first bytes of an open file as far as they are there, read or not; those that were known, where it was written anew.
    pub(crate) fn prefix_now(&mut self) -> Prefix {
        let packed = self.source.as_ref().is_some_and(Source::is_packed);
        if self.prefix.grows() && !packed && self.is_intact() {
            let len = self.source.as_ref().and_then(|source| source.len().ok());
            self.grow_prefix(len.unwrap_or(0));
        }
        self.prefix
    }

    /// The first bytes as far as they are there, of a file that may be closed.
    pub(crate) fn first_bytes(&mut self) -> Prefix {
        // One that cannot be opened cannot be read either, and that is said there.
        let _ = self.open();
        self.prefix_now()
    }

    /// The first bytes, of which there may be more now.
    pub(crate) fn prefix(&mut self) -> Prefix {
        if self.prefix_grows() {
            self.grow_prefix(self.position.offset);
        }
        self.prefix
    }

    /// Takes in the first `len` bytes, if they can be read. What is known is never given up.
    fn grow_prefix(&mut self, len: u64) {
        if let Some(source) = &mut self.source {
            let now = Prefix::of(source, len);
            if now.len > self.prefix.len {
                self.prefix = now;
            }
        }
    }

    /// Opens the file if it is not. An error of kind `NotFound` where its name is another file's now.
    fn open(&mut self) -> io::Result<&mut Source> {
        if self.source.is_none() {
            let source = Source::open(&self.path)?;
            if Inode::of(&source.metadata()?) != self.key {
                return Err(io::ErrorKind::NotFound.into());
            }
            self.source = Some(source);
        }
        self.source.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Reads on and gives out whole lines, until `give` says that it has enough.
    ///
    /// # Errors
    /// The file cannot be opened or read. Nothing is passed over: the next turn tries the same again.
    pub(crate) fn turn(
        &mut self,
        framing: Framing,
        buffer: &mut Vec<u8>,
        mut give: impl FnMut(&Line<'_>) -> bool,
    ) -> io::Result<Turn> {
        let (position, scanned, checked, prefix) = (self.position, self.scanned, self.checked, self.prefix);
        let source = self.open()?;
        let meta = source.metadata()?;
        let now = shape(&meta);
        if !source.is_packed() && meta.len() < scanned {
            return Ok(Turn::Truncated);
        }
        // A file that was cut and has already grown past the place shows in its first bytes, or in those before the place. These are
        // read together with what follows, so that nothing can happen in between.
        if checked != Some(now) && !prefix.holds(source) {
            return Ok(Turn::Truncated);
        }
        let unended = (scanned - position.offset) as usize;
        buffer.clear();
        let read = if unended <= TURN {
            let lead = position.marker.len();
            let wanted = lead + unended + TURN;
            let got = source.read(position.offset - lead as u64, wanted, buffer)?;
            if !buffer.get(..lead).is_some_and(|bytes| position.marker.is_of(bytes)) {
                return Ok(Turn::Truncated);
            }
            let (next, enough) = lines(position, unended, framing, buffer, &mut give);
            self.scanned = if enough { next.offset } else { position.offset + (buffer.len() - lead) as u64 };
            self.position = next;
            got == wanted || enough
        } else {
            if !position.holds(source) {
                return Ok(Turn::Truncated);
            }
            let (next, scanned, more) = long_line(source, position, scanned, framing, buffer, &mut give)?;
            (self.position, self.scanned) = (next, scanned);
            more
        };
        self.checked = Some(now);
        Ok(match (read, meta.nlink()) {
            (true, _) => Turn::More,
            (false, 0) => Turn::Deleted,
            (false, _) => Turn::AtEnd,
        })
    }

    /// Gives out what stands behind the last line's end, for a file that nobody writes to any more.
    pub(crate) fn rest(
        &mut self,
        framing: Framing,
        buffer: &mut Vec<u8>,
        give: impl FnOnce(&Line<'_>),
    ) -> io::Result<()> {
        let (position, scanned) = (self.position, self.scanned);
        if scanned == position.offset {
            return Ok(());
        }
        let lead = position.marker.len();
        let source = self.open()?;
        buffer.clear();
        let len = ((scanned - position.offset) as usize).min(framing.max_line + framing.end.len());
        source.read(position.offset - lead as u64, lead + len, buffer)?;
        let end = Position::at(scanned, source);
        if let (Some(before), Some(bytes)) = (buffer.get(..lead), buffer.get(lead..)) {
            let (bytes, cut) = cut(bytes, framing);
            let through = Through::Known(end);
            give(&Line { bytes, cut, offset: position.offset, end: scanned, before, through });
        }
        self.position = end;
        Ok(())
    }
}

/// Gives out the lines in `buffer`, which begins with the bytes that the marker is of; `unended` bytes behind these hold no end of a
/// line. Returns where the next line begins, and whether there was enough.
fn lines(
    position: Position,
    unended: usize,
    framing: Framing,
    buffer: &[u8],
    give: &mut impl FnMut(&Line<'_>) -> bool,
) -> (Position, bool) {
    let lead = position.marker.len();
    let bytes = buffer.get(lead..).unwrap_or_default();
    let (mut start, mut from, mut enough) = (0, unended, false);
    while !enough
        && let Some(rest) = bytes.get(start..)
        && let Some(len) = framing.end.next(rest, from)
    {
        let (text, cut) = cut(rest.get(..len).unwrap_or_default(), framing);
        let line = Line {
            bytes: text,
            cut,
            offset: position.offset + start as u64,
            end: position.offset + (start + len) as u64,
            before: buffer.get(..lead + start).unwrap_or_default(),
            through: Through::Bytes(buffer.get(..lead + start + len).unwrap_or_default()),
        };
        enough = !give(&line);
        start += len;
        from = 0;
    }
    if start == 0 {
        return (position, enough);
    }
    (Position::behind(position.offset + start as u64, buffer.get(..lead + start).unwrap_or_default()), enough)
}

/// Looks on for the end of a line that is longer than a turn, without holding it; when it is found, what counts of the line is read
/// again. Returns where the next line begins, how far was looked, and whether there may be more.
fn long_line(
    source: &mut Source,
    position: Position,
    scanned: u64,
    framing: Framing,
    buffer: &mut Vec<u8>,
    give: &mut impl FnMut(&Line<'_>) -> bool,
) -> io::Result<(Position, u64, bool)> {
    // Where a line feed may begin.
    let from = scanned - (scanned - position.offset) % framing.end.len() as u64;
    let got = source.read(from, 4 * TURN, buffer)?;
    let Some(found) = framing.end.next(buffer, 0) else {
        return Ok((position, from + got as u64, got == 4 * TURN));
    };
    let end = from + found as u64;
    let next = Position::at(end, source);
    let lead = position.marker.len();
    let len = ((end - position.offset) as usize).min(framing.max_line + 2 * framing.end.len() + 1);
    buffer.clear();
    source.read(position.offset - lead as u64, lead + len, buffer)?;
    if let (Some(before), Some(bytes)) = (buffer.get(..lead), buffer.get(lead..)) {
        let (bytes, cut) = cut(bytes, framing);
        let through = Through::Known(next);
        give(&Line { bytes, cut, offset: position.offset, end, before, through });
    }
    Ok((next, end, true))
}

/// The line without its end, and as long as it may be.
fn cut(line: &[u8], framing: Framing) -> (&[u8], bool) {
    let line = framing.end.strip(line);
    if line.len() <= framing.max_line {
        return (line, false);
    }
    let mut len = framing.max_line - framing.max_line % framing.end.len();
    // Not within a character of UTF-8.
    while framing.end == LineEnd::Byte
        && len > framing.max_line.saturating_sub(4)
        && line.get(len).is_some_and(|byte| byte & 0xC0 == 0x80)
    {
        len -= 1;
    }
    (line.get(..len).unwrap_or_default(), true)
}

#[cfg(test)]
mod tests;
