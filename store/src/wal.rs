//! The write-ahead log: what was acknowledged, until a commit of the engine holds it too.
//!
//! A file is a run of records: length (u32 LE), CRC-32 of the payload (u32 LE), payload. A record is written whole or
//! cut off: the reader stops at the first one that does not check.

use crate::disk::{self, DiskFile};
use crate::error::StoreError;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// A log file is closed at this size, so that commits can free the disk in steps.
const ROTATE_AT: u64 = 64 * 1024 * 1024;
const RECORD_LIMIT: u32 = 1 << 30;

/// The log of one store.
pub(crate) struct Wal {
    dir: PathBuf,
    file: DiskFile,
    length: u64,
    /// What follows `length` in the file is not known: nothing may be written behind it.
    doubtful: bool,
    number: u64,
    /// Closed files and the highest sequence number in each.
    closed: Vec<(PathBuf, u64)>,
    highest: u64,
}

impl Wal {
    /// Opens the folder, gives every whole record to `visit` in order, cuts a torn tail, and starts a new file.
    /// `visit` answers the record's sequence number.
    pub(crate) fn open(
        dir: &Path,
        mut visit: impl FnMut(&[u8]) -> Result<u64, StoreError>,
    ) -> Result<Self, StoreError> {
        disk::make_dirs(dir)?;
        let mut numbers: Vec<u64> = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(StoreError::io(dir))? {
            let name = entry.map_err(StoreError::io(dir))?.file_name();
            numbers.extend(name.to_str().and_then(|n| n.strip_suffix(".wal")?.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        let mut closed = Vec::new();
        let mut highest = 0;
        for number in &numbers {
            let path = path(dir, *number);
            let mut last = 0;
            read(&path, |payload| {
                last = visit(payload)?;
                Ok(())
            })?;
            // What was read counts from now on. It may have been written a moment before a kill, or cut, and not synced.
            disk::open_present(&path).and_then(|file| file.sync_all()).map_err(StoreError::io(&path))?;
            highest = highest.max(last);
            closed.push((path, last));
        }
        let number = numbers.last().map_or(1, |last| last + 1);
        let file = create(dir, number)?;
        Ok(Self { dir: dir.to_owned(), file, length: 0, doubtful: false, number, closed, highest })
    }

    /// Appends framed records and makes them durable. On an error nothing of them remains.
    pub(crate) fn append(&mut self, frames: &[u8], highest: u64) -> io::Result<()> {
        if self.length >= ROTATE_AT || self.doubtful {
            self.rotate()?;
        }
        let mut written = false;
        let result = self.file.write_all(frames).and_then(|()| {
            written = true;
            self.file.sync_data()
        });
        if let Err(error) = result {
            // Synced, or else it could be there again after a power cut.
            let cut = self.file.cut(self.length).and_then(|()| self.file.sync_all());
            // After a failed sync the kernel may have dropped pages: only a fresh file can be trusted then.
            self.doubtful = written || cut.is_err();
            return Err(error);
        }
        self.length += frames.len() as u64;
        self.highest = highest;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let file = create(&self.dir, self.number + 1).map_err(|e| match e {
            StoreError::Io { source, .. } => source,
            other => io::Error::other(other.to_string()),
        })?;
        self.closed.push((path(&self.dir, self.number), self.highest));
        self.number += 1;
        self.file = file;
        self.length = 0;
        self.doubtful = false;
        Ok(())
    }

    /// Every record up to `sequence` is held by the engine: files that hold nothing else are removed.
    pub(crate) fn release(&mut self, sequence: u64) -> io::Result<()> {
        if self.length > 0 && self.highest <= sequence {
            self.rotate()?;
        }
        self.closed.retain(|(path, highest)| {
            if *highest > sequence {
                return true;
            }
            match disk::remove(path) {
                Ok(()) => false,
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => {
                    tracing::warn!(file = %path.display(), %error, "cannot remove a log file that is no longer needed");
                    true
                }
            }
        });
        Ok(())
    }

    /// Reads everything that the log still holds, in order.
    pub(crate) fn replay(
        &self,
        visit: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for (path, _) in &self.closed {
            read(path, &mut *visit)?;
        }
        read(&path(&self.dir, self.number), visit)
    }

    /// The highest sequence number ever written.
    pub(crate) fn highest(&self) -> u64 {
        self.highest
    }
}

/// Appends one framed record to a buffer.
pub(crate) fn frame(out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    payload(out);
    let length = u32::try_from(out.len() - start - 8).unwrap_or(u32::MAX);
    let crc = crc32fast::hash(&out[start + 8..]);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:012}.wal"))
}

/// Makes a new file. One may be there already, empty, whose name could not be made durable when it was tried before.
fn create(dir: &Path, number: u64) -> Result<DiskFile, StoreError> {
    let path = path(dir, number);
    let file = disk::create(&path).map_err(StoreError::io(&path))?;
    disk::sync_dir(dir)?;
    Ok(file)
}

fn read(path: &Path, mut visit: impl FnMut(&[u8]) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let file = File::open(path).map_err(StoreError::io(path))?;
    let size = file.metadata().map_err(StoreError::io(path))?.len();
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut whole = 0u64;
    let mut payload = Vec::new();
    while whole < size {
        let mut head = [0; 8];
        let record = reader.read_exact(&mut head).and_then(|()| {
            let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
            // No record is empty: zeros are what a file system leaves of bytes that did not get to the disk.
            if length == 0 || length > RECORD_LIMIT || u64::from(length) > size - whole - 8 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            payload.resize(length as usize, 0);
            reader.read_exact(&mut payload)?;
            let crc = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            if crc32fast::hash(&payload) == crc { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
        });
        match record {
            Ok(()) => {
                visit(&payload)?;
                whole += 8 + payload.len() as u64;
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) =>
            {
                tracing::warn!(file = %path.display(), at = whole, bytes = size - whole, "cut a torn record off the log");
                let file = disk::open_present(path).map_err(StoreError::io(path))?;
                file.cut(whole).and_then(|()| file.sync_all()).map_err(StoreError::io(path))?;
                break;
            }
            Err(error) => return Err(StoreError::Io { path: path.to_owned(), source: error }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(dir: &Path) -> (Wal, Vec<Vec<u8>>) {
        let mut seen = Vec::new();
        let wal = Wal::open(dir, |payload| {
            seen.push(payload.to_vec());
            Ok(seen.len() as u64)
        });
        (wal.unwrap(), seen)
    }

    #[test]
    fn torn_tail_is_cut_and_the_rest_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let (mut wal, _) = collect(dir.path());
        let mut frames = Vec::new();
        frame(&mut frames, |out| out.extend_from_slice(b"one"));
        frame(&mut frames, |out| out.extend_from_slice(b"two"));
        wal.append(&frames, 2).unwrap();
        drop(wal);
        let file = path(dir.path(), 1);
        for cut in 1..11 {
            let (_, seen) = {
                let bytes = frames[..frames.len() - cut].to_vec();
                std::fs::write(&file, bytes).unwrap();
                collect(dir.path())
            };
            assert_eq!(seen, [b"one".to_vec()], "cut {cut}");
        }
        let mut flipped = frames.clone();
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        std::fs::write(&file, flipped).unwrap();
        assert_eq!(collect(dir.path()).1, [b"one".to_vec()]);
        // The length got to the disk, and the bytes did not.
        let mut zeros = frames[..11].to_vec();
        zeros.extend([0; 40]);
        std::fs::write(&file, zeros).unwrap();
        assert_eq!(collect(dir.path()).1, [b"one".to_vec()]);
    }

    /// A call of each kind fails while a record is appended: what was acknowledged before and after is there, after a power cut.
    #[test]
    fn nothing_is_written_behind_what_may_be_torn() {
        for (call, kind) in
            (0..6).flat_map(|call| [(call, io::ErrorKind::StorageFull), (call, io::ErrorKind::Other)])
        {
            let dir = tempfile::tempdir().unwrap();
            let disk = crate::disk::fake::FakeDisk::new(dir.path(), &Default::default());
            let wal_dir = dir.path().join("wal");
            let (mut wal, _) = collect(&wal_dir);
            let mut acknowledged = Vec::new();
            disk.fail_in(Some((call, kind)));
            let mut again = Some((0, kind));
            for number in 0..6_u8 {
                let mut frames = Vec::new();
                frame(&mut frames, |out| out.extend_from_slice(&[number; 9]));
                if wal.append(&frames, u64::from(number)).is_ok() {
                    acknowledged.push(vec![number; 9]);
                } else {
                    // What follows a failure fails as well, once.
                    disk.fail_in(again.take());
                }
            }
            assert!(acknowledged.len() >= 2);
            for seed in 0..8 {
                disk.cut_in(u32::MAX, seed);
                let after = tempfile::tempdir().unwrap();
                let _disk = crate::disk::fake::FakeDisk::new(after.path(), &disk.image());
                let (_, mut seen) = collect(&after.path().join("wal"));
                seen.retain(|payload| acknowledged.contains(payload));
                assert_eq!(seen, acknowledged, "call {call}, {kind}, seed {seed}");
            }
        }
    }

    #[test]
    fn released_files_go() {
        let dir = tempfile::tempdir().unwrap();
        let (mut wal, _) = collect(dir.path());
        let mut frames = Vec::new();
        frame(&mut frames, |out| out.extend_from_slice(b"one"));
        wal.append(&frames, 1).unwrap();
        wal.release(1).unwrap();
        drop(wal);
        assert!(collect(dir.path()).1.is_empty());
    }
}
