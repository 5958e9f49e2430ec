//! One record as bytes.

use std::io;

use memchr::memmem;

use crate::DiskFile;

/// Every record begins with these. The last one is the version of the format.
pub(crate) const MARK: [u8; 4] = [0xA1, 0xCE, 0x5D, 0x01];
/// Bytes before a record's own.
pub(crate) const HEAD: usize = 32;
/// A record's bytes, before and after compression. Far above any batch; below what would hurt if a head lied.
pub(crate) const LIMIT: usize = 64 << 20;
/// Numbers are below this, so that the next one always exists.
pub(crate) const NUMBER_LIMIT: u64 = 1 << 63;

const ZSTD: u32 = 1;
const PIECE: usize = 64 << 10;

/// A head that checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Head {
    pub(crate) number: u64,
    /// Bytes in the file after the head.
    pub(crate) stored: u32,
    raw: u32,
    flags: u32,
    crc: u32,
}

impl Head {
    /// Head and body, in bytes.
    pub(crate) fn frame(&self) -> u64 {
        HEAD as u64 + u64::from(self.stored)
    }

    fn parse(bytes: &[u8; HEAD]) -> Option<Self> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes[..4] != MARK || word(4) != crc32fast::hash(&bytes[8..]) {
            return None;
        }
        let number = u64::from(word(8)) | u64::from(word(12)) << 32;
        let head = Self { number, stored: word(16), raw: word(20), flags: word(24), crc: word(28) };
        let sane = (1..NUMBER_LIMIT).contains(&number)
            && head.stored as usize <= LIMIT
            && head.raw as usize <= LIMIT
            && (head.flags == ZSTD || head.flags == 0 && head.raw == head.stored);
        sane.then_some(head)
    }
}

/// Makes frames and opens them, with memory that is used again.
pub(crate) struct Press {
    compress: Option<zstd::bulk::Compressor<'static>>,
    decompress: zstd::bulk::Decompressor<'static>,
}

impl Press {
    pub(crate) fn new(level: Option<i32>) -> io::Result<Self> {
        let compress = level.map(zstd::bulk::Compressor::new).transpose()?;
        Ok(Self { compress, decompress: zstd::bulk::Decompressor::new()? })
    }

    /// Writes the whole frame of a record into `out`. `bytes` are not more than [`LIMIT`].
    pub(crate) fn frame(&mut self, number: u64, bytes: &[u8], out: &mut Vec<u8>) {
        out.clear();
        let mut flags = 0;
        if let Some(compress) = &mut self.compress {
            // Room for one byte less than before: what does not get smaller is stored as it is.
            out.resize(HEAD + bytes.len().saturating_sub(1), 0);
            if let Ok(length) = compress.compress_to_buffer(bytes, &mut out[HEAD..]) {
                out.truncate(HEAD + length);
                flags = ZSTD;
            }
        }
        if flags == 0 {
            out.clear();
            out.resize(HEAD, 0);
            out.extend_from_slice(bytes);
        }
        let stored = (out.len() - HEAD) as u32;
        let crc = crc32fast::hash(&out[HEAD..]);
        out[..4].copy_from_slice(&MARK);
        out[8..16].copy_from_slice(&number.to_le_bytes());
        out[16..20].copy_from_slice(&stored.to_le_bytes());
        out[20..24].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        out[24..28].copy_from_slice(&flags.to_le_bytes());
        out[28..32].copy_from_slice(&crc.to_le_bytes());
        let crc = crc32fast::hash(&out[8..HEAD]);
        out[4..8].copy_from_slice(&crc.to_le_bytes());
    }

    /// The record's own bytes; nothing if its body is damaged.
    pub(crate) fn open(&mut self, head: &Head, body: Vec<u8>) -> Option<Vec<u8>> {
        if crc32fast::hash(&body) != head.crc {
            return None;
        }
        if head.flags == 0 {
            return Some(body);
        }
        let bytes = self.decompress.decompress(&body, head.raw as usize).ok()?;
        (bytes.len() == head.raw as usize).then_some(bytes)
    }
}

/// The body behind a head that was found at `at`.
pub(crate) fn body(file: &impl DiskFile, at: u64, head: &Head) -> io::Result<Vec<u8>> {
    let mut body = vec![0; head.stored as usize];
    file.read_at(at + HEAD as u64, &mut body)?;
    Ok(body)
}

/// The first place at or after `from` where a head checks and its body ends before `limit`. A body that is damaged is
/// not looked into for heads: bytes that a user wrote are never taken for a record as long as the head before is whole.
pub(crate) fn find(file: &impl DiskFile, from: u64, limit: u64) -> io::Result<Option<(u64, Head)>> {
    let fits = |at: u64, bytes: &[u8; HEAD]| {
        Head::parse(bytes).filter(|head| head.frame() <= limit - at).map(|head| (at, head))
    };
    let mut bytes = [0; HEAD];
    if limit.saturating_sub(from) < HEAD as u64 {
        return Ok(None);
    }
    file.read_at(from, &mut bytes)?;
    if let Some(found) = fits(from, &bytes) {
        return Ok(Some(found));
    }
    // Damage: in pieces to the next mark that stands before a head that checks.
    let mut start = from + 1;
    let mut piece = Vec::new();
    while limit.saturating_sub(start) >= HEAD as u64 {
        let length = (limit - start).min(PIECE as u64) as usize;
        piece.resize(length, 0);
        file.read_at(start, &mut piece)?;
        for at in memmem::find_iter(&piece, &MARK) {
            if let Some(head) = piece.get(at..at + HEAD) {
                bytes.copy_from_slice(head);
                if let Some(found) = fits(start + at as u64, &bytes) {
                    return Ok(Some(found));
                }
            }
        }
        // The last bytes may be the beginning of a head.
        start += (length - HEAD + 1) as u64;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Disk as _, fake::FakeDisk};

    fn frame(number: u64, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Press::new(Some(1)).unwrap().frame(number, bytes, &mut out);
        out
    }

    fn file(bytes: &[u8]) -> impl DiskFile {
        let disk = FakeDisk::default();
        disk.put("x", bytes);
        disk.open("x").unwrap()
    }

    /// The table at the crate's head.
    #[test]
    fn the_bytes_of_a_frame() {
        let bytes = frame(0x0102, b"short");
        assert_eq!(bytes[..4], MARK);
        assert_eq!(bytes[4..8], crc32fast::hash(&bytes[8..32]).to_le_bytes());
        assert_eq!(bytes[8..16], [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..28], [5, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[28..32], crc32fast::hash(b"short").to_le_bytes());
        assert_eq!(&bytes[32..], b"short");
        let long = frame(1, &[7; 1000]);
        assert!(long.len() < 100);
        assert_eq!(long[20..28], [232, 3, 0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut press = Press::new(Some(1)).unwrap();
        for record in [b"".as_slice(), b"x", b"no zip", &[9; 100_000]] {
            let bytes = frame(5, record);
            let (at, head) = find(&file(&bytes), 0, bytes.len() as u64).unwrap().unwrap();
            assert_eq!((at, head.number, head.frame()), (0, 5, bytes.len() as u64));
            let body = body(&file(&bytes), at, &head).unwrap();
            assert_eq!(press.open(&head, body.clone()).unwrap(), record);
            if let Some(mut wrong) = (!body.is_empty()).then_some(body) {
                wrong[0] ^= 1;
                assert!(press.open(&head, wrong).is_none());
            }
        }
    }

    #[test]
    fn a_head_is_found_after_any_damage() {
        let good = frame(3, b"good");
        for junk in [1, 31, 32, 33, PIECE - 1, PIECE, PIECE + 7, 3 * PIECE] {
            for fill in [0, MARK[0], 0xff] {
                let mut bytes = vec![fill; junk];
                bytes.extend_from_slice(&good);
                let (at, head) = find(&file(&bytes), 0, bytes.len() as u64).unwrap().unwrap();
                assert_eq!((at, head.number), (junk as u64, 3), "{junk} bytes of {fill}");
                assert_eq!(find(&file(&bytes), 0, bytes.len() as u64 - 1).unwrap(), None);
            }
        }
    }
}
