//! A set of the rows of one segment.

use std::ops::{ControlFlow, Range};

/// One bit a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// None of so many rows.
    pub(crate) fn none(rows: u32) -> Self {
        Self { words: vec![0; (rows as usize).div_ceil(64)] }
    }

    /// All rows.
    pub(crate) fn all(rows: u32) -> Self {
        let mut all = Self { words: vec![u64::MAX; (rows as usize).div_ceil(64)] };
        if !rows.is_multiple_of(64)
            && let Some(last) = all.words.last_mut()
        {
            *last = (1 << (rows % 64)) - 1;
        }
        all
    }

    /// The set as bytes, for a file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// What [`Bits::to_bytes`] gave; `None` if it is not of so many rows.
    pub(crate) fn from_bytes(bytes: &[u8], rows: u32) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let fits = rest.is_empty() && words.len() == (rows as usize).div_ceil(64);
        fits.then(|| Self { words: words.iter().map(|word| u64::from_le_bytes(*word)).collect() })
    }

    pub(crate) fn insert(&mut self, row: u32) {
        if let Some(word) = self.words.get_mut(row as usize / 64) {
            *word |= 1 << (row % 64);
        }
    }

    pub(crate) fn has(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub(crate) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    fn with(&mut self, other: &Self, merge: impl Fn(u64, u64) -> u64) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a = merge(*a, *b));
    }

    pub(crate) fn and(&mut self, other: &Self) {
        self.with(other, |a, b| a & b);
    }

    pub(crate) fn or(&mut self, other: &Self) {
        self.with(other, |a, b| a | b);
    }

    pub(crate) fn and_not(&mut self, other: &Self) {
        self.with(other, |a, b| a & !b);
    }

    /// Takes rows in that are next to each other.
    pub(crate) fn insert_range(&mut self, rows: Range<u32>) {
        let mut row = rows.start;
        while row < rows.end {
            let end = rows.end.min((row / 64 + 1) * 64);
            if let Some(word) = self.words.get_mut(row as usize / 64) {
                *word |= (u64::MAX >> (64 - (end - row))) << (row % 64);
            }
            row = end;
        }
    }

    /// The words of these rows, which begin and end with a word or with the set.
    fn words(&self, rows: &Range<u32>) -> &[u64] {
        let end = (rows.end as usize).div_ceil(64).min(self.words.len());
        self.words.get(rows.start as usize / 64..end).unwrap_or(&[])
    }

    /// How many of these rows are in it; they begin and end with a multiple of 64, or with the set.
    pub(crate) fn count_within(&self, rows: &Range<u32>) -> u32 {
        self.words(rows).iter().map(|word| word.count_ones()).sum()
    }

    /// How many rows are in both.
    pub(crate) fn count_both(&self, other: &Self) -> u32 {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones()).sum()
    }

    /// Takes rows in.
    pub(crate) fn insert_all(&mut self, rows: &[u32]) {
        rows.iter().for_each(|row| self.insert(*row));
    }

    /// Calls back with the rows in rising order, at most so many at a time (and not less than 64), until it is told to stop.
    pub(crate) fn runs(&self, most: usize, visit: impl FnMut(&[u32]) -> ControlFlow<()>) {
        self.runs_within(&(0..u32::MAX), most, visit);
    }

    /// The same for some of the rows, which begin and end with a multiple of 64, or with the set.
    pub(crate) fn runs_within(
        &self,
        within: &Range<u32>,
        most: usize,
        mut visit: impl FnMut(&[u32]) -> ControlFlow<()>,
    ) {
        let mut rows = Vec::with_capacity(most);
        for (base, word) in (within.start..).step_by(64).zip(self.words(within)) {
            // Most words of a wide search are full.
            if *word == u64::MAX {
                rows.extend(base..base + 64);
            } else {
                let mut left = *word;
                while left != 0 {
                    rows.push(base + left.trailing_zeros());
                    left &= left - 1;
                }
            }
            if rows.len() + 64 > most {
                if visit(&rows).is_break() {
                    return;
                }
                rows.clear();
            }
        }
        if !rows.is_empty() {
            // Nothing follows that could be left out.
            let _ = visit(&rows);
        }
    }

    /// Bytes that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.words.capacity() * 8
    }

    /// The rows in rising order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0u32..).flat_map(|(word, at)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets() {
        let mut odd = Bits::none(130);
        (0..130).filter(|row| row % 2 == 1).for_each(|row| odd.insert(row));
        assert_eq!((Bits::all(130).count(), odd.count(), Bits::all(128).count()), (130, 65, 128));
        let mut even = Bits::all(130);
        even.and_not(&odd);
        assert_eq!(even.iter().take(3).collect::<Vec<_>>(), [0, 2, 4]);
        assert!(even.has(128) && !even.has(129) && !even.has(1000));
        even.and(&odd);
        assert!(even.is_empty() && !odd.is_empty());
        even.or(&odd);
        assert_eq!(Bits::from_bytes(&even.to_bytes(), 130), Some(odd.clone()));
        assert_eq!(Bits::from_bytes(&odd.to_bytes(), 13), None);
        let mut runs = Vec::new();
        Bits::all(130).runs(64, |rows| {
            runs.push(rows.to_vec());
            if rows.contains(&64) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(runs, [(0..64).collect::<Vec<_>>(), (64..128).collect()]);
        let mut all = Vec::new();
        Bits::all(130).runs(64, |rows| {
            all.extend_from_slice(rows);
            ControlFlow::Continue(())
        });
        assert_eq!(all, (0..130).collect::<Vec<_>>());
        all.clear();
        Bits::all(130).runs_within(&(64..192), 64, |rows| {
            all.extend_from_slice(rows);
            ControlFlow::Continue(())
        });
        assert_eq!(all, (64..130).collect::<Vec<_>>());
        assert_eq!((odd.count_within(&(0..64)), Bits::all(130).count_within(&(128..192))), (32, 2));
    }

    #[test]
    fn ranges_are_as_if_row_by_row() {
        for (from, to) in [(0, 0), (0, 64), (1, 63), (63, 65), (5, 129), (64, 128), (128, 130), (0, 130)] {
            let (mut range, mut each) = (Bits::none(130), Bits::none(130));
            range.insert_range(from..to);
            (from..to).for_each(|row| each.insert(row));
            assert_eq!(range, each, "{from}..{to}");
        }
    }
}
