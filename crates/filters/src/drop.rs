//! `drop`: the event goes no further.

use alces_conf::Options;
use alces_event::Event;

use crate::{common::Common, context::Context, filter::Filter};

/// A compiled `drop { }`.
#[derive(Clone, Debug)]
pub(crate) struct Drop;

impl Drop {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        Common::read(options);
        options.unsupported("percentage", "without it every event is dropped");
        Some(Box::new(Self))
    }
}

impl Filter for Drop {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        event.cancel();
    }
}
