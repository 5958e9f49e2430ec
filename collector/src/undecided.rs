//! Events for which a condition could not be decided: they go no further, as in Logstash, and into the dead-letter queue.

use alces_event::Event;

use crate::{
    dlq::Letter,
    output::{Fates, Outlet, Undelivered},
};

/// An event that no output gets.
pub(crate) struct Undecided {
    document: Vec<u8>,
    metadata: Vec<u8>,
    reason: String,
}

impl Undecided {
    pub(crate) fn new(event: &Event, why: &alces_filters::Undecided) -> Self {
        let (mut document, mut metadata) = (Vec::new(), Vec::new());
        event.write_json(&mut document);
        event.metadata().write_json(&mut metadata);
        Self { document, metadata, reason: why.to_string() }
    }
}

/// Returns when they are in the dead-letter queue.
pub(crate) fn keep(events: &[Undecided], outlet: &Outlet) -> Result<Fates, Undelivered> {
    let letters = (0..).zip(events).map(|(place, event)| {
        let letter = Letter {
            document: &event.document,
            metadata: &event.metadata,
            reason: event.reason.clone(),
            ..Letter::default()
        };
        (place, letter)
    });
    outlet.bury("if", "a condition could not be decided", letters)
}
