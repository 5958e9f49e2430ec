//! Compressed frames, both ways.

use std::{cell::RefCell, io::Read as _};

use bytes::{Bytes, BytesMut};
use libdeflater::{CompressionLvl, Compressor, DecompressionError, Decompressor};

use crate::{ProtocolError, frame::check};

/// How the frames of a window go over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    #[default]
    Plain,
    /// Inside a `C` frame, packed with zlib at libdeflate's level 1 to 12. Every receiver knows it.
    Zlib(u32),
    /// Records as they are, in a `B` frame. Only for a receiver that has offered to take them.
    Records,
    /// Records inside a `Z` frame, at zstd's level. Only for a receiver that has offered to take them.
    Zstd(i32),
}

impl Compression {
    /// Whether only our own collectors read it.
    pub fn is_our_own(self) -> bool {
        matches!(self, Self::Records | Self::Zstd(_))
    }
}

/// A window of zstd at most, as a power of two: 8 MiB, more than any frame of ours needs.
const WINDOW_LOG: u32 = 23;

/// Packs data frames, and keeps its workspace from one window to the next.
#[derive(Default)]
pub struct Packer {
    compression: Compression,
    zlib: Option<(u32, Compressor)>,
    zstd: Option<(i32, zstd::bulk::Compressor<'static>)>,
    /// What is to be packed, where it does not lie in one piece, or is made for it.
    piece: Vec<u8>,
    packed: Vec<u8>,
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

    /// How windows go out.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Appends the data frames that `write` puts into its sink. Where a compressor has no memory to work in they go as they are, which
    /// every receiver reads as well.
    pub(crate) fn frames(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Sink<'_>)) {
        let Compression::Zlib(level @ 1..) = self.compression else {
            return write(&mut Sink { number: 0, to: out });
        };
        self.piece.clear();
        write(&mut Sink { number: 0, to: &mut self.piece });
        match zlib(&mut self.zlib, level, &self.piece, &mut self.packed) {
            Some(packed) => {
                out.extend_from_slice(b"2C");
                out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
                out.extend_from_slice(packed);
            }
            None => out.extend_from_slice(&self.piece),
        }
    }

    /// Appends records, which are `before` and `rest` together, in a `B` or `Z` frame.
    pub(crate) fn records(&mut self, before: &[u8], rest: &[u8], out: &mut Vec<u8>) {
        let whole = if before.is_empty() {
            rest
        } else {
            self.piece.clear();
            self.piece.extend_from_slice(before);
            self.piece.extend_from_slice(rest);
            &self.piece
        };
        let packed = match self.compression {
            Compression::Zstd(level) => zstd(&mut self.zstd, level, whole, &mut self.packed),
            _ => false,
        };
        let (kind, body) = if packed { (b'Z', &self.packed[..]) } else { (b'B', whole) };
        out.extend_from_slice(&[b'2', kind]);
        out.extend_from_slice(&(body.len() as u32).to_be_bytes());
        out.extend_from_slice(body);
    }
}

/// libdeflate rather than a streaming zlib: a window is whole in memory anyway, and it takes four fifths of the time for fewer bytes.
fn zlib<'p>(
    kept: &mut Option<(u32, Compressor)>,
    level: u32,
    whole: &[u8],
    packed: &'p mut Vec<u8>,
) -> Option<&'p [u8]> {
    let (_, zlib) = match kept {
        Some(kept) if kept.0 == level => kept,
        other => {
            let known = CompressionLvl::new(level.min(12) as i32).unwrap_or_default();
            other.insert((level, Compressor::new(known)))
        }
    };
    let most = zlib.zlib_compress_bound(whole.len());
    // It only grows, so that it is filled with zeros once and not for each window.
    if packed.len() < most {
        packed.resize(most, 0);
    }
    let len = zlib.zlib_compress(whole, packed).ok()?;
    packed.get(..len)
}

/// Whether there was memory to work in.
fn zstd(
    kept: &mut Option<(i32, zstd::bulk::Compressor<'static>)>,
    level: i32,
    whole: &[u8],
    packed: &mut Vec<u8>,
) -> bool {
    let (_, zstd) = match kept {
        Some(kept) if kept.0 == level => kept,
        other => match zstd::bulk::Compressor::new(level) {
            Ok(new) => other.insert((level, new)),
            Err(_) => return false,
        },
    };
    packed.clear();
    packed.reserve(zstd::zstd_safe::compress_bound(whole.len()));
    zstd.compress_to_buffer(whole, packed).is_ok()
}

/// Takes data frames.
pub(crate) struct Sink<'s> {
    number: u32,
    to: &'s mut Vec<u8>,
}

impl Sink<'_> {
    /// A frame of the document that `write` appends.
    pub(crate) fn frame(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.number += 1;
        self.to.extend_from_slice(b"2J");
        self.to.extend_from_slice(&self.number.to_be_bytes());
        self.to.extend_from_slice(&[0; 4]);
        let body = self.to.len();
        write(self.to);
        let len = self.to.len().saturating_sub(body) as u32;
        if let Some(place) = self.to.get_mut(body - 4..body) {
            place.copy_from_slice(&len.to_be_bytes());
        }
    }
}

/// Inflates zlib to at most `limit` bytes: a kilobyte of zeros that becomes a gigabyte is stopped on the way.
pub(crate) fn unpack_zlib(packed: &[u8], limit: usize) -> Result<BytesMut, ProtocolError> {
    thread_local! {
        /// Some ten kilobytes, which connections at rest need not have.
        static INFLATE: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    }
    INFLATE.with_borrow_mut(|inflate| {
        // Windows of log lines become ten times as large. What becomes more is inflated again into twice the room: no more than
        // twice the work of what there is.
        let mut room = packed.len().saturating_mul(12).max(4 << 10).min(limit);
        loop {
            let mut out = BytesMut::zeroed(room);
            match inflate.zlib_decompress(packed, &mut out) {
                Ok(len) => {
                    out.truncate(len);
                    return Ok(out);
                }
                Err(DecompressionError::InsufficientSpace) if room < limit => {
                    room = room.saturating_mul(2).min(limit);
                }
                Err(DecompressionError::InsufficientSpace) => {
                    check("an inflated frame", limit as u64 + 1, limit)?;
                }
                Err(DecompressionError::BadData) => {
                    return Err(ProtocolError::Compressed(
                        "it is no zlib stream, or not a whole one".to_owned(),
                    ));
                }
            }
        }
    })
}

/// The same for zstd.
pub(crate) fn unpack_zstd(packed: &[u8], limit: usize) -> Result<Bytes, ProtocolError> {
    let broken = |error: std::io::Error| ProtocolError::Compressed(error.to_string());
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(broken)?;
    decoder.window_log_max(WINDOW_LOG).map_err(broken)?;
    unpack(decoder, packed.len(), limit)
}

fn unpack(reader: impl std::io::Read, packed: usize, limit: usize) -> Result<Bytes, ProtocolError> {
    let mut out = Vec::with_capacity((packed * 4).min(limit));
    let read = reader.take(limit as u64 + 1).read_to_end(&mut out);
    read.map_err(|e| ProtocolError::Compressed(e.to_string()))?;
    check("an inflated frame", out.len() as u64, limit)?;
    Ok(Bytes::from(out))
}
