//! Phrases. tantivy 0.27's phrase scorer may not be asked for a document before its own (`seek_danger` asserts it), which a negation does
//! ask; here it is asked only for those that come.

use tantivy::query::{EnableScoring, Explanation, PhraseQuery, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, Term};

/// Finds documents with the words one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Phrase(PhraseQuery);

impl Phrase {
    pub(crate) fn new(words: Vec<(usize, Term)>, slop: u32) -> Self {
        Self(PhraseQuery::new_with_offset_and_slop(words, slop))
    }
}

impl Query for Phrase {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(PhraseWeight(self.0.weight(scoring)?)))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.0.query_terms(visitor);
    }
}

struct PhraseWeight(Box<dyn Weight>);

impl Weight for PhraseWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(PhraseScorer(self.0.scorer(reader, boost)?)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.0.explain(reader, doc)
    }
}

struct PhraseScorer(Box<dyn Scorer>);

// `seek_danger` is the trait's own, which seeks only forwards.
impl DocSet for PhraseScorer {
    fn advance(&mut self) -> DocId {
        self.0.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.0.seek(target)
    }

    fn doc(&self) -> DocId {
        self.0.doc()
    }

    fn size_hint(&self) -> u32 {
        self.0.size_hint()
    }

    fn cost(&self) -> u64 {
        self.0.cost()
    }
}

impl Scorer for PhraseScorer {
    fn score(&mut self) -> Score {
        self.0.score()
    }
}
