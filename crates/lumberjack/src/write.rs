//! Windows and acknowledgements to bytes.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};

/// Appends one window of JSON documents to `out`, numbered from 1. `level` is zlib's: 0 sends the frames plain, 3 is what
/// Filebeat uses.
pub fn encode_window<'p>(out: &mut Vec<u8>, documents: impl ExactSizeIterator<Item = &'p [u8]>, level: u32) {
    out.extend_from_slice(b"2W");
    out.extend_from_slice(&(documents.len() as u32).to_be_bytes());
    if level == 0 || documents.len() == 0 {
        data_frames(documents, |bytes| out.extend_from_slice(bytes));
        return;
    }
    out.extend_from_slice(b"2C");
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut encoder = ZlibEncoder::new(out, Compression::new(level.min(9)));
    // Writing to a Vec does not fail.
    data_frames(documents, |bytes| drop(encoder.write_all(bytes)));
    if let Ok(out) = encoder.finish() {
        let len = (out.len() - length_at - 4) as u32;
        out[length_at..length_at + 4].copy_from_slice(&len.to_be_bytes());
    }
}

fn data_frames<'p>(documents: impl Iterator<Item = &'p [u8]>, mut write: impl FnMut(&[u8])) {
    for (at, document) in documents.enumerate() {
        let mut head = *b"2J\0\0\0\0\0\0\0\0";
        head[2..6].copy_from_slice(&(at as u32 + 1).to_be_bytes());
        head[6..].copy_from_slice(&(document.len() as u32).to_be_bytes());
        write(&head);
        write(document);
    }
}

/// An acknowledgement of everything up to `seq`; 0 is a sign of life.
pub fn encode_ack(version: u8, seq: u32) -> [u8; 6] {
    let [a, b, c, d] = seq.to_be_bytes();
    [version, b'A', a, b, c, d]
}

/// The answer to a sender that [asks](crate::asks) for `B` and `Z` frames: it may send them.
pub fn encode_offer() -> [u8; 6] {
    *b"2B\0\0\0\x01"
}
