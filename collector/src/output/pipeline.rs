//! `pipeline`: events to other pipelines of this process (Logstash's pipeline-to-pipeline communication). They are delivered when every
//! pipeline has delivered them.

use std::{sync::Arc, time::Duration};

use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;
use futures_util::future::try_join_all;
use tracing::warn;

use super::{Fates, Outlet, Output, Plan, Sink, Undelivered, outlet::Backoff};
use crate::{CollectorError, pipes::Sending};

/// A checked `pipeline { … }`.
#[derive(Clone, Debug)]
pub(crate) struct PipelinePlan {
    send_to: Vec<String>,
    ensure_delivery: bool,
}

impl PipelinePlan {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        super::common(options);
        options.no_effect("codec", "events go as they are");
        let send_to: Vec<_> =
            options.texts("send_to").unwrap_or_default().into_iter().map(|text| text.node).collect();
        if send_to.is_empty() {
            options.error_here(
                "pipeline wants `send_to => [\"name\"]`, the address of another pipeline's input",
            );
        }
        let ensure_delivery = options.boolean("ensure_delivery").unwrap_or(true);
        (!send_to.is_empty()).then_some(Self { send_to, ensure_delivery })
    }
}

impl Plan for PipelinePlan {
    fn open(&self, outlet: &Outlet) -> Result<Output, CollectorError> {
        let ways = self.send_to.iter().map(|address| outlet.bus.sends_to(address)).collect();
        Ok(Output::new(PipelineOutput {
            ways,
            ensure_delivery: self.ensure_delivery,
            outlet: outlet.clone(),
        }))
    }
}

struct PipelineOutput {
    ways: Vec<Sending>,
    ensure_delivery: bool,
    outlet: Outlet,
}

impl Sink for PipelineOutput {
    type Pending = Vec<Event>;

    fn pending(&self) -> Vec<Event> {
        Vec::new()
    }

    fn encode(&self, event: &Event, to: &mut Vec<Event>) {
        to.push(event.clone());
    }

    async fn send(&self, events: Vec<Event>) -> Result<Fates, Undelivered> {
        let mut fates = Fates::default();
        if events.is_empty() {
            return Ok(fates);
        }
        let events = Arc::new(events);
        let sent = try_join_all(self.ways.iter().map(|way| self.send_to(way, &events))).await?;
        sent.into_iter().for_each(|of_way| fates.add(of_way));
        Ok(fates)
    }
}

impl PipelineOutput {
    /// Sends until the pipeline has delivered all; what it had when it ended goes to the one that takes its place.
    async fn send_to(&self, way: &Sending, events: &Arc<Vec<Event>>) -> Result<Fates, Undelivered> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            let door = match way.door() {
                Some(door) => door,
                None if !self.ensure_delivery => {
                    // As Logstash's: who says so does not want to wait.
                    return Ok(Fates { lost: (0..).take(events.len()).collect(), ..Fates::default() });
                }
                None => {
                    warn!(
                        address = way.address(),
                        "no pipeline input stands behind this address: waiting for one"
                    );
                    self.outlet.until_given_up(way.wait()).await?
                }
            };
            let sent = async {
                match door.send(events.clone()).await {
                    Some(delivered) => delivered.await.is_ok(),
                    None => false,
                }
            };
            if self.outlet.until_given_up(sent).await? {
                return Ok(Fates::default());
            }
            self.outlet.stats.retries.add(1);
            self.outlet.pause(backoff.wait()).await?;
        }
    }
}
