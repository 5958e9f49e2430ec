//! A query over a stretch of the term dictionary: prefixes, patterns, ranges of strings.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use tantivy::query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocSet, Score, SegmentReader, TERMINATED};

type Accept = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Finds documents that have any term between the ends which `accept` takes.
#[derive(Clone)]
pub(crate) struct DictionaryQuery {
    pub(crate) field: Field,
    /// Bytes that every term of the path starts with; they are cut off before `accept` sees the term.
    pub(crate) prefix: Vec<u8>,
    pub(crate) low: Bound<Vec<u8>>,
    pub(crate) high: Bound<Vec<u8>>,
    pub(crate) accept: Option<Accept>,
}

impl fmt::Debug for DictionaryQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DictionaryQuery").field("field", &self.field).finish_non_exhaustive()
    }
}

impl Query for DictionaryQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for DictionaryQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let inverted = reader.inverted_index(self.field)?;
        let mut range = inverted.terms().range();
        range = match &self.low {
            Bound::Included(bytes) => range.ge(bytes),
            Bound::Excluded(bytes) => range.gt(bytes),
            Bound::Unbounded => range.ge(&self.prefix),
        };
        range = match &self.high {
            Bound::Included(bytes) => range.le(bytes),
            Bound::Excluded(bytes) => range.lt(bytes),
            Bound::Unbounded => range,
        };
        let mut found = BitSet::with_max_value(reader.max_doc());
        let mut stream = range.into_stream()?;
        while stream.advance() {
            let Some(rest) = stream.key().strip_prefix(self.prefix.as_slice()) else { break };
            let taken = match &self.accept {
                Some(accept) => std::str::from_utf8(rest).is_ok_and(|text| accept(text)),
                None => true,
            };
            if taken {
                let mut postings =
                    inverted.read_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)?;
                let mut doc = postings.doc();
                while doc != TERMINATED {
                    found.insert(doc);
                    doc = postings.advance();
                }
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(found), boost)))
    }

    fn explain(&self, _: &SegmentReader, _: u32) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("dictionary", 1.0))
    }
}
