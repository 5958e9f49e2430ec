//! A segment's one file: parts one after the other, then what they are, with a checksum for each.
//!
//! `ALCSEG01`, the parts, a description in JSON, and at the end the description's length (u32 LE), its CRC-32 (u32 LE) and `ALCSEG01` again. A file
//! that was not written whole has no such end.

use crate::disk::{self, DiskFile};
use crate::error::StoreError;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::HasLen;
use tantivy::directory::{Directory, FileHandle, FileSlice, MmapDirectory, OwnedBytes};

const MAGIC: &[u8; 8] = b"ALCSEG01";

/// Where a part stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    name: String,
    from: u64,
    length: u64,
    crc: u32,
}

/// What a file says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Description<T> {
    parts: Vec<Part>,
    about: T,
}

/// Writes a file, part by part.
pub(super) struct Writer {
    path: PathBuf,
    out: BufWriter<DiskFile>,
    at: u64,
    parts: Vec<Part>,
}

/// Sums up what goes through it.
struct Summed<'a> {
    out: &'a mut BufWriter<DiskFile>,
    length: u64,
    crc: crc32fast::Hasher,
}

impl Write for Summed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.crc.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Writer {
    /// Begins the file; one that is there already is written over.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let file = disk::create(path).map_err(StoreError::io(path))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        out.write_all(MAGIC).map_err(StoreError::io(path))?;
        Ok(Self { path: path.to_owned(), out, at: MAGIC.len() as u64, parts: Vec::new() })
    }

    /// Writes one part.
    pub(super) fn part(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let mut summed = Summed { out: &mut self.out, length: 0, crc: crc32fast::Hasher::new() };
        write(&mut summed).map_err(StoreError::io(&self.path))?;
        let (length, crc) = (summed.length, summed.crc.finalize());
        self.parts.push(Part { name: name.to_owned(), from: self.at, length, crc });
        self.at += length;
        Ok(())
    }

    /// What was written as the last part.
    pub(super) fn read_back(&mut self) -> Result<FileSlice, StoreError> {
        self.out.flush().map_err(StoreError::io(&self.path))?;
        let to = self.at as usize;
        let from = self.parts.last().map_or(to, |part| part.from as usize);
        Ok(aside(&self.path, to).map_err(StoreError::io(&self.path))?.slice_from(from))
    }

    /// Ends the file and makes it durable. Answers its length.
    pub(super) fn finish<T: Serialize>(mut self, about: &T) -> Result<u64, StoreError> {
        let description = Description { parts: std::mem::take(&mut self.parts), about };
        let json = serde_json::to_vec(&description)
            .map_err(|e| StoreError::Damaged { path: self.path.clone(), reason: e.to_string() })?;
        let end = |out: &mut BufWriter<DiskFile>| {
            out.write_all(&json)?;
            out.write_all(&u32::try_from(json.len()).map_err(io::Error::other)?.to_le_bytes())?;
            out.write_all(&crc32fast::hash(&json).to_le_bytes())?;
            out.write_all(MAGIC)?;
            out.flush()?;
            out.get_ref().sync_all()
        };
        end(&mut self.out).map_err(StoreError::io(&self.path))?;
        Ok(self.at + json.len() as u64 + 16)
    }
}

/// A file that is read into memory where it is read, and that memory given back. What is mapped instead counts as this process's memory, and
/// takes the place of what is read more often.
#[derive(Debug)]
struct Aside {
    file: File,
    length: usize,
}

/// The first bytes of a file so.
fn aside(path: &Path, length: usize) -> io::Result<FileSlice> {
    Ok(FileSlice::new(Arc::new(Aside { file: File::open(path)?, length })))
}

impl HasLen for Aside {
    fn len(&self) -> usize {
        self.length
    }
}

impl FileHandle for Aside {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let mut bytes = vec![0; range.len()];
        self.file.read_exact_at(&mut bytes, range.start as u64)?;
        Ok(OwnedBytes::new(bytes))
    }
}

/// An open file.
pub(super) struct Parts {
    path: PathBuf,
    whole: FileSlice,
    /// It is the file of that path.
    is_file: bool,
    parts: Vec<Part>,
}

impl Parts {
    /// Opens a file of the folder; only its end is read and checked.
    pub(super) fn open<T: for<'de> Deserialize<'de>>(
        dir: &MmapDirectory,
        path: &Path,
        name: &str,
    ) -> Result<(Self, T), StoreError> {
        let whole = dir.open_read(Path::new(name)).map_err(tantivy::TantivyError::from)?;
        let (parts, about) = Self::read(whole, path)?;
        Ok((Self { is_file: true, ..parts }, about))
    }

    /// The same of a file's bytes; `path` is for errors.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(
        whole: FileSlice,
        path: &Path,
    ) -> Result<(Self, T), StoreError> {
        let damaged = |reason: &str| StoreError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
        let length = whole.len();
        let read =
            |range: std::ops::Range<usize>| whole.read_bytes_slice(range).map_err(StoreError::io(path));
        if length < 24 {
            return Err(damaged("it is cut off"));
        }
        let end = read(length - 16..length)?;
        let number = |at: usize| end.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
        let (Some(size), Some(crc), Some(MAGIC)) =
            (number(0), number(4), end.get(8..16).and_then(|b| <&[u8; 8]>::try_from(b).ok()))
        else {
            return Err(damaged("it is cut off, or is no segment"));
        };
        let size = size as usize;
        if size > length - 24 {
            return Err(damaged("its description does not fit"));
        }
        let json = read(length - 16 - size..length - 16)?;
        if crc32fast::hash(&json) != crc {
            return Err(damaged("the checksum of its description is wrong"));
        }
        let description: Description<T> =
            serde_json::from_slice(&json).map_err(|e| damaged(&format!("its description: {e}")))?;
        let room = (length - 16 - size) as u64;
        if description.parts.iter().any(|p| p.from.checked_add(p.length).is_none_or(|end| end > room)) {
            return Err(damaged("a part does not fit"));
        }
        Ok((
            Self { path: path.to_owned(), whole, is_file: false, parts: description.parts },
            description.about,
        ))
    }

    /// The bytes of a part.
    pub(super) fn part(&self, name: &str) -> Result<FileSlice, StoreError> {
        let part = self.parts.iter().find(|part| part.name == name).ok_or_else(|| StoreError::Damaged {
            path: self.path.clone(),
            reason: format!("it has no part [{name}]"),
        })?;
        // Checked against the length when opened.
        let from = part.from as usize;
        Ok(self.whole.slice(from..from + part.length as usize))
    }

    /// The bytes of a part for one who reads all of it once.
    pub(super) fn part_aside(&self, name: &str) -> Result<FileSlice, StoreError> {
        // A merge may have removed the name, and files may be open in too large a number: then by the mapping, which is there.
        let whole = self.is_file.then(|| aside(&self.path, self.whole.len()).ok()).flatten();
        match (whole, self.parts.iter().find(|part| part.name == name)) {
            (Some(whole), Some(part)) => {
                let from = part.from as usize;
                Ok(whole.slice(from..from + part.length as usize))
            }
            _ => self.part(name),
        }
    }

    /// Names of the parts that begin so.
    pub(super) fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.parts.iter().filter_map(move |part| part.name.strip_prefix(prefix))
    }

    /// Reads all of it and compares the checksums.
    pub(super) fn verify(&self) -> Result<(), StoreError> {
        // Not by the mapping: what is read once need not count as this process's memory. But a merge may have removed the name, and files may be
        // open in too large a number: then by the mapping, which is there.
        let file = self.is_file.then(|| File::open(&self.path).ok()).flatten();
        for part in &self.parts {
            let mut crc = crc32fast::Hasher::new();
            match &file {
                Some(file) => {
                    let (mut at, end) = (part.from, part.from + part.length);
                    let mut room =
                        vec![0; (64 * 1024).min(usize::try_from(part.length).unwrap_or(usize::MAX))];
                    while at < end {
                        let size = room.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
                        file.read_exact_at(&mut room[..size], at).map_err(StoreError::io(&self.path))?;
                        crc.update(&room[..size]);
                        at += size as u64;
                    }
                }
                None => {
                    for chunk in self.part(&part.name)?.stream_file_chunks() {
                        crc.update(&chunk.map_err(StoreError::io(&self.path))?);
                    }
                }
            }
            if crc.finalize() != part.crc {
                return Err(StoreError::Damaged {
                    path: self.path.clone(),
                    reason: format!("the checksum of its part [{}] is wrong", part.name),
                });
            }
        }
        Ok(())
    }

    /// An error about this file.
    pub(super) fn damaged(&self, reason: &str) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), reason: reason.to_owned() }
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.whole.len() as u64
    }
}
