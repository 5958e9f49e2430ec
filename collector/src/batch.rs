//! Events on their way, and the promise that goes with them.

use std::sync::Arc;

use alces_event::Event;
use tokio::sync::oneshot;

use crate::{
    Stats,
    plugins::{PluginStats, Ticket},
};

/// Events that are acknowledged together. They are made when the worker asks for them, one by one, so that each goes all its way
/// while it is in the processor's cache.
pub(crate) struct Batch {
    pub(crate) events: Box<dyn Iterator<Item = Event> + Send>,
    /// How many.
    pub(crate) len: usize,
    pub(crate) delivery: Delivery,
}

/// The worker's half of an acknowledgement. Dropping it says that the events were *not* delivered, so that nothing is
/// acknowledged by accident: not on a panic, not at shutdown.
#[derive(Debug)]
pub(crate) struct Delivery {
    promise: oneshot::Sender<()>,
    /// The input's count of what is under way.
    ticket: Option<Ticket>,
    /// Counts events that nobody will send again.
    loses: Option<Loss>,
}

/// Counted when it is dropped.
#[derive(Debug)]
struct Loss {
    stats: Arc<Stats>,
    events: u64,
}

impl Drop for Loss {
    fn drop(&mut self) {
        self.stats.lost.add(self.events);
    }
}

/// The input's half: resolves to `Ok` when every event is indexed, dead-lettered or dropped by a filter.
pub(crate) type Delivered = oneshot::Receiver<()>;

impl Batch {
    pub(crate) fn new(len: usize, events: impl Iterator<Item = Event> + Send + 'static) -> (Self, Delivered) {
        let (promise, delivered) = oneshot::channel();
        (
            Self { events: Box::new(events), len, delivery: Delivery { promise, ticket: None, loses: None } },
            delivered,
        )
    }

    /// For senders that wait for no acknowledgement: what is not delivered is lost, and counted.
    pub(crate) fn unacknowledged(
        len: usize,
        events: impl Iterator<Item = Event> + Send + 'static,
        stats: &Arc<Stats>,
    ) -> (Self, Delivered) {
        let (mut batch, delivered) = Self::new(len, events);
        batch.delivery.loses = Some(Loss { stats: stats.clone(), events: len as u64 });
        (batch, delivered)
    }
}

impl Batch {
    /// Counts its events as under way, from that input.
    pub(crate) fn count(&mut self, input: &Arc<PluginStats>, stats: &Arc<Stats>) {
        // What is lost is counted as that.
        let returns = self.delivery.loses.is_none().then(|| stats.clone());
        self.delivery.ticket = Some(input.begin_for(self.len as u64, returns));
    }
}

impl Delivery {
    /// Says that all events are delivered.
    pub(crate) fn done(self) {
        if let Some(ticket) = self.ticket {
            ticket.done();
        }
        if let Some(mut loss) = self.loses {
            loss.events = 0;
        }
        // An input whose connection is gone no longer asks.
        let _ = self.promise.send(());
    }
}
