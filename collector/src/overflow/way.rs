//! How a batch goes: to its output, or, where that is behind, into the output's queue.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use alces_event::Event;
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::time::timeout;

use super::{Overflow, line::Place};
use crate::{
    account::Account,
    output::{Fates, Outlet, Output, Pending, Undelivered},
    share::{Sending, Share},
};

/// An output that has a place again within this time is not behind.
const PATIENCE: Duration = Duration::from_millis(20);

/// How often it is tried again to write to a queue that takes nothing.
const RETRY: Duration = Duration::from_millis(250);

/// A batch that an output with a queue is to have.
pub(crate) struct Way {
    overflow: Overflow,
    output: Output,
    events: Vec<Event>,
    /// What is to be sent has them already.
    filled: bool,
}

impl Way {
    /// Of a batch that begins.
    pub(crate) fn new(overflow: Overflow, output: Output) -> Self {
        // While the output is far behind, what is to be sent would be made for nothing.
        let filled = !overflow.is_far_behind(&output);
        Self { overflow, output, events: Vec::new(), filled }
    }

    /// Takes an event; true where it is to be made ready for sending as well.
    pub(crate) fn add(&mut self, event: &Event) -> bool {
        self.events.push(event.clone());
        self.filled
    }

    /// Returns when the output has every event, or has put it into the dead-letter queue; or none when they are durable in the output's
    /// queue: then what becomes of them is told to the account.
    pub(crate) async fn go(
        self,
        mut pending: Pending,
        account: &Arc<Account>,
        outlet: &Outlet,
    ) -> Result<Option<Fates>, Undelivered> {
        let Self { overflow, output, events, filled } = self;
        // What is being written to the queue is not given up: it would be there, and with those who send it again.
        let mut turn = outlet.until_given_up(overflow.0.line.turn()).await?;
        let mut free = None;
        if !overflow.is_far_behind(&output) {
            free = timeout(PATIENCE, overflow.free(&output)).await.ok();
        }
        let place = loop {
            if let Some(place) = free {
                break place;
            }
            turn.press().await;
            let share = Share::new(account.clone(), pending.numbers().to_vec(), None);
            if overflow.put(events.clone(), share).await.is_ok() {
                return Ok(None);
            }
            free = outlet.until_given_up(timeout(RETRY, overflow.free(&output))).await?.ok();
        };
        if !filled {
            events.iter().for_each(|event| pending.fill(event));
        }
        let numbers = pending.numbers().to_vec();
        let mut sending = pending.at(place?).send();
        let under_way = turn.enter();
        // Begun before the next batch is decided on.
        if let Poll::Ready(fates) = poll_fn(|context| Poll::Ready(sending.poll_unpin(context))).await {
            return fates.map(Some);
        }
        drop(turn);
        let batch = UnderWay { overflow: overflow.clone(), events, numbers, place: under_way };
        batch.deliver(sending, account, outlet).await
    }
}

/// A batch that is with its output.
struct UnderWay {
    overflow: Overflow,
    events: Vec<Event>,
    numbers: Vec<u32>,
    place: Place,
}

impl UnderWay {
    async fn deliver(
        self,
        mut sending: BoxFuture<'static, Result<Fates, Undelivered>>,
        account: &Arc<Account>,
        outlet: &Outlet,
    ) -> Result<Option<Fates>, Undelivered> {
        let Self { overflow, events, numbers, place } = self;
        let wait = async {
            tokio::select! {
                biased;
                fates = &mut sending => Some(fates),
                () = place.pressed() => None,
            }
        };
        if let Some(fates) = outlet.until_given_up(wait).await? {
            return fates.map(Some);
        }
        let mut place = Some(place);
        let sending = goes_on(sending);
        loop {
            let share = Share::new(account.clone(), numbers.clone(), Some(sending.clone()));
            if overflow.put(events.clone(), share).await.is_ok() {
                return Ok(None);
            }
            // Those behind it need not wait: they cannot be put there either.
            place.take();
            tokio::select! {
                fates = sending.clone() => {
                    return fates.map(|fates| Some(Fates::clone(&fates))).ok_or(Undelivered);
                }
                paused = outlet.pause(RETRY) => paused?,
            }
        }
    }
}

impl Overflow {
    /// Whether more waits in the queue than the output could have under way.
    fn is_far_behind(&self, output: &Output) -> bool {
        *self.0.queue.unsent().borrow() > output.most_under_way() as u64
    }

    /// A place with the output, once nothing waits in the queue that is to come before; an error when it takes nothing more.
    async fn free(&self, output: &Output) -> Result<tokio::sync::OwnedSemaphorePermit, Undelivered> {
        // Who counts lives as long as the queue.
        let _ = self.0.queue.unsent().wait_for(|unsent| *unsent == 0).await;
        output.free().await.ok_or(Undelivered)
    }
}

/// A request that goes on, whether somebody waits for it or not, while its events are in the queue too.
fn goes_on(sending: BoxFuture<'static, Result<Fates, Undelivered>>) -> Sending {
    let sending = tokio::spawn(sending);
    // Should it panic, they come back.
    async move { sending.await.ok()?.ok().map(Arc::new) }.boxed().shared()
}
