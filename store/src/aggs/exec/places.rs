//! Which of some ranges a number is in: looked up in a table rather than compared with the ends of each.

/// Cells of the table.
const CELLS: u64 = 4096;
/// A cell that holds an end.
const MIXED: u16 = u16::MAX;
/// Beyond this a float cannot tell every whole number from its neighbours, and ranges are given as floats.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Ranges, each from its first end (included) to its second (excluded); none is open on that side. No number is in two of them.
#[derive(Debug)]
pub(super) struct Places {
    /// All ends, rising. A number's region is how many of them it is not below.
    ends: Vec<i64>,
    /// The range of each region.
    of: Vec<Option<u32>>,
    shift: u32,
    /// The region of all numbers that are this far above the first end, shifted.
    cells: Vec<u16>,
}

impl Places {
    /// None where a number may be in two ranges.
    pub(super) fn new(ranges: impl Iterator<Item = (Option<i64>, Option<i64>)>) -> Option<Self> {
        let ranges: Vec<_> = ranges.collect();
        let mut ends: Vec<i64> =
            ranges.iter().flat_map(|(from, to)| from.iter().chain(to)).copied().collect();
        ends.sort_unstable();
        ends.dedup();
        if ends.len() >= usize::from(MIXED) {
            return None;
        }
        let mut of = vec![None; ends.len() + 1];
        for (place, (from, to)) in (0u32..).zip(&ranges) {
            let first = from.map_or(0, |from| ends.partition_point(|end| *end <= from));
            let last = to.map_or(ends.len() + 1, |to| ends.partition_point(|end| *end < to) + 1);
            for region in of.get_mut(first..last).unwrap_or_default() {
                if region.replace(place).is_some() {
                    return None;
                }
            }
        }
        let mut places = Self { ends, of, shift: 0, cells: Vec::new() };
        if let (Some(first), Some(last)) = (places.ends.first(), places.ends.last()) {
            let span = last.abs_diff(*first);
            places.shift = (u64::BITS - span.leading_zeros()).saturating_sub(CELLS.ilog2());
            places.cells = vec![MIXED; usize::try_from((span >> places.shift) + 1).unwrap_or(0)];
            for (cell, region) in (0u64..).zip(&mut places.cells) {
                // Where both ends of a cell are in one region all of it is.
                let low = first.saturating_add_unsigned(cell << places.shift);
                let high = low.saturating_add_unsigned((1 << places.shift) - 1);
                let of = |n: i64| places.ends.partition_point(|end| *end <= n);
                if of(low) == of(high) {
                    *region = u16::try_from(of(low)).unwrap_or(MIXED);
                }
            }
        }
        Some(places)
    }

    /// The same of ranges of floats.
    pub(super) fn of_floats(ranges: impl Iterator<Item = (Option<f64>, Option<f64>)>) -> Option<Self> {
        // A whole number is not below 1.5 where it is not below 2.
        let end = |end: Option<f64>| match end {
            Some(n) if n.abs() < WHOLE => Ok(Some(n.ceil() as i64)),
            Some(_) => Err(()),
            None => Ok(None),
        };
        let ends = ranges.map(|(from, to)| Ok((end(from)?, end(to)?)));
        Self::new(ends.collect::<Result<Vec<_>, ()>>().ok()?.into_iter())
    }

    /// The range that a number is in.
    pub(super) fn find(&self, n: i64) -> Option<u32> {
        let region = match (self.ends.first(), self.ends.last()) {
            (Some(first), Some(last)) if n >= *first && n < *last => {
                let cell = usize::try_from(n.abs_diff(*first) >> self.shift).unwrap_or(usize::MAX);
                match self.cells.get(cell).copied() {
                    Some(region) if region != MIXED => usize::from(region),
                    _ => self.ends.partition_point(|end| *end <= n),
                }
            }
            (Some(first), _) if n < *first => 0,
            _ => self.ends.len(),
        };
        self.of.get(region).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![-30i64..30, -1_000_000i64..1_000_000, any::<i64>()]
    }

    proptest! {
        #[test]
        fn a_number_is_in_the_range_that_comparing_finds(
            ends in proptest::collection::vec((proptest::option::of(number()), proptest::option::of(number())), 0..5),
            numbers in proptest::collection::vec(number(), 0..40),
        ) {
            let places = Places::new(ends.iter().copied());
            let near = ends.iter().flat_map(|(a, b)| [*a, *b]).flatten().flat_map(|n| [n.saturating_sub(1), n, n.saturating_add(1)]);
            for n in numbers.into_iter().chain(near) {
                let inside = |(from, to): &(Option<i64>, Option<i64>)| from.is_none_or(|from| n >= from) && to.is_none_or(|to| n < to);
                let dull: Vec<u32> = (0u32..).zip(&ends).filter(|(_, range)| inside(range)).map(|(place, _)| place).collect();
                match &places {
                    Some(places) => prop_assert_eq!(places.find(n).into_iter().collect::<Vec<_>>(), dull),
                    None => prop_assert!(ends.len() > 1),
                }
            }
        }
    }

    #[test]
    fn fractions_and_ends_too_large_for_a_float() {
        let places =
            Places::of_floats([(None, Some(1.5)), (Some(1.5), Some(10.0)), (Some(20.0), None)].into_iter());
        let places = places.unwrap();
        let of = [-5, 1, 2, 9, 10, 19, 20, i64::MAX].map(|n| places.find(n));
        assert_eq!(of, [Some(0), Some(0), Some(1), Some(1), None, None, Some(2), Some(2)]);
        assert!(Places::of_floats([(Some(1e17), None)].into_iter()).is_none());
    }
}
