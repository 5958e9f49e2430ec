//! `stdout`: for looking at events. It never holds the pipeline up for long and never refuses an event: when nobody reads
//! it any more, that is said once.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use alces_codec::Encoder;
use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;

use super::{Fates, Outlet, Output, Plan, Sink, Undelivered};
use crate::CollectorError;

/// A checked `stdout { … }`.
#[derive(Clone, Debug)]
pub(crate) struct StdoutPlan {
    codec: Arc<dyn Encoder>,
    /// What stands before the first event is written.
    begun: Arc<AtomicBool>,
}

/// The text of events.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// What stands before the first of them, should it be the first of all.
    header: Vec<u8>,
    events: Vec<u8>,
}

static CLOSED: AtomicBool = AtomicBool::new(false);

impl StdoutPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        super::common(options);
        let codec = super::codec(context, options, "rubydebug")?;
        Some(Self { codec, begun: Arc::default() })
    }

    fn write(&self, text: &Written) {
        let mut out = std::io::stdout().lock();
        // Asked for within the lock: who is first to write also writes the header.
        let header = if self.begun.swap(true, Ordering::Relaxed) { &[][..] } else { &text.header };
        if let Err(error) =
            out.write_all(header).and_then(|()| out.write_all(&text.events)).and_then(|()| out.flush())
            && !CLOSED.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "nobody reads standard output any more: the stdout output rests");
        }
    }
}

impl Plan for StdoutPlan {
    fn open(&self, _: &Outlet) -> Result<Output, CollectorError> {
        Ok(Output::new(self.clone()))
    }
}

impl Sink for StdoutPlan {
    type Pending = Written;

    fn pending(&self) -> Written {
        Written::default()
    }

    fn encode(&self, event: &Event, to: &mut Written) {
        if CLOSED.load(Ordering::Relaxed) {
            return;
        }
        if to.events.is_empty() {
            to.header.clear();
            self.codec.header(event, &mut to.header);
        }
        self.codec.encode(event, &mut to.events);
    }

    async fn send(&self, text: Written) -> Result<Fates, Undelivered> {
        if !text.events.is_empty() {
            self.write(&text);
        }
        Ok(Fates::default())
    }
}
