//! What is under way on one connection: batches in, windows out, acknowledgements in. No I/O.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use alces_lumberjack::Compression;

use crate::{
    batch::Batch,
    outbox::{Number, Parcel},
    pace::Pace,
};

/// What is under way on one connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pace: Pace,
    /// Windows at once at the most.
    windows: usize,
    /// The batch that is being sent, and its first document that is not.
    current: Option<(Parcel<Batch>, usize)>,
    /// Sent and not acknowledged, oldest first.
    under_way: VecDeque<Sent>,
}

#[derive(Debug)]
struct Sent {
    number: Number,
    range: Range<usize>,
    whole: bool,
}

/// How far a batch has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) number: Number,
    /// The documents before this one have.
    pub(crate) to: usize,
    /// That is all of it.
    pub(crate) whole: bool,
    /// The documents of this window.
    pub(crate) events: usize,
}

impl Wire {
    pub(crate) fn new(window_events: usize, windows: usize) -> Self {
        Self {
            pace: Pace::new(window_events),
            windows: windows.max(1),
            current: None,
            under_way: VecDeque::new(),
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.under_way.len() < self.windows
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// The next window of at most `bytes` before they are packed, of the batch under way or of one that `take` gives.
    pub(crate) fn next(
        &mut self,
        (bytes, compression): (usize, Compression),
        take: impl FnOnce() -> Option<Parcel<Batch>>,
    ) -> Option<(Arc<Batch>, Range<usize>)> {
        let (parcel, from) = self.current.take().or_else(|| {
            let parcel = take()?;
            let from = parcel.from;
            Some((parcel, from))
        })?;
        let to = parcel.batch.len().min(from + self.pace.events());
        let range = parcel.batch.lines().fitting(from..to, bytes, compression);
        let (whole, batch) = (range.end >= parcel.batch.len(), parcel.batch.clone());
        self.under_way.push_back(Sent { number: parcel.number, range: range.clone(), whole });
        if !whole {
            self.current = Some((parcel, range.end));
        }
        Some((batch, range))
    }

    /// The oldest window is done when its last number is acknowledged; 0 is a sign of life, and less than the last is progress that we
    /// do not need.
    pub(crate) fn acknowledged(&mut self, seq: u32) -> Option<Arrived> {
        let oldest = self.under_way.pop_front_if(|oldest| seq as usize >= oldest.range.len())?;
        self.pace.acknowledged();
        let (to, events) = (oldest.range.end, oldest.range.len());
        Some(Arrived { number: oldest.number, to, whole: oldest.whole, events })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::{Connection, Outbox};

    fn outbox(sizes: &[usize]) -> Outbox<Batch> {
        let mut outbox = Outbox::default();
        for size in sizes {
            let mut batch = Batch::default();
            (0..*size).for_each(|n| batch.push(n.to_string().as_bytes()));
            outbox.push(batch);
        }
        outbox
    }

    const HERE: Connection = Connection(1);

    /// The windows that go out until `count` are acknowledged.
    fn windows(
        outbox: &mut Outbox<Batch>,
        wire: &mut Wire,
        bytes: usize,
        mut count: usize,
    ) -> Vec<Range<usize>> {
        let (mut out, mut sizes) = (Vec::new(), VecDeque::new());
        loop {
            while wire.has_room() {
                let Some((_, range)) = wire.next((bytes, Compression::Plain), || outbox.take(HERE)) else {
                    break;
                };
                sizes.push_back(range.len());
                out.push(range);
            }
            let Some(len) = sizes.pop_front().filter(|_| count > 0) else { return out };
            count -= 1;
            assert_eq!(wire.acknowledged(0), None, "a sign of life");
            assert!(len < 2 || wire.acknowledged(len as u32 - 1).is_none(), "a part");
            let arrived = wire.acknowledged(len as u32).unwrap();
            if arrived.whole {
                outbox.done(HERE, arrived.number);
            } else {
                outbox.arrived(HERE, arrived.number, arrived.to);
            }
        }
    }

    #[test]
    fn a_batch_goes_out_in_parts_that_grow() {
        let (mut outbox, mut wire) = (outbox(&[300, 500, 10]), Wire::new(2048, 2));
        let got = windows(&mut outbox, &mut wire, usize::MAX, usize::MAX);
        assert_eq!(got, [0..64, 64..128, 128..256, 256..300, 0..500, 0..10]);
        assert_eq!(
            std::iter::from_fn(|| outbox.settle()).map(|batch| batch.len()).collect::<Vec<_>>(),
            [300, 500, 10]
        );
        assert!(wire.is_idle() && wire.acknowledged(5).is_none(), "an answer to nothing");
    }

    #[test]
    fn windows_are_no_larger_than_their_bytes() {
        // Numbers of one digit, then of two, and two bytes for each record.
        let got = windows(&mut outbox(&[20]), &mut Wire::new(2048, 2), 24, usize::MAX);
        assert_eq!(got, [0..8, 8..14, 14..20]);
    }

    #[test]
    fn after_a_break_only_what_has_not_arrived_is_sent_again() {
        let mut outbox = outbox(&[300, 1]);
        let got = windows(&mut outbox, &mut Wire::new(2048, 2), usize::MAX, 2);
        assert_eq!(got, [0..64, 64..128, 128..256, 256..300]);
        outbox.broken(HERE);
        assert!(outbox.settle().is_none());
        let got = windows(&mut outbox, &mut Wire::new(2048, 1), usize::MAX, usize::MAX);
        assert_eq!(got, [128..192, 192..300, 0..1]);
    }
}
