//! How long the bytes of a file wait that were read and not acknowledged.

use std::collections::VecDeque;

/// Marks at the most: what is read while so many wait counts to the last one, and so as older than it is.
const MARKS: usize = 16;

/// Up to where was read at which second, for what is not acknowledged; nothing is allocated for a file at rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Waiting(VecDeque<(u64, i64)>);

impl Waiting {
    /// Everything up to `offset` is read now. What is read a second time waits since the first.
    pub(super) fn read(&mut self, offset: u64, now: i64) {
        let full = self.0.len() >= MARKS;
        match self.0.back_mut() {
            Some((last, _)) if *last >= offset => {}
            Some((last, since)) if *since == now || full => *last = offset,
            _ => self.0.push_back((offset, now)),
        }
    }

    /// Everything up to `offset` is acknowledged.
    pub(super) fn acknowledged(&mut self, offset: u64) {
        while self.0.front().is_some_and(|(end, _)| *end <= offset) {
            self.0.pop_front();
        }
        if self.0.is_empty() {
            // Thousands of files are at rest.
            self.0 = VecDeque::new();
        }
    }

    /// Since when the oldest waits.
    pub(super) fn since(&self) -> Option<i64> {
        self.0.front().map(|(_, since)| *since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_counts() {
        let mut waiting = Waiting::default();
        let mut told = Vec::new();
        waiting.read(10, 100);
        waiting.read(20, 100);
        waiting.read(15, 101);
        waiting.read(30, 102);
        for offset in [5, 10, 19, 20, 29, 30] {
            waiting.acknowledged(offset);
            told.push(waiting.since());
        }
        assert_eq!(told, [Some(100), Some(100), Some(100), Some(102), Some(102), None]);
    }

    #[test]
    fn marks_are_few() {
        let mut waiting = Waiting::default();
        (1..1000).for_each(|n| waiting.read(n, n.cast_signed()));
        assert_eq!(waiting.0.len(), MARKS);
        waiting.acknowledged(998);
        assert_eq!(waiting.since(), Some(MARKS as i64));
    }
}
