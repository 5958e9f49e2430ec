//! Numbers that are lost, as long as they are not behind us.

/// Ranges of numbers, both ends inclusive, in order, apart from each other.
#[derive(Debug, Default)]
pub(crate) struct Gaps(Vec<(u64, u64)>);

impl Gaps {
    /// Adds all of a range, and answers how many of them are new.
    pub(crate) fn insert(&mut self, from: u64, to: u64) -> u64 {
        if from > to {
            return 0;
        }
        let before = self.total();
        let start = self.0.partition_point(|gap| gap.1.saturating_add(1) < from);
        let end = self.0.partition_point(|gap| gap.0 <= to.saturating_add(1));
        let mut whole = (from, to);
        for gap in self.0.drain(start..end) {
            whole = (whole.0.min(gap.0), whole.1.max(gap.1));
        }
        self.0.insert(start, whole);
        self.total() - before
    }

    /// Forgets all up to a number, and answers how many those were.
    pub(crate) fn forget(&mut self, upto: u64) -> u64 {
        let before = self.total();
        self.0.retain(|gap| gap.1 > upto);
        if let Some(first) = self.0.first_mut() {
            first.0 = first.0.max(upto.saturating_add(1));
        }
        before - self.total()
    }

    /// The last number of the range that begins with this one.
    pub(crate) fn from(&self, number: u64) -> Option<u64> {
        self.0.first().filter(|gap| gap.0 == number).map(|gap| gap.1)
    }

    /// How many numbers.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|gap| gap.1 - gap.0 + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn gaps_are_a_set_of_numbers(steps in prop::collection::vec((0..2_u8, 1..40_u64, 0..6_u64), 0..30)) {
            let (mut gaps, mut set) = (Gaps::default(), BTreeSet::new());
            for (what, from, width) in steps {
                let before = set.len();
                match what {
                    0 => {
                        set.extend(from..=from + width);
                        prop_assert_eq!(gaps.insert(from, from + width), (set.len() - before) as u64);
                    }
                    _ => {
                        set.retain(|n| *n > from);
                        prop_assert_eq!(gaps.forget(from), (before - set.len()) as u64);
                    }
                }
                let all: Vec<u64> = gaps.0.iter().flat_map(|gap| gap.0..=gap.1).collect();
                prop_assert_eq!(all, set.iter().copied().collect::<Vec<_>>());
                prop_assert!(gaps.0.windows(2).all(|two| two[0].1 + 1 < two[1].0));
            }
        }
    }
}
