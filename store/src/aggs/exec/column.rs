//! What an aggregation reads of a segment.

use super::{Result, Segment};
use crate::query::ast::Query;
use crate::search::top::Columns;
use crate::segments::{Number, Numbers, Strings};

/// The open column of one segment.
pub(super) enum Column {
    None,
    Numbers(Box<dyn Numbers>),
    Strings(Box<dyn Strings>),
    Bits(Vec<Bits>),
    /// One for each source of a composite.
    Many(Vec<Column>),
    /// Those that hits are sorted by.
    Sort(Columns),
}

impl Column {
    pub(super) fn open(segment: &Segment<'_>, path: &str) -> Result<Self> {
        let number = segment.place.1;
        Ok(match segment.context.mapping.type_of(path) {
            None => Self::None,
            Some(kind) if kind.is_numeric() => {
                segment.snapshot.numbers(number, path)?.map_or(Self::None, Self::Numbers)
            }
            Some(_) => segment.snapshot.strings(number, path)?.map_or(Self::None, Self::Strings),
        })
    }
}

/// Calls back with each number of the documents, and with `missing` for those that have none.
pub(super) fn each_number(
    column: &Column,
    docs: &[u32],
    missing: Option<Number>,
    visit: &mut dyn FnMut(usize, Number),
) {
    let numbers = match column {
        Column::Numbers(numbers) => Some(numbers),
        _ => None,
    };
    let Some(missing) = missing else {
        if let Some(numbers) = numbers {
            numbers.each(docs, visit);
        }
        return;
    };
    let mut seen = vec![false; docs.len()];
    if let Some(numbers) = numbers {
        numbers.each(docs, &mut |at, number| {
            seen[at] = true;
            visit(at, number);
        });
    }
    (0..docs.len()).filter(|at| !seen[*at]).for_each(|at| visit(at, missing));
}

/// The documents of a segment that match a filter.
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn of(segment: &Segment<'_>, query: &Query) -> Result<Self> {
        let number = segment.place.1;
        let plan = segment.context.plan(query)?;
        let words = segment.snapshot.max_doc(number) as usize / 64 + 1;
        let mut bits = Self(vec![0; words]);
        segment.snapshot.prepare(&plan, false)?.run(number, &mut |docs, _| {
            docs.iter().for_each(|doc| bits.0[*doc as usize / 64] |= 1 << (doc % 64));
        })?;
        Ok(bits)
    }

    /// Bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        self.0.capacity() * 8
    }

    pub(super) fn has(&self, doc: u32) -> bool {
        self.0[doc as usize / 64] >> (doc % 64) & 1 == 1
    }
}
