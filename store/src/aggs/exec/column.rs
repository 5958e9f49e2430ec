//! What an aggregation reads of a segment.

use super::{Result, Segment};
use crate::bits::Bits;
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

/// The documents of a segment that match a filter.
pub(super) fn matching(segment: &Segment<'_>, query: &Query) -> Result<Bits> {
    let plan = segment.context.plan(query)?;
    Ok(segment.snapshot.prepare(&plan, false)?.find(segment.place.1)?.into_rows())
}
