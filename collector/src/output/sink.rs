//! Events into an output: what is to be sent is written event by event, and sent as a whole.

use std::{future::pending, sync::Arc};

use alces_event::Event;
use alces_filters::Label;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Fates, Undelivered};
use crate::{
    account::Account,
    overflow::{self, Overflow},
    plugins::PluginStats,
    share::Share,
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
    overflow: Option<Overflow>,
}

impl Output {
    pub(crate) fn new(sink: impl Sink) -> Self {
        let nameless = Label { id: String::new(), name: String::new() };
        Self {
            sink: Arc::new(sink),
            stats: PluginStats::new(nameless),
            places: Arc::new(Semaphore::new(1)),
            overflow: None,
        }
    }

    /// The same output by its name.
    pub(crate) fn labelled(self, label: Label) -> Self {
        Self { stats: PluginStats::new(label), ..self }
    }

    /// The same output with so many batches under way, and a queue for what is more.
    pub(crate) fn with_places(self, places: usize, overflow: Option<Overflow>) -> Self {
        if let Some(overflow) = &overflow {
            self.stats.has_queue(overflow.stats());
        }
        Self { places: Arc::new(Semaphore::new(places)), overflow, ..self }
    }

    /// What it did.
    pub(crate) fn stats(&self) -> Arc<PluginStats> {
        self.stats.clone()
    }

    /// Its queue on disk.
    pub(crate) fn overflow(&self) -> Option<&Overflow> {
        self.overflow.as_ref()
    }

    /// Nothing to be sent yet.
    pub(crate) fn pending(&self) -> Pending {
        self.begin(Way::Now)
    }

    fn begin(&self, way: Way) -> Pending {
        let fill = self.sink.clone().begin();
        Pending { fill, numbers: Vec::new(), stats: self.stats.clone(), way, place: None }
    }

    /// The same, once a place is free; none where the pipeline is at its end.
    pub(crate) async fn place(&self) -> Option<Pending> {
        let place = self.places.clone().acquire_owned().await.ok()?;
        Some(Pending { place: Some(place), ..self.pending() })
    }

    /// Where the next batch goes: to the output, once a place is free, or, where it has a queue on disk and is behind, into that.
    pub(crate) async fn next(&self) -> Option<Pending> {
        let Some(overflow) = &self.overflow else { return self.place().await };
        if !overflow.is_behind()
            && let Ok(place) = self.places.clone().try_acquire_owned()
        {
            let way =
                Way::Kept { pressed: overflow.pressed(), overflow: overflow.clone(), events: Vec::new() };
            return Some(Pending { place: Some(place), ..self.begin(way) });
        }
        let place = overflow.place().await?;
        let way = Way::Later { overflow: overflow.clone(), events: Vec::new() };
        Some(Pending { place: Some(place), ..self.begin(way) })
    }

    /// Returns when nothing is under way, of so many places.
    pub(crate) async fn idle(&self, places: usize) {
        drop(self.places.acquire_many(places as u32).await);
        if let Some(overflow) = &self.overflow {
            overflow.written().await;
        }
    }
}

/// Where a batch goes.
enum Way {
    /// To the output.
    Now,
    /// To the output; but where that gets behind meanwhile, into its queue as well.
    Kept { overflow: Overflow, events: Vec<Event>, pressed: watch::Receiver<()> },
    /// Into the output's queue.
    Later { overflow: Overflow, events: Vec<Event> },
}

/// What an output is to send.
pub(crate) struct Pending {
    fill: Box<dyn Fill>,
    /// The numbers of its events among all that go to any output.
    numbers: Vec<u32>,
    stats: Arc<PluginStats>,
    way: Way,
    /// Given back when it is sent, or stored.
    place: Option<OwnedSemaphorePermit>,
}

impl Pending {
    /// Appends an event, which has this number among all of its batch.
    pub(crate) fn add(&mut self, event: &Event, number: u32) {
        self.numbers.push(number);
        match &mut self.way {
            Way::Now => self.fill.add(event),
            Way::Kept { events, .. } => {
                self.fill.add(event);
                events.push(event.clone());
            }
            Way::Later { events, .. } => events.push(event.clone()),
        }
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
        if self.numbers.is_empty() {
            return self.send().await.map(Some);
        }
        match std::mem::replace(&mut self.way, Way::Now) {
            Way::Now => self.send().await.map(Some),
            Way::Kept { overflow, events, mut pressed } => {
                let numbers = self.numbers.clone();
                let mut sending = self.send();
                let pressed = async {
                    if pressed.changed().await.is_err() {
                        pending::<()>().await;
                    }
                };
                tokio::select! {
                    biased;
                    fates = &mut sending => return fates.map(Some),
                    () = pressed => {}
                }
                let share = Share::new(account.clone(), numbers, Some(overflow::goes_on(sending)));
                overflow.store(events, share).await?;
                Ok(None)
            }
            Way::Later { overflow, events } => {
                overflow.store(events, Share::new(account.clone(), self.numbers, None)).await?;
                drop(self.place);
                Ok(None)
            }
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
