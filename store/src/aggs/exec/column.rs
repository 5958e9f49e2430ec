//! What an aggregation reads of a segment.

use super::{Result, Segment};
use crate::query::ast::Query;
use crate::search::top::Columns;
use crate::segments::{Number, Numbers, Strings};
use std::ops::ControlFlow;

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
    visit: &mut impl FnMut(usize, Number),
) {
    let mut ints = Vec::new();
    if let Column::Numbers(numbers) = column
        && numbers.ints(docs, &mut ints)
    {
        return ints.into_iter().enumerate().for_each(|(at, n)| visit(at, Number::Int(n)));
    }
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

/// Documents that are read again at one time.
const RUN: usize = 4096;

/// The documents of a segment that match a filter.
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn of(segment: &Segment<'_>, query: &Query) -> Result<Self> {
        let number = segment.place.1;
        let plan = segment.context.plan(query)?;
        let mut bits = Self::none(segment.snapshot.max_doc(number));
        segment.snapshot.prepare(&plan, false)?.find(number)?.run(&mut |docs, _| {
            bits.take(docs);
            ControlFlow::Continue(())
        });
        Ok(bits)
    }

    pub(super) fn none(rows: u32) -> Self {
        Self(vec![0; rows as usize / 64 + 1])
    }

    pub(super) fn take(&mut self, docs: &[u32]) {
        docs.iter().for_each(|doc| self.0[*doc as usize / 64] |= 1 << (doc % 64));
    }

    /// Calls back with the documents, some at a time.
    pub(super) fn runs(&self, visit: &mut dyn FnMut(&[u32]) -> Result<()>) -> Result<()> {
        let mut docs = Vec::with_capacity(RUN + 64);
        for (base, word) in (0u32..).step_by(64).zip(&self.0) {
            let mut left = *word;
            while left != 0 {
                docs.push(base + left.trailing_zeros());
                left &= left - 1;
            }
            if docs.len() >= RUN {
                visit(&docs)?;
                docs.clear();
            }
        }
        visit(&docs)
    }

    /// Bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        self.0.capacity() * 8
    }

    pub(super) fn has(&self, doc: u32) -> bool {
        self.0[doc as usize / 64] >> (doc % 64) & 1 == 1
    }
}
