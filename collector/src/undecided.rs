//! Events for which a condition could not be decided: they go no further, as in Logstash, and into the dead-letter queue.

use alces_event::Event;
use tracing::{error, warn};

use crate::{
    dlq::Letter,
    output::{Outlet, Undelivered},
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
pub(crate) fn keep(events: &[Undecided], outlet: &Outlet) -> Result<(), Undelivered> {
    let Some(first) = events.first() else { return Ok(()) };
    let letters: Vec<_> = events
        .iter()
        .map(|event| Letter {
            document: &event.document,
            metadata: &event.metadata,
            status: None,
            reason: event.reason.clone(),
            index: None,
        })
        .collect();
    let path = outlet.dlq.path().display();
    match outlet.dlq.append("if", (outlet.clock)(), &letters) {
        Ok(()) => {
            outlet.stats.dead_lettered.add(events.len() as u64);
            warn!(
                events = events.len(),
                reason = %first.reason,
                kept = %path,
                "a condition could not be decided: its events are in the dead-letter queue"
            );
            Ok(())
        }
        Err(problem) => {
            error!(%problem, %path, "the dead-letter queue cannot be written: the window stays unacknowledged");
            Err(Undelivered)
        }
    }
}
