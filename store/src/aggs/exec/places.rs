//! Which of some ranges a number is in: looked up in a table rather than compared with the ends of each.

/// Cells of the table.
const CELLS: u64 = 4096;
/// Ends that a number is rather held against one by one.
const FEW: usize = 8;
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
    /// The region of all numbers that are this far above the first end, shifted, and of those outside of all ends.
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
            // Before them one for all numbers below the first end, and behind them one for those above the last.
            places.cells = vec![MIXED; usize::try_from((span >> places.shift) + 3).unwrap_or(0)];
            let all = places.cells.len();
            places.cells[0] = 0;
            places.cells[all - 1] = u16::try_from(places.ends.len()).unwrap_or(MIXED);
            for (cell, region) in (0u64..).zip(&mut places.cells[1..all - 1]) {
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

    /// Calls back with each range and how many of these numbers, all of 32 bits, are in it. To hold all of them against each end takes less than to look each
    /// up: several at once are compared.
    pub(super) fn tally(&self, numbers: &[i64], visit: &mut dyn FnMut(u32, u64)) {
        let numbers = small(numbers);
        let mut below = 0;
        for (region, of) in self.of.iter().enumerate() {
            // How many are below the region's other end.
            let upto = match self.ends.get(region).map(|end| end_of(*end)) {
                None | Some(End::Above) => numbers.len() as u64,
                Some(End::At(end)) => numbers.iter().map(|n| u32::from(*n < end)).sum::<u32>().into(),
                Some(End::Below) => 0,
            };
            if let Some(place) = of
                && upto > below
            {
                visit(*place, upto - below);
            }
            below = upto;
        }
    }

    /// The region of each number, all of 32 bits, in the same way; none where there are so many ends that to look each up takes less.
    pub(super) fn regions(&self, numbers: &[i64]) -> Option<Vec<u32>> {
        if self.ends.len() > FEW {
            return None;
        }
        let numbers = small(numbers);
        let mut regions = vec![0; numbers.len()];
        for end in &self.ends {
            match end_of(*end) {
                End::Above => {}
                End::At(end) => {
                    regions.iter_mut().zip(&numbers).for_each(|(region, n)| *region += u32::from(*n >= end));
                }
                End::Below => regions.iter_mut().for_each(|region| *region += 1),
            }
        }
        Some(regions)
    }

    /// How many ends there are.
    pub(super) fn ends(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// The range of a region.
    pub(super) fn range_of(&self, region: u32) -> Option<u32> {
        self.of.get(region as usize).copied().flatten()
    }

    /// How many ranges there are.
    pub(super) fn len(&self) -> usize {
        self.of.iter().flatten().max().map_or(0, |place| *place as usize + 1)
    }

    /// The range of two numbers and of all between them, or none if those are outside of ranges; no answer where they are not together.
    pub(super) fn both(&self, low: i64, high: i64) -> Option<Option<u32>> {
        let region = |n: i64| self.ends.partition_point(|end| *end <= n);
        (region(low) == region(high)).then(|| self.of[region(low)])
    }

    /// The range that a number is in.
    pub(super) fn find(&self, n: i64) -> Option<u32> {
        // Not by asking whether it is below or above all ends: which of them it is cannot be foretold, and that costs more than to count.
        let (Some(first), Some(last)) = (self.ends.first(), self.ends.last()) else { return self.of[0] };
        let within = 1 + (n.clamp(*first, *last).abs_diff(*first) >> self.shift);
        let cell = if n < *first { 0 } else { within };
        let cell = if n >= *last { self.cells.len() as u64 - 1 } else { cell };
        let region = match self.cells[cell as usize] {
            MIXED => self.ends.partition_point(|end| *end <= n),
            region => usize::from(region),
        };
        self.of[region]
    }
}

fn small(numbers: &[i64]) -> Vec<i32> {
    numbers.iter().map(|n| *n as i32).collect()
}

/// An end among numbers of 32 bits.
enum End {
    Below,
    At(i32),
    Above,
}

fn end_of(end: i64) -> End {
    match i32::try_from(end) {
        Ok(end) => End::At(end),
        Err(_) if end < 0 => End::Below,
        Err(_) => End::Above,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

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

        #[test]
        fn as_many_are_in_each_range_as_looking_each_up_finds(
            ends in proptest::collection::vec((proptest::option::of(number()), proptest::option::of(number())), 0..5),
            numbers in proptest::collection::vec(prop_oneof![any::<i32>(), -40i32..40].prop_map(i64::from), 0..40),
        ) {
            if let Some(places) = Places::new(ends.iter().copied()) {
                let (mut found, mut dull) = (BTreeMap::new(), BTreeMap::new());
                places.tally(&numbers, &mut |place, count| *found.entry(place).or_insert(0) += count);
                for n in &numbers {
                    if let Some(place) = places.find(*n) {
                        *dull.entry(place).or_insert(0) += 1;
                    }
                }
                prop_assert_eq!(found, dull);
                for (region, n) in places.regions(&numbers).unwrap_or_default().into_iter().zip(&numbers) {
                    prop_assert_eq!(places.range_of(region), places.find(*n));
                }
                if let Some(both) = numbers.first().and_then(|n| places.both(*n, *n)) {
                    prop_assert_eq!(both, places.find(numbers[0]));
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
