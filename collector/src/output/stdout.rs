//! `stdout`: for looking at events. It never holds the pipeline up for long and never refuses an event: when nobody reads
//! it any more, that is said once.

use std::{
    io::Write as _,
    sync::atomic::{AtomicBool, Ordering},
};

use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;

use crate::codec::Codec;

/// A checked `stdout { … }`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StdoutPlan {
    codec: Codec,
}

static CLOSED: AtomicBool = AtomicBool::new(false);

impl StdoutPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        super::common(options);
        let codec = match options.codec("codec") {
            None => Codec::RubyDebug { metadata: false },
            Some(plugin) => {
                let (codec, errors) = Codec::compile(context, &plugin);
                options.absorb(errors);
                codec?
            }
        };
        Some(Self { codec })
    }

    /// Appends the text of an event.
    pub(crate) fn encode(self, event: &Event, to: &mut Vec<u8>) {
        if !CLOSED.load(Ordering::Relaxed) {
            self.codec.write(to, event);
        }
    }

    pub(crate) fn write(self, text: &[u8]) {
        let mut out = std::io::stdout().lock();
        if let Err(error) = out.write_all(text).and_then(|()| out.flush())
            && !CLOSED.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "nobody reads standard output any more: the stdout output rests");
        }
    }
}
