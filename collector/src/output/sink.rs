//! Events into an output: what is to be sent is written event by event, and sent as a whole.

use std::sync::Arc;

use alces_event::Event;
use alces_filters::Label;
use futures_util::future::BoxFuture;

use super::{Fates, Undelivered};
use crate::plugins::PluginStats;

/// A running output. Its parts of a batch are filled by one worker each and sent by several at once.
pub(crate) trait Sink: Send + Sync + Sized + 'static {
    /// What is to be sent: events as the output writes them. They are gone by then.
    type Pending: Send;

    /// Nothing to be sent yet.
    fn pending(&self) -> Self::Pending;

    /// Appends an event to what is to be sent.
    fn encode(&self, event: &Event, to: &mut Self::Pending);

    /// Returns when the output has every event, or has put it into the dead-letter queue; places are in the order of [`Sink::encode`].
    fn send(&self, pending: Self::Pending) -> impl Future<Output = Result<Fates, Undelivered>> + Send;
}

/// A running output, whatever it is. What is done for each event costs one call through a table, and no allocation.
#[derive(Clone)]
pub(crate) struct Output {
    sink: Arc<dyn Begin>,
    stats: Arc<PluginStats>,
}

impl Output {
    pub(crate) fn new(sink: impl Sink) -> Self {
        let nameless = Label { id: String::new(), name: String::new() };
        Self { sink: Arc::new(sink), stats: PluginStats::new(nameless) }
    }

    /// The same output by its name.
    pub(crate) fn labelled(self, label: Label) -> Self {
        Self { stats: PluginStats::new(label), ..self }
    }

    /// What it did.
    pub(crate) fn stats(&self) -> Arc<PluginStats> {
        self.stats.clone()
    }

    /// Nothing to be sent yet.
    pub(crate) fn pending(&self) -> Pending {
        Pending { fill: self.sink.clone().begin(), numbers: Vec::new(), stats: self.stats.clone() }
    }
}

/// What an output is to send.
pub(crate) struct Pending {
    fill: Box<dyn Fill>,
    /// The numbers of its events among all that go to any output.
    numbers: Vec<u32>,
    stats: Arc<PluginStats>,
}

impl Pending {
    /// Appends an event, which has this number among all of its batch.
    pub(crate) fn add(&mut self, event: &Event, number: u32) {
        self.numbers.push(number);
        self.fill.add(event);
    }

    /// Returns when the output has every event, or has put it into the dead-letter queue; by the events' numbers.
    pub(crate) async fn send(self) -> Result<Fates, Undelivered> {
        let ticket = self.stats.begin(self.numbers.len() as u64);
        let mut fates = self.fill.send().await?;
        self.stats.refuse((fates.dead.len() + fates.lost.len()) as u64);
        ticket.done();
        for place in fates.dead.iter_mut().chain(&mut fates.lost) {
            *place = self.numbers.get(*place as usize).copied().unwrap_or(*place);
        }
        Ok(fates)
    }
}

trait Begin: Send + Sync {
    fn begin(self: Arc<Self>) -> Box<dyn Fill>;
}

trait Fill: Send {
    fn add(&mut self, event: &Event);
    fn send(self: Box<Self>) -> BoxFuture<'static, Result<Fates, Undelivered>>;
}

struct Filled<S: Sink> {
    sink: Arc<S>,
    pending: S::Pending,
}

impl<S: Sink> Begin for S {
    fn begin(self: Arc<Self>) -> Box<dyn Fill> {
        Box::new(Filled { pending: self.pending(), sink: self })
    }
}

impl<S: Sink> Fill for Filled<S> {
    fn add(&mut self, event: &Event) {
        self.sink.encode(event, &mut self.pending);
    }

    fn send(self: Box<Self>) -> BoxFuture<'static, Result<Fates, Undelivered>> {
        Box::pin(async move { self.sink.send(self.pending).await })
    }
}
