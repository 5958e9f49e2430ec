//! The bytes of a file by their place: as they are on disk, or those of a packed one after unpacking.

use std::{
    fs::{File, Metadata},
    io::{self, BufReader, ErrorKind, Read, Seek as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use crate::marker::Bytes;

/// An open file.
pub(crate) enum Source {
    Plain(File),
    Packed(Box<Packed>),
}

/// How a rotated file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// By the name, as `logrotate` and people give it.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "gz" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl Source {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        match Packing::of(path) {
            None => Ok(Self::Plain(file)),
            Some(packing) => Ok(Self::Packed(Box::new(Packed::new(file, packing)?))),
        }
    }

    /// Of the file on disk.
    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            Self::Plain(file) => file.metadata(),
            Self::Packed(packed) => packed.file.metadata(),
        }
    }

    /// Bytes that there are; not known of a packed file.
    pub(crate) fn len(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len()),
            Self::Packed(_) => Ok(u64::MAX),
        }
    }

    pub(crate) fn is_packed(&self) -> bool {
        matches!(self, Self::Packed(_))
    }

    /// Appends up to `len` bytes from `offset` on; fewer only at the end.
    pub(crate) fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> io::Result<usize> {
        let before = into.len();
        into.resize(before + len, 0);
        let read = self.fill(offset, into.get_mut(before..).unwrap_or_default());
        into.truncate(before + read.as_ref().copied().unwrap_or(0));
        read
    }

    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
            let got = match self {
                Self::Plain(file) => file.read_at(rest, offset + read as u64),
                Self::Packed(packed) => packed.read_at(rest, offset + read as u64),
            };
            match got {
                Ok(0) => break,
                Ok(got) => read += got,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }
}

impl Bytes for Source {
    fn fill_at(&mut self, offset: u64, buffer: &mut [u8]) -> bool {
        self.fill(offset, buffer).is_ok_and(|read| read == buffer.len())
    }
}

/// Bytes that were unpacked and may be asked for again: a line that is not whole, and what stands before it.
const KEPT: usize = 1 << 20;

/// A packed file, which can only be read on. What lies further back is unpacked anew.
pub(crate) struct Packed {
    file: File,
    packing: Packing,
    unpacked: Box<dyn Read + Send>,
    /// The last bytes that came out, and how many came out in all.
    last: Vec<u8>,
    out: u64,
}

impl Packed {
    fn new(file: File, packing: Packing) -> io::Result<Self> {
        let unpacked = Self::begin(&file, packing)?;
        Ok(Self { file, packing, unpacked, last: Vec::new(), out: 0 })
    }

    fn begin(file: &File, packing: Packing) -> io::Result<Box<dyn Read + Send>> {
        let mut file = file.try_clone()?;
        file.rewind()?;
        let input = BufReader::with_capacity(64 << 10, file);
        Ok(match packing {
            // Several members in one file are one text (RFC 1952, 2.2), as `cat a.gz b.gz` makes it.
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
        })
    }

    fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset + (self.last.len() as u64) < self.out {
            self.unpacked = Self::begin(&self.file, self.packing)?;
            self.last.clear();
            self.out = 0;
        }
        loop {
            let start = self.out - self.last.len() as u64;
            let from = usize::try_from(offset - start).unwrap_or(usize::MAX);
            if let Some(there) = self.last.get(from..).filter(|there| !there.is_empty()) {
                let len = there.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..len), there.get(..len)) {
                    to.copy_from_slice(from);
                }
                return Ok(len);
            }
            if !self.more()? {
                return Ok(0);
            }
        }
    }

    /// False at the end.
    fn more(&mut self) -> io::Result<bool> {
        if self.last.len() > 2 * KEPT {
            self.last.drain(..self.last.len() - KEPT);
        }
        let before = self.last.len();
        self.last.resize(before + (64 << 10), 0);
        let read = self.unpacked.read(self.last.get_mut(before..).unwrap_or_default());
        let got = read.as_ref().copied().unwrap_or(0);
        self.last.truncate(before + got);
        self.out += got as u64;
        read.map(|got| got > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn packed(name: &str, text: &[u8]) -> (tempfile::TempDir, Source) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        let file = File::create(&path).unwrap();
        match Packing::of(&path) {
            Some(Packing::Gzip) => {
                let mut writer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
                writer.write_all(text).unwrap();
            }
            Some(Packing::Zstd) => zstd::stream::copy_encode(text, file, 1).unwrap(),
            None => (&file).write_all(text).unwrap(),
        }
        let source = Source::open(&path).unwrap();
        (dir, source)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_bytes_from_any_place(
            seed: u64,
            len in 0..4_000_000_usize,
            reads in prop::collection::vec((0..4_100_000_u64, 0..300_000_usize), 1..8),
            name in prop::sample::select(vec!["a.gz", "a.zst", "a"]),
        ) {
            let mut state = seed | 1;
            let text: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 60) as u8
            })
            .take(len)
            .collect();
            let (_dir, mut source) = packed(name, &text);
            for (offset, len) in reads {
                let mut out = Vec::new();
                source.read(offset, len, &mut out).unwrap();
                let start = (offset as usize).min(text.len());
                prop_assert_eq!(&out, &text[start..(start + len).min(text.len())]);
            }
        }
    }

    #[test]
    fn a_file_that_is_still_being_packed_is_an_error_and_no_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gz");
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(&[b'x'; 1000]).unwrap();
        let whole = writer.finish().unwrap();
        std::fs::write(&path, &whole[..whole.len() - 4]).unwrap();
        let mut out = Vec::new();
        let error = Source::open(&path).unwrap().read(0, 2000, &mut out).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}
