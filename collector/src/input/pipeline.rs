//! `pipeline`: what another pipeline of this process sends to an address (Logstash's pipeline-to-pipeline communication).

use std::sync::Arc;

use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;
use futures_util::future::BoxFuture;
use tracing::error;

use super::{Bound, Decoration, Input, Intake, Site};
use crate::{
    CollectorError,
    batch::{Batch, Delivered},
};

/// A checked `pipeline { … }`.
#[derive(Clone, Debug)]
pub(crate) struct PipelinePlan {
    address: String,
    decoration: Decoration,
}

impl PipelinePlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context).without_original();
        options.no_effect("codec", "events come as they are");
        let address = options.text("address").map(|address| address.node);
        if address.is_none() && !options.is_given("address") {
            options
                .error_here("pipeline wants `address => \"name\"`, which another pipeline's output sends to");
        }
        Self { address: address.unwrap_or_default(), decoration }
    }

    async fn run(self, mut intake: Intake) {
        let mut stop = intake.stop.clone();
        let bus = intake.bus.clone();
        let mut door = Door { intake: intake.clone(), decoration: Arc::new(self.decoration) };
        let mut said = false;
        let opened = loop {
            match bus.open(&self.address, door) {
                Ok(opened) => break opened,
                Err(back) => door = back,
            }
            // At a reload the one before lets go soon.
            if !said {
                error!(address = %self.address, "another pipeline input stands behind this address: waiting for it to go");
                said = true;
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = bus.free(&self.address) => {}
            }
        };
        let _ = intake.stop.wait_for(|stop| *stop).await;
        // Those that send here are told to stop as well, and have something left to deliver.
        opened.unused().await;
    }
}

impl Input for PipelinePlan {
    fn bind<'b>(&'b self, _: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        let plan = self.clone();
        Box::pin(async { Ok(Bound::new(|intake| plan.run(intake))) })
    }
}

/// The way into a pipeline for the events of another.
#[derive(Clone)]
pub(crate) struct Door {
    intake: Intake,
    decoration: Arc<Decoration>,
}

impl Door {
    /// Hands events on; the promise is kept when the pipeline has delivered them. None where the pipeline has ended.
    pub(crate) async fn send(&self, events: Arc<Vec<Event>>) -> Option<Delivered> {
        let len = events.len();
        let decoration = self.decoration.clone();
        let each = (0..len).filter_map(move |at| events.get(at).cloned()).map(move |mut event| {
            decoration.apply(&mut event);
            event
        });
        let (batch, delivered) = Batch::new(len, each);
        self.intake.out.send(batch).await.ok()?;
        Some(delivered)
    }
}
