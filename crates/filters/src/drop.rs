//! `drop`: the event goes no further.

use alces_conf::{Diagnostic, Options, Plugin};
use alces_event::Event;

use crate::{common::Common, context::Context};

/// A compiled `drop { }`.
#[derive(Clone, Debug)]
pub(crate) struct Drop;

impl Drop {
    pub(crate) fn compile(context: &Context<'_>, plugin: &Plugin) -> (Self, Vec<Diagnostic>) {
        let mut options = Options::new(context.source, context.env, plugin);
        Common::read(&mut options);
        options.unsupported("percentage", "without it every event is dropped");
        (Self, options.finish())
    }

    pub(crate) fn apply(event: &mut Event) {
        event.cancel();
    }
}
