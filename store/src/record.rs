//! What the write-ahead log says, in bytes. Changes are packed with LZ4: documents that come together are alike, and it costs no more CPU than the
//! bytes that need not be summed up, copied and synced.

use crate::wal::frame;
use lz4_flex::block;

/// Shorter changes are not worth packing.
const SMALL: usize = 512;
/// More is not believed of a packed record: a request body is much smaller.
const LARGEST: usize = 1 << 30;

/// One change of one document.
pub(crate) struct Change<'a> {
    pub(crate) uuid: u64,
    pub(crate) delete: bool,
    pub(crate) version: u64,
    pub(crate) id: &'a str,
    pub(crate) source: &'a [u8],
}

/// A record read back.
pub(crate) enum Record<'a> {
    /// Changes that were acknowledged together.
    Changes(Vec<Change<'a>>),
    /// A mapping grew by this `mappings` object.
    Mapping { uuid: u64, json: &'a [u8] },
}

/// Collects the changes of one record while they are decided.
#[derive(Default)]
pub(crate) struct ChangesWriter {
    count: u32,
    body: Vec<u8>,
}

/// More changes go into another record.
const ENOUGH: usize = 256 << 20;
/// Room of more than this is not kept for the next record.
const KEPT: usize = 16 << 20;

impl ChangesWriter {
    pub(crate) fn push(&mut self, change: &Change<'_>) {
        self.count += 1;
        self.body.extend_from_slice(&change.uuid.to_le_bytes());
        self.body.push(u8::from(change.delete));
        self.body.extend_from_slice(&change.version.to_le_bytes());
        bytes(&mut self.body, change.id.as_bytes());
        bytes(&mut self.body, change.source);
    }

    /// It is large enough for a record: what is read back is bounded.
    pub(crate) fn is_large(&self) -> bool {
        self.body.len() >= ENOUGH
    }

    /// Frames the record and begins the next; nothing if there was no change.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, sequence: u64) {
        if self.count > 0 {
            frame(out, |out| {
                let kind = out.len();
                out.push(3);
                out.extend_from_slice(&sequence.to_le_bytes());
                out.extend_from_slice(&self.count.to_le_bytes());
                if !pack(&self.body, out) {
                    out[kind] = 1;
                    out.extend_from_slice(&self.body);
                }
            });
        }
        self.count = 0;
        self.body.clear();
        self.body.shrink_to(KEPT);
    }
}

/// As `block::compress_prepend_size`, but into room that is there already. False, and nothing put there, if it is not worth it.
fn pack(body: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(size) = u32::try_from(body.len()).ok().filter(|_| body.len() >= SMALL) else { return false };
    let start = out.len();
    out.extend_from_slice(&size.to_le_bytes());
    let at = out.len();
    out.resize(at + block::get_maximum_output_size(body.len()), 0);
    let packed = block::compress_into(body, &mut out[at..]);
    out.truncate(packed.as_ref().map_or(start, |size| at + size));
    packed.is_ok()
}

/// Frames the growth of a mapping.
pub(crate) fn mapping(out: &mut Vec<u8>, sequence: u64, uuid: u64, json: &[u8]) {
    frame(out, |out| {
        out.push(2);
        out.extend_from_slice(&sequence.to_le_bytes());
        out.extend_from_slice(&uuid.to_le_bytes());
        bytes(out, json);
    });
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    // A body is at most some hundred megabytes (see Config::max_body), so that a length fits 32 bits.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Reads a record; `None` if it is not one of ours. `room` is for what was packed.
pub(crate) fn read<'a>(payload: &'a [u8], room: &'a mut Vec<u8>) -> Option<(u64, Record<'a>)> {
    let mut at = Cursor(payload);
    let kind = at.take(1)?[0];
    let sequence = at.u64()?;
    let record = match kind {
        1 | 3 => {
            let count = at.u32()?;
            if kind == 3 {
                let (size, packed) = block::uncompressed_size(at.0).ok()?;
                if size > LARGEST || size / 255 > packed.len() {
                    return None;
                }
                *room = block::decompress(packed, size).ok()?;
                at = Cursor(room);
            }
            let mut changes = Vec::new();
            for _ in 0..count {
                let uuid = at.u64()?;
                let delete = at.take(1)?[0] == 1;
                let version = at.u64()?;
                let id = std::str::from_utf8(at.bytes()?).ok()?;
                changes.push(Change { uuid, delete, version, id, source: at.bytes()? });
            }
            Record::Changes(changes)
        }
        2 => Record::Mapping { uuid: at.u64()?, json: at.bytes()? },
        _ => return None,
    };
    Some((sequence, record))
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mut writer = ChangesWriter::default();
        writer.push(&Change { uuid: 7, delete: false, version: 2, id: "a", source: b"{}" });
        writer.push(&Change { uuid: 7, delete: true, version: 3, id: "a", source: b"" });
        let mut out = Vec::new();
        writer.finish(&mut out, 9);
        let mut room = Vec::new();
        let Some((9, Record::Changes(changes))) = read(&out[8..], &mut room) else { panic!("unreadable") };
        assert!(changes.len() == 2 && changes[0].source == b"{}" && changes[1].delete);
        for wrong in [&out[8..out.len() - 1], b"", b"\x03", b"\x07"] {
            assert!(read(wrong, &mut Vec::new()).is_none());
        }
    }

    #[test]
    fn many_changes_are_packed() {
        let mut writer = ChangesWriter::default();
        let source = br#"{"message":"the same in all of them"}"#;
        for version in 1..=100 {
            writer.push(&Change { uuid: 7, delete: false, version, id: "a", source });
        }
        let mut out = Vec::new();
        writer.finish(&mut out, 9);
        assert!(out.len() < 1000, "{}", out.len());
        let mut room = Vec::new();
        let Some((9, Record::Changes(changes))) = read(&out[8..], &mut room) else { panic!("unreadable") };
        assert!(changes.len() == 100 && changes.iter().all(|change| change.source == source));
        for cut in 9..out.len() {
            assert!(read(&out[8..cut], &mut Vec::new()).is_none(), "{cut}");
        }
    }
}
