//! The store's own segment interface: all that the rest of the store knows about the engine below.
//!
//! Ingest gives an [`Engine`] mapped documents; queries take a [`Snapshot`], ask it which documents match a
//! [`Plan`], and read columns. Aggregations, sorting and JSON are above this line, so that another engine
//! can take this one's place without touching them.

use crate::bits::Bits;
use crate::error::StoreError;
use crate::mapping::Mapped;
use crate::query::plan::Plan;
use std::ops::{ControlFlow, Range};

/// One document on its way into a segment.
pub(crate) struct Incoming<'a> {
    pub(crate) id: &'a str,
    pub(crate) version: u64,
    pub(crate) source: &'a [u8],
    pub(crate) mapped: Mapped<'a>,
}

/// The writing side of one index. Owned by the one writer thread.
pub(crate) trait Engine: Send {
    /// Takes a document. Not visible and not durable before it was sealed.
    fn add(&mut self, document: Incoming<'_>) -> Result<(), StoreError>;
    /// Removes the document with this id, if there is one.
    fn delete(&mut self, id: &str) -> Result<(), StoreError>;
    /// Documents that were taken since the last seal, and the bytes of their sources.
    fn held(&self) -> (u32, usize);
    /// Starts to make everything taken so far durable and visible, and to remember `sequence` with it. Waits for the seal before it, if that is not
    /// done. On an error nothing is lost, and the next call tries again.
    fn seal(&mut self, sequence: u64) -> Result<(), StoreError>;
    /// Waits until what was sealed is durable and visible.
    fn settle(&mut self) -> Result<(), StoreError>;
    /// The same for what needs no waiting.
    fn poll(&mut self) -> Result<(), StoreError>;
    /// A seal failed and is not made good yet: nothing more should be taken.
    fn stuck(&self) -> bool;
    /// Something that was taken is lost: the engine must be opened anew, and the log replayed onto it.
    fn broken(&self) -> bool;
    /// All up to this sequence number is durable and visible.
    fn committed(&self) -> u64;
    /// Nobody has written for a while: a time for what was put off.
    fn rest(&mut self);
}

/// Gives the newest committed state of one index.
pub(crate) trait Reader: Send + Sync {
    fn snapshot(&self) -> Box<dyn Snapshot>;
}

/// A frozen state of one index. Segments are numbered from 0, documents within a segment too.
pub(crate) trait Snapshot: Send + Sync {
    /// Number of segments.
    fn segments(&self) -> usize;
    /// Number of documents, deleted ones included: document numbers in this segment are below it.
    fn max_doc(&self, segment: usize) -> u32;
    /// Documents that are not deleted, in all segments.
    fn count(&self) -> u64;
    /// Documents that are deleted but not yet merged away.
    fn deleted(&self) -> u64;
    /// Gets a query ready. `scored` asks for BM25 scores.
    fn prepare(&self, plan: &Plan, scored: bool) -> Result<Box<dyn Matcher + '_>, StoreError>;
    /// The numeric column of a path.
    fn numbers(&self, segment: usize, path: &str) -> Result<Option<Box<dyn Numbers>>, StoreError>;
    /// The string column of a path.
    fn strings(&self, segment: usize, path: &str) -> Result<Option<Box<dyn Strings>>, StoreError>;
    /// Reads a document back.
    fn fetch(&self, segment: usize, doc: u32) -> Result<Fetched, StoreError>;
    /// The versions of the documents with these ids, as far as they exist. Give sorted ids, none of them twice: neighbours share pages.
    fn versions(&self, ids: &[&str]) -> Result<Vec<Option<u64>>, StoreError>;
    /// The document with this id.
    fn get(&self, id: &str) -> Result<Option<Fetched>, StoreError>;
    /// Every id, for filling filters.
    fn each_id(&self, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError>;
    /// Bytes on disk.
    fn bytes(&self) -> u64;
}

/// A stored document.
pub(crate) struct Fetched {
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) source: Vec<u8>,
}

/// Receives runs of matching documents in rising order, and their scores (empty if not asked for), until it has enough.
pub(crate) type Sink<'a> = dyn FnMut(&[u32], &[f32]) -> ControlFlow<()> + 'a;

/// A query that is ready to run.
pub(crate) trait Matcher {
    /// The documents of a segment that match.
    fn find(&self, segment: usize) -> Result<Box<dyn Hits>, StoreError>;
    /// How many match.
    fn count(&self, segment: usize) -> Result<u64, StoreError>;
    /// No document of a segment has a better score; none where that is not known without finding them.
    fn bound(&self, segment: usize) -> Result<Option<f32>, StoreError>;
    /// Leaves those of a segment's hits that this plan finds, too.
    fn narrow(&self, segment: usize, hits: &mut dyn Hits, plan: &Plan) -> Result<(), StoreError>;
}

/// Documents that match.
pub(crate) trait Hits {
    fn count(&self) -> u64;
    /// The score that all of them have, if it is one and was asked for.
    fn score(&self) -> Option<f32>;
    fn run(&self, sink: &mut Sink<'_>);
    /// Those of one zone, without scores.
    fn run_zone(&self, rows: &Range<u32>, visit: &mut dyn FnMut(&[u32]));
    /// Leaves those that are among these rows.
    fn keep(&mut self, rows: &Bits);
    /// All of them.
    fn rows(&self) -> &Bits;
    fn into_rows(self: Box<Self>) -> Bits;
}

/// A number of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub(crate) fn float(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(n) => n,
        }
    }

    pub(crate) fn int(self) -> i64 {
        match self {
            Self::Int(n) => n,
            Self::Float(n) => n as i64,
        }
    }
}

/// Rows of a zone.
pub(crate) const ZONE: u32 = 1024;

/// A numeric column.
pub(crate) trait Numbers {
    /// Calls back with the position in `docs` and each value of that document.
    fn each(&self, docs: &[u32], visit: &mut dyn FnMut(usize, Number));
    /// The values of the documents, if each has one and all are whole numbers: much cheaper than [`Numbers::each`].
    fn ints(&self, docs: &[u32], out: &mut Vec<i64>) -> bool;
    /// The values of the documents as floats, if each has one.
    fn floats(&self, docs: &[u32], out: &mut Vec<f64>) -> bool;
    /// No value is smaller than the first of these, nor larger than the other.
    fn ends(&self) -> (Number, Number);
    /// The least and the largest value of each [`ZONE`] of documents; if each of the segment's has one, and all are whole numbers.
    fn zones(&self) -> Option<&[(i64, i64)]>;
    /// No value of these documents is smaller than the first, nor larger than the other, where there are zones.
    fn between(&self, docs: Range<u32>) -> Option<(i64, i64)> {
        let zones = self.zones()?.get((docs.start / ZONE) as usize..docs.end.div_ceil(ZONE) as usize)?;
        Some((zones.iter().map(|(low, _)| *low).min()?, zones.iter().map(|(_, high)| *high).max()?))
    }
    /// Whether there is a document without a value.
    fn has_gaps(&self) -> bool;
}

/// A string column: every document holds ordinals of a sorted dictionary.
pub(crate) trait Strings {
    /// Calls back with the position in `docs` and each ordinal of that document.
    fn each(&self, docs: &[u32], visit: &mut dyn FnMut(usize, u64));
    /// The ordinals of the documents, if each has one: much cheaper than [`Strings::each`].
    fn ordinals(&self, docs: &[u32], out: &mut Vec<u64>) -> bool;
    /// The string of an ordinal.
    fn text(&self, ordinal: u64) -> Result<String, StoreError>;
    /// Calls back with the strings of rising ordinals: much cheaper than to ask for each.
    fn texts(&self, ordinals: &[u64], visit: &mut dyn FnMut(&str)) -> Result<(), StoreError>;
    /// The ordinal of a string, if any document of the segment holds it.
    fn ordinal(&self, text: &str) -> Result<Option<u64>, StoreError>;
    /// Number of strings in the dictionary: ordinals are below it.
    fn len(&self) -> usize;
    /// Bytes that it holds on the heap for this reader.
    fn memory(&self) -> usize;
}
