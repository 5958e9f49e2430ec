//! Events into an output: what is to be sent is written event by event, and sent as a whole.

use std::sync::Arc;

use alces_event::Event;
use alces_filters::Label;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Fates, Outlet, Undelivered};
use crate::{
    account::Account,
    overflow::{Overflow, Way},
    plugins::PluginStats,
};

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
    /// Bounds the requests under way, and with them the memory that events take.
    places: Arc<Semaphore>,
    most: usize,
    queued: Option<Queued>,
}

/// What an output has that has a queue on disk.
#[derive(Clone)]
struct Queued {
    overflow: Overflow,
    /// Bounds the batches that are neither delivered nor in the queue.
    hands: Arc<Semaphore>,
    most: usize,
    outlet: Outlet,
}

/// Batches that wait to be written to an output's queue, besides those that workers make and the output has: what they hold is memory.
const WRITING: usize = 4;

impl Output {
    pub(crate) fn new(sink: impl Sink) -> Self {
        let nameless = Label { id: String::new(), name: String::new() };
        Self {
            sink: Arc::new(sink),
            stats: PluginStats::new(nameless),
            places: Arc::new(Semaphore::new(1)),
            most: 1,
            queued: None,
        }
    }

    /// The same output by its name.
    pub(crate) fn labelled(self, label: Label) -> Self {
        Self { stats: PluginStats::new(label), ..self }
    }

    /// The same output with so many batches under way.
    pub(crate) fn with_places(self, places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), most: places, ..self }
    }

    /// The same output with a queue for what it is behind with, when so many workers make batches.
    pub(crate) fn with_queue(self, overflow: Overflow, workers: usize, outlet: Outlet) -> Self {
        self.stats.has_queue(overflow.stats());
        let most = self.most + workers + WRITING;
        let hands = Arc::new(Semaphore::new(most));
        Self { queued: Some(Queued { overflow, hands, most, outlet }), ..self }
    }

    /// What it did.
    pub(crate) fn stats(&self) -> Arc<PluginStats> {
        self.stats.clone()
    }

    /// Its queue on disk.
    pub(crate) fn overflow(&self) -> Option<&Overflow> {
        self.queued.as_ref().map(|queued| &queued.overflow)
    }

    /// Batches that it may have under way.
    pub(crate) fn most_under_way(&self) -> usize {
        self.most
    }

    /// Nothing to be sent yet.
    pub(crate) fn pending(&self) -> Pending {
        let fill = self.sink.clone().begin();
        Pending { fill, numbers: Vec::new(), stats: self.stats.clone(), place: None, way: None }
    }

    /// A place for one more under way, once it is free; none where the pipeline is at its end.
    pub(crate) async fn free(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// Nothing to be sent yet, with a place.
    pub(crate) async fn place(&self) -> Option<Pending> {
        let place = self.free().await?;
        Some(self.pending().at(place))
    }

    /// The next batch, once there may be one more.
    pub(crate) async fn next(&self) -> Option<Pending> {
        let Some(Queued { overflow, hands, outlet, .. }) = &self.queued else { return self.place().await };
        let hand = hands.clone().acquire_owned().await.ok()?;
        let way = Way::new(overflow.clone(), self.clone());
        Some(Pending { way: Some((way, outlet.clone(), hand)), ..self.pending() })
    }

    /// Returns when nothing is under way.
    pub(crate) async fn idle(&self) {
        if let Some(Queued { hands, most, .. }) = &self.queued {
            drop(hands.acquire_many(*most as u32).await);
        }
        drop(self.places.acquire_many(self.most as u32).await);
    }
}

/// What an output is to send.
pub(crate) struct Pending {
    fill: Box<dyn Fill>,
    /// The numbers of its events among all that go to any output.
    numbers: Vec<u32>,
    stats: Arc<PluginStats>,
    /// Given back when it is sent.
    place: Option<OwnedSemaphorePermit>,
    /// Where the output has a queue: what decides how it goes, and what is given back when it is gone.
    way: Option<(Way, Outlet, OwnedSemaphorePermit)>,
}

impl Pending {
    /// Appends an event, which has this number among all of its batch.
    pub(crate) fn add(&mut self, event: &Event, number: u32) {
        self.numbers.push(number);
        if self.way.as_mut().is_none_or(|(way, ..)| way.add(event)) {
            self.fill(event);
        }
    }

    /// Makes an event ready that has its number already.
    pub(crate) fn fill(&mut self, event: &Event) {
        self.fill.add(event);
    }

    /// The numbers of its events among all that go to any output.
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The same with a place.
    pub(crate) fn at(self, place: OwnedSemaphorePermit) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Returns when the output has every event, or has put it into the dead-letter queue; by the events' numbers.
    pub(crate) fn send(self) -> BoxFuture<'static, Result<Fates, Undelivered>> {
        let Self { fill, numbers, stats, place, .. } = self;
        Box::pin(async move {
            let ticket = stats.begin(numbers.len() as u64);
            let mut fates = fill.send().await?;
            stats.refuse((fates.dead.len() + fates.lost.len()) as u64);
            ticket.done();
            for place in fates.dead.iter_mut().chain(&mut fates.lost) {
                *place = numbers.get(*place as usize).copied().unwrap_or(*place);
            }
            drop(place);
            Ok(fates)
        })
    }

    /// The same, or returns none when the events are durable in the output's queue: then what becomes of them is told to the account.
    pub(crate) async fn hand_over(mut self, account: &Arc<Account>) -> Result<Option<Fates>, Undelivered> {
        match self.way.take() {
            Some((way, outlet, _hand)) if !self.numbers.is_empty() => way.go(self, account, &outlet).await,
            _ => self.send().await.map(Some),
        }
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
