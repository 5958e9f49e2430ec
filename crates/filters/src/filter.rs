//! What every filter can do.

use std::fmt;

use alces_conf::Options;
use alces_event::Event;

use crate::{Context, aggregate::Shared};

/// A compiled filter.
pub(crate) trait Filter: Fork + fmt::Debug + Send {
    /// Applies it to `event`. Events that it makes besides are pushed to `more`; they go on with the filter after this.
    fn apply(&mut self, event: &mut Event, more: &mut Vec<Event>);

    /// Called every few seconds, and with `end` a last time before the pipeline stops: what was held back comes out into
    /// `more` when its time has come.
    fn flush(&mut self, end: bool, more: &mut Vec<Event>) {
        let _ = (end, more);
    }

    /// Called once for all filters of a pipeline, in their order: what several of them have in common (`aggregate`) they find in
    /// `shared`.
    fn share(&mut self, shared: &mut Shared) {
        let _ = shared;
    }
}

/// A filter for another worker: scratch space is each one's own, what events share (aggregate, throttle) is the same.
pub(crate) trait Fork {
    fn fork(&self) -> Box<dyn Filter>;
}

impl<F: Filter + Clone + 'static> Fork for F {
    fn fork(&self) -> Box<dyn Filter> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Filter> {
    fn clone(&self) -> Self {
        (**self).fork()
    }
}

/// Reads a plugin's options; what is wrong is recorded in them. `None` only where nothing can be made of it; the caller
/// takes no program with errors anyway.
pub(crate) type Compile = fn(&Context<'_>, &mut Options<'_>) -> Option<Box<dyn Filter>>;
