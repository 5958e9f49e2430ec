//! Events on their way, and the promise that goes with them.

use std::sync::Arc;

use alces_event::Event;
use tokio::sync::oneshot;

use crate::{
    Stats,
    ledger::Held,
    plugins::{PluginStats, Ticket},
    share::Share,
};

/// Events that are acknowledged together. They are made when the worker asks for them, one by one, so that each goes all its way
/// while it is in the processor's cache.
pub(crate) struct Batch {
    pub(crate) events: Box<dyn Iterator<Item = Event> + Send>,
    /// How many.
    pub(crate) len: usize,
    pub(crate) delivery: Delivery,
    /// Where these are what one output is to have: whose account they are on.
    pub(crate) share: Option<Share>,
}

/// The worker's half of an acknowledgement. Dropping it says that the events were *not* delivered, so that nothing is
/// acknowledged by accident: not on a panic, not at shutdown.
#[derive(Debug)]
pub(crate) struct Delivery {
    promise: oneshot::Sender<()>,
    /// The input's count of what is under way.
    ticket: Option<Ticket>,
    /// The pipeline's.
    held: Option<Held>,
    /// Whether its sender sends it again if it is not delivered.
    comes_again: bool,
    /// How many events it is the promise of.
    pub(crate) events: u64,
}

/// The input's half: resolves to `Ok` when every event is indexed, dead-lettered or dropped by a filter.
pub(crate) type Delivered = oneshot::Receiver<()>;

impl Batch {
    pub(crate) fn new(len: usize, events: impl Iterator<Item = Event> + Send + 'static) -> (Self, Delivered) {
        let (promise, delivered) = oneshot::channel();
        let delivery = Delivery { promise, ticket: None, held: None, comes_again: true, events: len as u64 };
        (Self { events: Box::new(events), len, delivery, share: None }, delivered)
    }

    /// For senders that wait for no acknowledgement: what is not delivered is lost, and counted.
    pub(crate) fn unacknowledged(
        len: usize,
        events: impl Iterator<Item = Event> + Send + 'static,
    ) -> (Self, Delivered) {
        let (mut batch, delivered) = Self::new(len, events);
        batch.delivery.comes_again = false;
        (batch, delivered)
    }
}

impl Batch {
    /// Counts its events as come in and under way, from that input.
    pub(crate) fn count(&mut self, input: &Arc<PluginStats>, stats: &Arc<Stats>) {
        let delivery = &mut self.delivery;
        delivery.held = Some(Held::enter(stats, delivery.events, delivery.comes_again));
        delivery.ticket = Some(input.begin(delivery.events));
    }
}

impl Delivery {
    /// Says that all events are delivered. What became of them is in the ledger already.
    pub(crate) fn done(self) {
        if let Some(ticket) = self.ticket {
            ticket.done();
        }
        if let Some(held) = self.held {
            held.settled();
        }
        // An input whose connection is gone no longer asks.
        let _ = self.promise.send(());
    }
}
