//! Documents that go together, and how far the files are read when they have arrived.

use std::{collections::HashMap, sync::Arc};

use alces_lumberjack::{Line, Lines, Template};
use bytes::{Buf as _, BufMut as _};

use crate::{
    marker::{Marker, Position},
    registry::FileId,
};

/// What goes out as one window, or as a few where a collector has just come back.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Batch {
    lines: Lines,
    /// How far each file is read when this batch is acknowledged.
    positions: HashMap<FileId, Position>,
    /// Lines whose bytes were not UTF-8 and were replaced.
    pub(crate) replaced: u64,
    /// Lines that were cut.
    pub(crate) cut: u64,
    /// The record of the spool that it was read from.
    record: Option<u64>,
}

/// Bytes that are no batch.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BatchError {
    /// Of a version that this agent does not know.
    #[error("version {0} of a batch is not known: another version of the agent has written it")]
    Version(u8),
    /// It ends too early.
    #[error("a batch ends inside its {0}")]
    Short(&'static str),
    /// A position stands there twice.
    #[error("a batch has two positions for file {0}")]
    Twice(u64),
    /// The documents are none.
    #[error("a batch's documents: {0}")]
    Documents(#[from] alces_lumberjack::LinesError),
}

/// The version of the binary form.
const VERSION: u8 = 2;

/// Bytes of a position: file, offset, length and hash of its marker.
const POSITION: usize = 8 + 8 + 2 + 8;

impl Batch {
    /// Adds a document.
    pub(crate) fn push(&mut self, document: &[u8]) {
        self.lines.push(document);
    }

    /// Adds a line of a file.
    pub(crate) fn push_line(&mut self, template: &Arc<Template>, line: &Line<'_>) {
        self.lines.push_line(template, line);
    }

    /// A file is read so far when the documents that are in it arrive.
    pub(crate) fn reach(&mut self, file: FileId, position: Position) {
        self.positions.insert(file, position);
    }

    /// The same batch, as it was read from this record of the spool.
    pub(crate) fn out_of_spool(mut self, record: u64) -> Self {
        self.record = Some(record);
        self
    }

    /// The record of the spool that it was read from.
    pub(crate) fn record(&self) -> Option<u64> {
        self.record
    }

    /// Takes all, and leaves room for as much.
    pub(crate) fn take(&mut self) -> Self {
        let lines = self.lines.empty_like();
        std::mem::replace(self, Self { lines, ..Self::default() })
    }

    /// How many documents.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Bytes that are kept of them.
    pub(crate) fn bytes(&self) -> usize {
        self.lines.bytes()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// How far each file is read when this batch is acknowledged.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (FileId, Position)> {
        self.positions.iter().map(|(file, position)| (*file, *position))
    }

    /// The binary form: version (8 bits), replaced and cut (64 each), how many positions (32) and those, then the documents as
    /// records. Numbers are big-endian.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let documents = self.lines.as_buffer();
        let mut out = Vec::with_capacity(21 + POSITION * self.positions.len() + documents.len());
        out.put_u8(VERSION);
        out.put_u64(self.replaced);
        out.put_u64(self.cut);
        out.put_u32(self.positions.len() as u32);
        // In one order, so that the same batch is the same bytes.
        let mut positions: Vec<_> = self.positions().collect();
        positions.sort_unstable_by_key(|(file, _)| *file);
        for (file, Position { offset, marker }) in positions {
            let (len, hash) = marker.to_parts();
            out.put_u64(file.0);
            out.put_u64(offset);
            out.put_u16(len);
            out.put_u64(hash);
        }
        out.put_slice(documents);
        out
    }

    /// What [`Batch::to_bytes`] gave.
    ///
    /// # Errors
    /// The bytes are not that.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Result<Self, BatchError> {
        let short = |_| BatchError::Short("head");
        let version = bytes.try_get_u8().map_err(short)?;
        if version != VERSION {
            return Err(BatchError::Version(version));
        }
        let replaced = bytes.try_get_u64().map_err(short)?;
        let cut = bytes.try_get_u64().map_err(short)?;
        let count = bytes.try_get_u32().map_err(short)? as usize;
        let mut positions = HashMap::new();
        for _ in 0..count {
            let mut part = bytes.split_off(..POSITION).ok_or(BatchError::Short("positions"))?;
            let (file, offset) = (FileId(part.get_u64()), part.get_u64());
            let marker = Marker::from_parts((part.get_u16(), part.get_u64()));
            if positions.insert(file, Position { offset, marker }).is_some() {
                return Err(BatchError::Twice(file.0));
            }
        }
        Ok(Self { lines: Lines::from_buffer(bytes.to_vec())?, positions, replaced, cut, record: None })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn batches() -> impl Strategy<Value = Batch> {
        let position = (0_u64..5, any::<u64>(), any::<(u16, u64)>()).prop_map(|(file, offset, marker)| {
            (FileId(file), Position { offset, marker: Marker::from_parts(marker) })
        });
        let documents = vec((vec(any::<u8>(), 0..40), proptest::option::of(position)), 0..20);
        (documents, any::<u64>(), any::<u64>()).prop_map(|(documents, replaced, cut)| {
            let mut batch = Batch { replaced, cut, ..Batch::default() };
            for (document, position) in documents {
                batch.push(&document);
                position.into_iter().for_each(|(file, position)| batch.reach(file, position));
            }
            batch
        })
    }

    proptest! {
        #[test]
        fn what_is_written_down_is_read(batch in batches()) {
            let bytes = batch.to_bytes();
            prop_assert_eq!(Batch::from_bytes(&bytes), Ok(batch));
        }

        #[test]
        fn other_bytes_are_the_same_bytes_again_or_an_error(
            batch in batches(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            len in any::<prop::sample::Index>(), noise in vec(any::<u8>(), 0..50),
        ) {
            let mut bytes = batch.to_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(len.index(bytes.len() + 1));
            for bytes in [bytes, noise] {
                if let Ok(read) = Batch::from_bytes(&bytes) {
                    // The positions may stand in another order.
                    prop_assert_eq!(read.to_bytes().len(), bytes.len());
                    prop_assert_eq!(Batch::from_bytes(&read.to_bytes()), Ok(read));
                }
            }
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let mut batch = Batch::default();
        batch.push(b"{}");
        batch.reach(FileId(7), Position { offset: 1, marker: Marker::default() });
        let bytes = batch.to_bytes();
        let said = |bytes: &[u8]| Batch::from_bytes(bytes).unwrap_err().to_string();
        insta::assert_snapshot!(said(b"\x03"), @"version 3 of a batch is not known: another version of the agent has written it");
        insta::assert_snapshot!(said(&bytes[..20]), @"a batch ends inside its head");
        insta::assert_snapshot!(said(&bytes[..40]), @"a batch ends inside its positions");
        insta::assert_snapshot!(said(&bytes[..50]), @"a batch's documents: byte 0 is not where event 1 is");
    }
}
