//! Reading one committed state of a tantivy index.

use super::Fields;
use super::lower::lower;
use crate::error::StoreError;
use crate::query::plan::Plan;
use crate::segments::{Fetched, Matcher, Number, Numbers, Sink, Snapshot, Strings};
use std::sync::Mutex;
use tantivy::columnar::{Column, ColumnType, DynamicColumn, StrColumn};
use tantivy::query::{EnableScoring, Weight};
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::store::StoreReader;
use tantivy::{DocSet, Index, Searcher, SegmentReader, TERMINATED, TantivyDocument};

/// Matching documents are handed on in runs of this many.
const RUN: usize = 4096;

pub(crate) struct TantivySnapshot {
    searcher: Searcher,
    index: Index,
    fields: Fields,
    stores: Mutex<Vec<Option<StoreReader>>>,
}

impl TantivySnapshot {
    pub(crate) fn new(searcher: Searcher, index: Index, fields: Fields) -> Self {
        let stores = Mutex::new(searcher.segment_readers().iter().map(|_| None).collect());
        Self { searcher, index, fields, stores }
    }

    fn segment(&self, segment: usize) -> &SegmentReader {
        &self.searcher.segment_readers()[segment]
    }

    fn column(
        &self,
        segment: usize,
        path: &str,
        wanted: &[ColumnType],
    ) -> Result<Option<DynamicColumn>, StoreError> {
        for handle in self.segment(segment).fast_fields().dynamic_column_handles(path)? {
            if wanted.contains(&handle.column_type()) {
                return Ok(Some(handle.open().map_err(tantivy::TantivyError::from)?));
            }
        }
        Ok(None)
    }
}

impl Snapshot for TantivySnapshot {
    fn segments(&self) -> usize {
        self.searcher.segment_readers().len()
    }

    fn max_doc(&self, segment: usize) -> u32 {
        self.segment(segment).max_doc()
    }

    fn count(&self) -> u64 {
        self.searcher.num_docs()
    }

    fn deleted(&self) -> u64 {
        self.searcher.segment_readers().iter().map(|s| u64::from(s.num_deleted_docs())).sum()
    }

    fn prepare(&self, plan: &Plan, scored: bool) -> Result<Box<dyn Matcher + '_>, StoreError> {
        let query = lower(plan, &self.fields);
        let scoring = if scored {
            EnableScoring::enabled_from_searcher(&self.searcher)
        } else {
            EnableScoring::disabled_from_searcher(&self.searcher)
        };
        Ok(Box::new(TantivyMatcher { weight: query.weight(scoring)?, snapshot: self, scored }))
    }

    fn numbers(&self, segment: usize, path: &str) -> Result<Option<Box<dyn Numbers>>, StoreError> {
        let wanted = [ColumnType::I64, ColumnType::F64, ColumnType::U64];
        Ok(match self.column(segment, &format!("n.{path}"), &wanted)? {
            Some(DynamicColumn::I64(column)) => Some(Box::new(NumberColumn(column, Number::Int))),
            Some(DynamicColumn::U64(column)) => {
                Some(Box::new(NumberColumn(column, |n| Number::Int(i64::try_from(n).unwrap_or(i64::MAX)))))
            }
            Some(DynamicColumn::F64(column)) => Some(Box::new(NumberColumn(column, Number::Float))),
            _ => None,
        })
    }

    fn strings(&self, segment: usize, path: &str) -> Result<Option<Box<dyn Strings>>, StoreError> {
        Ok(match self.column(segment, &format!("k.{path}"), &[ColumnType::Str])? {
            Some(DynamicColumn::Str(column)) => Some(Box::new(StringColumn(column))),
            _ => None,
        })
    }

    fn fetch(&self, segment: usize, doc: u32) -> Result<Fetched, StoreError> {
        let mut stores = self.stores.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let store = match &mut stores[segment] {
            Some(store) => store,
            empty => {
                empty.insert(self.segment(segment).get_store_reader(16).map_err(tantivy::TantivyError::from)?)
            }
        };
        let document: TantivyDocument = store.get(doc)?;
        let version = self.segment(segment).fast_fields().u64("_version")?.first(doc).unwrap_or(1);
        let id = document.get_first(self.fields.id).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let source =
            document.get_first(self.fields.source).and_then(|v| v.as_bytes()).unwrap_or_default().to_vec();
        Ok(Fetched { id, version, source })
    }

    fn versions(&self, ids: &[&str]) -> Result<Vec<Option<u64>>, StoreError> {
        let mut found = vec![None; ids.len()];
        for segment in self.searcher.segment_readers() {
            let inverted = segment.inverted_index(self.fields.id)?;
            let mut versions = None;
            for (id, slot) in ids.iter().zip(&mut found) {
                if slot.is_some() {
                    continue;
                }
                let Some(info) =
                    inverted.terms().get(str::as_bytes(id)).map_err(tantivy::TantivyError::from)?
                else {
                    continue;
                };
                let mut postings = inverted
                    .read_postings_from_terminfo(&info, IndexRecordOption::Basic)
                    .map_err(tantivy::TantivyError::from)?;
                let mut doc = postings.doc();
                while doc != TERMINATED {
                    if segment.alive_bitset().is_none_or(|alive| alive.is_alive(doc)) {
                        let column: &Column<u64> = match &versions {
                            Some(column) => column,
                            None => versions.insert(segment.fast_fields().u64("_version")?),
                        };
                        *slot = Some(column.first(doc).unwrap_or(1));
                    }
                    doc = postings.advance();
                }
            }
        }
        Ok(found)
    }

    fn get(&self, id: &str) -> Result<Option<Fetched>, StoreError> {
        for (number, segment) in self.searcher.segment_readers().iter().enumerate() {
            let inverted = segment.inverted_index(self.fields.id)?;
            let found = inverted.terms().get(id.as_bytes()).map_err(tantivy::TantivyError::from)?;
            let Some(info) = found else { continue };
            let mut postings = inverted
                .read_postings_from_terminfo(&info, IndexRecordOption::Basic)
                .map_err(tantivy::TantivyError::from)?;
            let mut doc = postings.doc();
            while doc != TERMINATED {
                if segment.alive_bitset().is_none_or(|alive| alive.is_alive(doc)) {
                    return self.fetch(number, doc).map(Some);
                }
                doc = postings.advance();
            }
        }
        Ok(None)
    }

    fn each_id(&self, visit: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        for segment in self.searcher.segment_readers() {
            let inverted = segment.inverted_index(self.fields.id)?;
            let mut stream = inverted.terms().stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() {
                visit(stream.key());
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        let _ = &self.index;
        self.searcher.space_usage().map_or(0, |usage| usage.total().get_bytes())
    }
}

struct TantivyMatcher<'a> {
    weight: Box<dyn Weight>,
    snapshot: &'a TantivySnapshot,
    scored: bool,
}

impl Matcher for TantivyMatcher<'_> {
    fn run(&self, segment: usize, sink: &mut Sink<'_>) -> Result<(), StoreError> {
        let reader = self.snapshot.segment(segment);
        let alive = reader.alive_bitset();
        let mut docs = Vec::with_capacity(RUN + 64);
        let mut scores = Vec::new();
        if self.scored {
            self.weight.for_each(reader, &mut |doc, score| {
                if alive.is_none_or(|alive| alive.is_alive(doc)) {
                    docs.push(doc);
                    scores.push(score);
                    if docs.len() >= RUN {
                        sink(&docs, &scores);
                        docs.clear();
                        scores.clear();
                    }
                }
            })?;
        } else {
            self.weight.for_each_no_score(reader, &mut |run| {
                match alive {
                    None => docs.extend_from_slice(run),
                    Some(alive) => docs.extend(run.iter().copied().filter(|doc| alive.is_alive(*doc))),
                }
                if docs.len() >= RUN {
                    sink(&docs, &[]);
                    docs.clear();
                }
            })?;
        }
        if !docs.is_empty() {
            sink(&docs, &scores);
        }
        Ok(())
    }
}

struct NumberColumn<T: 'static, F>(Column<T>, F);

impl<T, F> Numbers for NumberColumn<T, F>
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
    F: Fn(T) -> Number,
{
    fn each(&self, docs: &[u32], visit: &mut dyn FnMut(usize, Number)) {
        if self.0.get_cardinality().is_multivalue() {
            for (at, doc) in docs.iter().enumerate() {
                for value in self.0.values_for_doc(*doc) {
                    visit(at, self.1(value));
                }
            }
            return;
        }
        let mut values = vec![None; docs.len()];
        self.0.first_vals(docs, &mut values);
        for (at, value) in values.into_iter().enumerate() {
            if let Some(value) = value {
                visit(at, self.1(value));
            }
        }
    }
}

struct StringColumn(StrColumn);

impl Strings for StringColumn {
    fn each(&self, docs: &[u32], visit: &mut dyn FnMut(usize, u64)) {
        let ords = self.0.ords();
        if ords.get_cardinality().is_multivalue() {
            for (at, doc) in docs.iter().enumerate() {
                for ord in ords.values_for_doc(*doc) {
                    visit(at, ord);
                }
            }
            return;
        }
        let mut values = vec![None; docs.len()];
        ords.first_vals(docs, &mut values);
        for (at, value) in values.into_iter().enumerate() {
            if let Some(value) = value {
                visit(at, value);
            }
        }
    }

    fn text(&self, ordinal: u64) -> Result<String, StoreError> {
        let mut text = String::new();
        self.0.ord_to_str(ordinal, &mut text).map_err(tantivy::TantivyError::from)?;
        Ok(text)
    }
}
