//! What becomes of one batch's events, counted once however many outputs they go to, and however late the last of them has them.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Stats, output::Fates};

/// The accounts of some events that go to outputs together. Where it is dropped before all have said what became of them, nothing is
/// counted: the events are held as before.
#[derive(Debug)]
pub(crate) struct Account {
    stats: Arc<Stats>,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    counts: Counts,
    /// Those that have not said yet what became of the events.
    waiting: usize,
    fates: Fates,
}

/// What is known of a batch before outputs have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Events that the ledger holds for it.
    pub(crate) held: u64,
    /// Those that filters made besides.
    pub(crate) made: u64,
    /// Those that a filter dropped.
    pub(crate) dropped: u64,
    /// Those that go on: to outputs, or among the dead letters.
    pub(crate) on: u64,
}

impl Account {
    /// One that waits for a single word.
    pub(crate) fn new(stats: &Arc<Stats>, counts: Counts) -> Arc<Self> {
        let inside = Inside { counts, waiting: 1, fates: Fates::default() };
        Arc::new(Self { stats: stats.clone(), inside: Mutex::new(inside) })
    }

    /// Of events that an earlier process took in, and that one output is to have.
    pub(crate) fn alone(stats: &Arc<Stats>, events: u64) -> Arc<Self> {
        Self::new(stats, Counts { held: events, on: events, ..Counts::default() })
    }

    /// One more will say what became of the events.
    pub(crate) fn wait_for_another(&self) {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).waiting += 1;
    }

    /// One of those who were waited for says what became of them, by their numbers. When the last has, all are counted.
    pub(crate) fn tell(&self, fates: Fates) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.fates.add(fates);
        inside.waiting = inside.waiting.saturating_sub(1);
        if inside.waiting > 0 {
            return;
        }
        let Counts { held, made, dropped, on } = inside.counts;
        let (dead, lost) = std::mem::take(&mut inside.fates).count();
        self.stats.ledger.change(|accounts| {
            accounts.let_go(held);
            accounts.made += made;
            accounts.dropped += dropped;
            accounts.dead_lettered += dead;
            accounts.lost += lost;
            accounts.acknowledged += on.saturating_sub(dead + lost);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(dead: &[u32], lost: &[u32]) -> Fates {
        Fates { dead: dead.to_vec(), lost: lost.to_vec() }
    }

    #[test]
    fn an_event_is_counted_once_when_the_last_output_has_said_what_became_of_it() {
        let stats: Arc<Stats> = Arc::default();
        stats.ledger.enter(5);
        let account = Account::new(&stats, Counts { held: 5, made: 1, dropped: 2, on: 4 });
        account.wait_for_another();
        account.wait_for_another();
        account.tell(fates(&[1], &[]));
        account.tell(fates(&[1, 2], &[]));
        assert_eq!(stats.accounts().held, 5, "one of three has not said anything");
        account.tell(fates(&[], &[2]));
        let accounts = stats.accounts();
        assert_eq!((accounts.acknowledged, accounts.dead_lettered, accounts.lost), (2, 1, 1));
        assert_eq!(accounts.events_in + accounts.made, accounts.accounted());
        assert_eq!(accounts.held, 0);
    }

    #[test]
    fn what_nobody_speaks_of_stays_held() {
        let stats: Arc<Stats> = Arc::default();
        stats.ledger.enter(3);
        let account = Account::alone(&stats, 3);
        account.wait_for_another();
        account.tell(Fates::default());
        drop(account);
        assert_eq!(stats.accounts().held, 3);
    }
}
