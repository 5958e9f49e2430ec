//! A query over a numeric column. tantivy 0.27 has one of its own, but that subtracts with overflow when a negated or
//! optional clause seeks backwards, which our twin test found; this one reads the column once per segment.

use crate::segments::Number;
use std::ops::{Bound, Range, RangeInclusive};
use tantivy::columnar::{Column, DynamicColumn};
use tantivy::query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{BitSet, Score, SegmentReader};

/// Finds documents with any number between the ends.
#[derive(Debug, Clone)]
pub(crate) struct NumberQuery {
    pub(crate) path: String,
    pub(crate) low: Bound<Number>,
    pub(crate) high: Bound<Number>,
}

impl NumberQuery {
    fn ints(&self) -> Option<RangeInclusive<i64>> {
        let low = match self.low {
            Bound::Unbounded => i64::MIN,
            Bound::Included(Number::Int(n)) => n,
            Bound::Excluded(Number::Int(n)) => n.checked_add(1)?,
            Bound::Included(Number::Float(n)) => n.ceil() as i64,
            Bound::Excluded(Number::Float(n)) => (n.floor() as i64).checked_add(1)?,
        };
        let high = match self.high {
            Bound::Unbounded => i64::MAX,
            Bound::Included(Number::Int(n)) => n,
            Bound::Excluded(Number::Int(n)) => n.checked_sub(1)?,
            Bound::Included(Number::Float(n)) => n.floor() as i64,
            Bound::Excluded(Number::Float(n)) => (n.ceil() as i64).checked_sub(1)?,
        };
        (low <= high).then_some(low..=high)
    }

    fn floats(&self) -> Option<RangeInclusive<f64>> {
        let low = match self.low {
            Bound::Unbounded => f64::NEG_INFINITY,
            Bound::Included(n) => n.float(),
            Bound::Excluded(n) => n.float().next_up(),
        };
        let high = match self.high {
            Bound::Unbounded => f64::INFINITY,
            Bound::Included(n) => n.float(),
            Bound::Excluded(n) => n.float().next_down(),
        };
        (low <= high).then_some(low..=high)
    }
}

/// Ends beyond the column's own are not understood by its packed values, so they are brought in first.
fn scan<T>(column: &Column<T>, range: RangeInclusive<T>, all: Range<u32>, docs: &mut Vec<u32>)
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    let (mut low, mut high) = (*range.start(), *range.end());
    if column.min_value() > low {
        low = column.min_value();
    }
    if column.max_value() < high {
        high = column.max_value();
    }
    if low <= high {
        column.get_docids_for_value_range(low..=high, all, docs);
    }
}

impl Query for NumberQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for NumberQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut docs = Vec::new();
        let all = 0..reader.max_doc();
        for handle in reader.fast_fields().dynamic_column_handles(&self.path)? {
            match (handle.open()?, self.ints(), self.floats()) {
                (DynamicColumn::I64(column), Some(range), _) => {
                    scan(&column, range, all.clone(), &mut docs);
                }
                (DynamicColumn::U64(column), Some(range), _) if *range.end() >= 0 => {
                    let range = range.start().max(&0).unsigned_abs()..=range.end().unsigned_abs();
                    scan(&column, range, all.clone(), &mut docs);
                }
                (DynamicColumn::F64(column), _, Some(range)) => {
                    scan(&column, range, all.clone(), &mut docs);
                }
                _ => {}
            }
        }
        let mut found = BitSet::with_max_value(reader.max_doc());
        for doc in docs {
            found.insert(doc);
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(found), boost)))
    }

    fn explain(&self, _: &SegmentReader, _: u32) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("numbers", 1.0))
    }
}
