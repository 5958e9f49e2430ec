//! What outputs need of the world: counters, the time, the dead-letter queue, and waiting.

use std::{sync::Arc, time::Duration};

use alces_filters::Clock;
use tokio::{sync::watch, time::sleep};
use tracing::{error, warn};

use crate::{
    Stats,
    dlq::{DeadLetterQueue, Letter},
    pipes::Bus,
};

/// What outputs need of the world.
#[derive(Clone)]
pub(crate) struct Outlet {
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: Clock,
    pub(crate) dlq: DeadLetterQueue,
    pub(crate) bus: Bus,
    /// Turns true when the collector's time to drain is over: what is not delivered then stays unacknowledged.
    pub(crate) give_up: watch::Receiver<bool>,
}

/// The collector stopped before the output had all events.
#[derive(Debug)]
pub(crate) struct Undelivered;

/// Events of a batch that an output does not have and never will, by their places in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fates {
    /// They are in the dead-letter queue.
    pub(crate) dead: Vec<u32>,
    /// They are nowhere.
    pub(crate) lost: Vec<u32>,
}

impl Fates {
    /// Those of others as well.
    pub(crate) fn add(&mut self, other: Self) {
        self.dead.extend(other.dead);
        self.lost.extend(other.lost);
    }

    /// Events, each once, that are dead letters, and that are lost: one that is a letter of one output and lost to another is lost.
    pub(crate) fn count(mut self) -> (u64, u64) {
        self.lost.sort_unstable();
        self.lost.dedup();
        self.dead.retain(|place| self.lost.binary_search(place).is_err());
        self.dead.sort_unstable();
        self.dead.dedup();
        (self.dead.len() as u64, self.lost.len() as u64)
    }
}

impl Outlet {
    /// Waits before another attempt; an error when the collector gives up.
    pub(crate) async fn pause(&self, wait: Duration) -> Result<(), Undelivered> {
        self.until_given_up(sleep(wait)).await
    }

    /// What comes of `work`; an error when the collector gives up first.
    pub(crate) async fn until_given_up<T>(&self, work: impl Future<Output = T>) -> Result<T, Undelivered> {
        let mut give_up = self.give_up.clone();
        tokio::select! {
            biased;
            done = work => Ok(done),
            _ = give_up.wait_for(|give_up| *give_up) => Err(Undelivered),
        }
    }

    /// Puts events, each with its place in the batch, into the dead-letter queue and says so, and `why`. If even that cannot be written,
    /// they stay with their sender.
    pub(crate) fn bury<'l>(
        &self,
        plugin: &str,
        why: &str,
        letters: impl IntoIterator<Item = (u32, Letter<'l>)>,
    ) -> Result<Fates, Undelivered> {
        let (mut places, letters): (Vec<u32>, Vec<Letter<'l>>) = letters.into_iter().unzip();
        let Some(first) = letters.first() else { return Ok(Fates::default()) };
        let path = self.dlq.path().display();
        match self.dlq.append(plugin, (self.clock)(), &letters) {
            Ok(appended) => {
                self.stats.dead_letters.add(appended.kept);
                self.stats.dead_letters_dropped.add(appended.dropped);
                if appended.kept > 0 {
                    warn!(
                        plugin, events = appended.kept, status = first.status, reason = %first.reason, kept = %path,
                        "{why}: kept in the dead-letter queue"
                    );
                }
                if appended.refused + appended.dropped > 0 {
                    error!(
                        lost = appended.refused, dropped = appended.dropped, status = first.status, reason = %first.reason, %path,
                        "the dead-letter queue is full: its `dead_letter_queue.storage_policy` let go of events"
                    );
                }
                // The first ones had room.
                let lost = places.split_off(places.len().min(appended.kept as usize));
                Ok(Fates { dead: places, lost })
            }
            Err(problem) => {
                error!(%problem, %path, "the dead-letter queue cannot be written: the window stays unacknowledged");
                Err(Undelivered)
            }
        }
    }
}

/// Waits between attempts: doubling, and each of them somewhere between its half and its whole, so that many who wait for the same peer
/// do not come back at once.
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// How long to wait now.
    pub(crate) fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.longest);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}
