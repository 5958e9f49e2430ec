//! Events on their way, and the promise that goes with them.

use alces_event::Event;
use tokio::sync::oneshot;

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
pub(crate) struct Delivery(oneshot::Sender<()>);

/// The input's half: resolves to `Ok` when every event is indexed, dead-lettered or dropped by a filter.
pub(crate) type Delivered = oneshot::Receiver<()>;

impl Batch {
    pub(crate) fn new(len: usize, events: impl Iterator<Item = Event> + Send + 'static) -> (Self, Delivered) {
        let (delivery, delivered) = oneshot::channel();
        (Self { events: Box::new(events), len, delivery: Delivery(delivery) }, delivered)
    }
}

impl Delivery {
    /// Says that all events are delivered.
    pub(crate) fn done(self) {
        // An input whose connection is gone no longer asks.
        let _ = self.0.send(());
    }
}
