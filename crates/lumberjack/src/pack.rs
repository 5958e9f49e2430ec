//! Compressed frames, both ways.

use std::io::Read as _;

use bytes::{Bytes, BytesMut};
use flate2::{Compress, FlushCompress, Status};

use crate::{ProtocolError, frame::check};

/// How the frames of a window go over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    #[default]
    Plain,
    /// Inside a `C` frame, at zlib's level 1 to 9. Every receiver knows it; Filebeat sends level 3.
    Zlib(u32),
    /// Inside a `Z` frame, at zstd's level. Only for a receiver that has offered it.
    Zstd(i32),
}

/// A window of zstd at most, as a power of two: 8 MiB, more than any frame of ours needs.
const WINDOW_LOG: u32 = 23;

/// Packs data frames, and keeps its workspace from one window to the next.
#[derive(Default)]
pub struct Packer {
    compression: Compression,
    zlib: Option<(u32, Compress)>,
    zstd: Option<(i32, zstd::bulk::Compressor<'static>)>,
    packed: Vec<u8>,
    /// Frames whose numbers had to be written anew.
    pub(crate) renumbered: Vec<u8>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").field("compression", &self.compression).finish_non_exhaustive()
    }
}

impl Packer {
    /// A packer that compresses in one way, until it is told another.
    pub fn new(compression: Compression) -> Self {
        Self { compression, ..Self::default() }
    }

    /// How the next windows go out.
    pub fn set(&mut self, compression: Compression) {
        self.compression = compression;
    }

    /// Whether frames go out as they are.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.compression, Compression::Plain | Compression::Zlib(0))
    }

    /// Appends whole data frames to `out`. Where a compressor has no memory to work in they go as they are, which every receiver
    /// reads as well.
    pub(crate) fn pack(&mut self, frames: &[u8], out: &mut Vec<u8>) {
        self.packed.clear();
        let kind = match self.compression {
            Compression::Plain => None,
            Compression::Zlib(level) => self.zlib(level.min(9), frames).then_some(b'C'),
            Compression::Zstd(level) => self.zstd(level, frames).then_some(b'Z'),
        };
        match kind {
            Some(kind) => {
                out.extend_from_slice(&[b'2', kind]);
                out.extend_from_slice(&(self.packed.len() as u32).to_be_bytes());
                out.extend_from_slice(&self.packed);
            }
            None => out.extend_from_slice(frames),
        }
    }

    fn zlib(&mut self, level: u32, frames: &[u8]) -> bool {
        if level == 0 {
            return false;
        }
        let (_, zlib) = match &mut self.zlib {
            Some(kept) if kept.0 == level => kept,
            other => other.insert((level, Compress::new(flate2::Compression::new(level), true))),
        };
        zlib.reset();
        loop {
            self.packed.reserve((frames.len() / 4).max(1024));
            let rest = frames.get(zlib.total_in() as usize..).unwrap_or_default();
            match zlib.compress_vec(rest, &mut self.packed, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return true,
                Ok(Status::Ok | Status::BufError) => {}
                Err(_) => return false,
            }
        }
    }

    fn zstd(&mut self, level: i32, frames: &[u8]) -> bool {
        let (_, zstd) = match &mut self.zstd {
            Some(kept) if kept.0 == level => kept,
            other => match zstd::bulk::Compressor::new(level) {
                Ok(new) => other.insert((level, new)),
                Err(_) => return false,
            },
        };
        self.packed.reserve(zstd::zstd_safe::compress_bound(frames.len()));
        zstd.compress_to_buffer(frames, &mut self.packed).is_ok()
    }
}

/// Inflates zlib to at most `limit` bytes: a kilobyte of zeros that becomes a gigabyte is stopped on the way.
pub(crate) fn unpack_zlib(packed: &[u8], limit: usize) -> Result<BytesMut, ProtocolError> {
    unpack(flate2::read::ZlibDecoder::new(packed), packed.len(), limit)
}

/// The same for zstd.
pub(crate) fn unpack_zstd(packed: &[u8], limit: usize) -> Result<BytesMut, ProtocolError> {
    let broken = |error: std::io::Error| ProtocolError::Compressed(error.to_string());
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(broken)?;
    decoder.window_log_max(WINDOW_LOG).map_err(broken)?;
    unpack(decoder, packed.len(), limit)
}

fn unpack(reader: impl std::io::Read, packed: usize, limit: usize) -> Result<BytesMut, ProtocolError> {
    let mut out = Vec::with_capacity((packed * 4).min(limit));
    let read = reader.take(limit as u64 + 1).read_to_end(&mut out);
    read.map_err(|e| ProtocolError::Compressed(e.to_string()))?;
    check("an inflated frame", out.len() as u64, limit)?;
    Ok(Bytes::from(out).into())
}
