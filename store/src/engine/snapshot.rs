//! Reading one state of an index.

use super::columns::StringColumn;
use super::find::{Finder, Found, Frequencies, Scores, cost, frequencies};
use super::segment::State;
use super::source::Sources;
use crate::bits::Bits;
use crate::error::StoreError;
use crate::query::plan::Plan;
use crate::segments::{Fetched, Hits, Matcher, Numbers, Sink, Snapshot, Strings};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// Matching documents are handed on in runs of this many.
const RUN: usize = 4096;

pub(crate) struct ColumnSnapshot {
    state: Arc<State>,
}

impl ColumnSnapshot {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }
}

impl Snapshot for ColumnSnapshot {
    fn segments(&self) -> usize {
        self.state.segments.len()
    }

    fn max_doc(&self, segment: usize) -> u32 {
        self.state.segments[segment].segment.rows
    }

    fn count(&self) -> u64 {
        self.state.segments.iter().map(|living| u64::from(living.alive())).sum()
    }

    fn deleted(&self) -> u64 {
        self.state.segments.iter().map(|living| u64::from(living.segment.rows - living.alive())).sum()
    }

    fn prepare(&self, plan: &Plan, scored: bool) -> Result<Box<dyn Matcher + '_>, StoreError> {
        let mut counts = Frequencies::default();
        if scored {
            frequencies(plan, &self.state, &mut counts)?;
        }
        Ok(Box::new(ColumnMatcher {
            plan: plan.clone(),
            snapshot: self,
            scored,
            counts,
            total: self.count(),
        }))
    }

    fn numbers(&self, segment: usize, path: &str) -> Result<Option<Box<dyn Numbers>>, StoreError> {
        self.state.segments[segment].segment.columns()?.numbers(&format!("n.{path}"))
    }

    fn strings(&self, segment: usize, path: &str) -> Result<Option<Box<dyn Strings>>, StoreError> {
        let column = self.state.segments[segment].segment.columns()?.strings(&format!("k.{path}"))?;
        Ok(column.map(|column| -> Box<dyn Strings> { Box::new(StringColumn::new(column)) }))
    }

    fn fetch(&self, segment: usize, doc: u32) -> Result<Fetched, StoreError> {
        let segment = &self.state.segments[segment].segment;
        let source = Sources::new(segment.columns()?).source(doc)?;
        Ok(Fetched { id: segment.id(doc)?, version: segment.version(doc)?, source })
    }

    fn versions(&self, ids: &[&str]) -> Result<Vec<Option<u64>>, StoreError> {
        let mut found = vec![None; ids.len()];
        for living in &self.state.segments {
            for (at, row) in living.segment.rows_of_ids(ids)? {
                if living.is_alive(row) {
                    found[at] = Some(living.segment.version(row)?);
                }
            }
        }
        Ok(found)
    }

    fn get(&self, id: &str) -> Result<Option<Fetched>, StoreError> {
        for (at, living) in self.state.segments.iter().enumerate() {
            for (_, row) in living.segment.rows_of_ids(&[id])? {
                if living.is_alive(row) {
                    return self.fetch(at, row).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn each_id(&self, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        for living in &self.state.segments {
            let Some(column) = living.segment.columns()?.strings("_id")? else { continue };
            let mut stream = column.dictionary().stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() {
                if let Ok(id) = std::str::from_utf8(stream.key()) {
                    visit(id);
                }
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.state.segments.iter().map(|living| living.segment.parts.bytes()).sum()
    }
}

struct ColumnMatcher<'a> {
    plan: Plan,
    snapshot: &'a ColumnSnapshot,
    scored: bool,
    counts: Frequencies,
    total: u64,
}

impl ColumnMatcher<'_> {
    fn finder(&self, segment: usize, scored: bool) -> Finder<'_> {
        Finder {
            segment: &self.snapshot.state.segments[segment].segment,
            number: segment,
            scoring: scored.then_some(()),
            frequencies: &self.counts,
            total: self.total,
            among: None,
        }
    }

    fn found(&self, segment: usize, scored: bool) -> Result<Found, StoreError> {
        let mut found = self.finder(segment, scored).find(&self.plan)?;
        if let Some(dead) = &self.snapshot.state.segments[segment].dead {
            found.bits.and_not(dead);
        }
        Ok(found)
    }
}

impl Matcher for ColumnMatcher<'_> {
    fn count(&self, segment: usize) -> Result<u64, StoreError> {
        if self.plan == Plan::All {
            return Ok(u64::from(self.snapshot.state.segments[segment].alive()));
        }
        Ok(u64::from(self.found(segment, false)?.bits.count()))
    }

    fn find(&self, segment: usize) -> Result<Box<dyn Hits>, StoreError> {
        Ok(Box::new(self.found(segment, self.scored)?))
    }

    fn bound(&self, segment: usize) -> Result<Option<f32>, StoreError> {
        self.finder(segment, true).bound(&self.plan)
    }

    fn narrow(&self, segment: usize, hits: &mut dyn Hits, plan: &Plan) -> Result<(), StoreError> {
        let finder = self.finder(segment, false);
        let among = finder.few(hits.rows(), cost(plan));
        let rows = Finder { among, ..finder }.find(plan)?.bits;
        hits.keep(&rows);
        Ok(())
    }
}

impl Hits for Found {
    fn count(&self) -> u64 {
        u64::from(self.bits.count())
    }

    fn score(&self) -> Option<f32> {
        match &self.scores {
            Some(Scores::One(score)) => Some(*score),
            _ => None,
        }
    }

    fn run(&self, sink: &mut Sink<'_>) {
        let mut scores = Vec::new();
        self.bits.runs(RUN, |docs| {
            if let Some(of) = &self.scores {
                scores.clear();
                scores.extend(docs.iter().map(|row| of.of(*row)));
            }
            sink(docs, &scores)
        });
    }

    fn run_zone(&self, rows: &Range<u32>, visit: &mut dyn FnMut(&[u32])) {
        self.bits.runs_within(rows, RUN, |docs| {
            visit(docs);
            ControlFlow::Continue(())
        });
    }

    fn keep(&mut self, rows: &Bits) {
        self.bits.and(rows);
    }

    fn rows(&self) -> &Bits {
        &self.bits
    }

    fn into_rows(self: Box<Self>) -> Bits {
        self.bits
    }
}
