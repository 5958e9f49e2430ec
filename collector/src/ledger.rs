//! What became of a pipeline's events. It is changed and read as a whole, so that at any moment
//! in + made = acknowledged + dead-lettered + dropped + lost + returned + held, in events: one that goes to several outputs is one.

use std::sync::{Arc, Mutex, PoisonError};

use crate::Stats;

macro_rules! accounts {
    ($($(#[doc = $help:literal])+ $name:ident => $metric:literal,)+) => {
        /// What became of events since the start, and what is held now.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Accounts {
            $($(#[doc = $help])+ pub $name: u64,)+
            /// Events that are nothing of that yet.
            pub held: u64,
        }

        /// Each one's name for Prometheus, what it is, and how to read it.
        pub(crate) const ACCOUNTS: &[(&str, &str, fn(&Accounts) -> u64)] = &[
            $(($metric, concat!($($help),+), |accounts| accounts.$name),)+
        ];
    };
}

accounts! {
    /// Events that inputs took in.
    events_in => "alces_collector_events_in_total",
    /// Events that filters, or a sender's codec, made besides those that came in.
    made => "alces_collector_events_made_total",
    /// Events that every output has that they go to.
    acknowledged => "alces_collector_events_acknowledged_total",
    /// Events that an output refused for good, or on which a condition could not decide: they are in the dead-letter queue, once for each output that refused them.
    dead_lettered => "alces_collector_events_dead_lettered_total",
    /// Events that a filter dropped.
    dropped => "alces_collector_events_dropped_total",
    /// Events that were not delivered and that nobody sends again, as their input has no acknowledgement, or a full dead-letter queue took none.
    lost => "alces_collector_events_lost_total",
    /// Events that were not delivered and that their sender still has.
    returned => "alces_collector_events_returned_total",
}

impl Accounts {
    /// Events that are through: nobody need send them again.
    pub fn out(&self) -> u64 {
        self.acknowledged + self.dead_lettered
    }

    /// So many are held no more.
    pub(crate) fn let_go(&mut self, events: u64) {
        self.held = self.held.saturating_sub(events);
    }

    /// What came of all that went in: the sum of all but what went in.
    pub fn accounted(&self) -> u64 {
        self.out() + self.dropped + self.lost + self.returned + self.held
    }
}

/// The accounts of one pipeline. A lock for each batch, not for each event.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Accounts>);

impl Ledger {
    /// As it stands.
    pub(crate) fn now(&self) -> Accounts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes several accounts at once.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Accounts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// So many events came in and are held.
    pub(crate) fn enter(&self, events: u64) {
        self.change(|accounts| {
            accounts.events_in += events;
            accounts.held += events;
        });
    }

    /// Nobody will have so many events that are held.
    pub(crate) fn lose(&self, events: u64) {
        self.change(|accounts| {
            accounts.let_go(events);
            accounts.lost += events;
        });
    }
}

/// Events that an input handed on. Where this is dropped and not settled, they are back with their sender, or lost where it has none.
#[derive(Debug)]
pub(crate) struct Held {
    stats: Arc<Stats>,
    events: u64,
    comes_again: bool,
}

impl Held {
    /// So many events came in; whether they will come again if they are not delivered.
    pub(crate) fn enter(stats: &Arc<Stats>, events: u64, comes_again: bool) -> Self {
        stats.ledger.enter(events);
        Self { stats: stats.clone(), events, comes_again }
    }

    /// They are in the hands of others, who say what becomes of them.
    pub(crate) fn settled(mut self) {
        self.events = 0;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.events == 0 {
            return;
        }
        if !self.comes_again {
            return self.stats.ledger.lose(self.events);
        }
        self.stats.ledger.change(|accounts| {
            accounts.let_go(self.events);
            accounts.returned += self.events;
        });
    }
}
