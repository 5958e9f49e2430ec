//! Filters and outputs, between an input's window and its acknowledgement.

use std::sync::Arc;

use alces_event::Event;
use alces_filters::Program;
use futures_util::future::try_join_all;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{
    Stats,
    batch::{Batch, Delivery},
    output::{Output, Undelivered},
    plan::Route,
};

/// Windows that are waiting arrive here together up to this many events, so that many small windows become one request.
const BATCH_EVENTS: usize = 2048;

/// Everything a worker needs; workers share all but the program, whose scratch space is each one's own.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) batches: Arc<Mutex<mpsc::Receiver<Batch>>>,
    pub(crate) program: Program,
    pub(crate) outputs: Arc<Vec<Output>>,
    pub(crate) routes: Arc<Vec<Route>>,
    pub(crate) stats: Arc<Stats>,
    /// Bounds the requests under way, and with them the memory that events take: when it is used up, workers wait, the
    /// queue fills, inputs stop reading, and senders wait.
    pub(crate) under_way: Arc<Semaphore>,
}

impl Worker {
    /// Works until the queue is closed and empty.
    pub(crate) async fn run(mut self) {
        loop {
            // The place in the window of requests first: events that nobody can send yet stay in the queue.
            let Ok(permit) = self.under_way.clone().acquire_owned().await else { return };
            let Some((mut events, deliveries)) = self.take().await else { return };
            let mut made = Vec::new();
            for event in &mut events {
                self.program.run(event, &mut made);
            }
            let before = events.len();
            events.retain(|event| !event.is_cancelled());
            let dropped = before - events.len();
            // Made of events of this batch, and acknowledged with it.
            events.append(&mut made);
            tokio::spawn(deliver(
                events,
                dropped,
                deliveries,
                self.outputs.clone(),
                self.routes.clone(),
                self.stats.clone(),
                permit,
            ));
        }
    }

    async fn take(&self) -> Option<(Vec<Event>, Vec<Delivery>)> {
        let mut queue = self.batches.lock().await;
        let Batch { mut events, delivery } = queue.recv().await?;
        let mut deliveries = vec![delivery];
        while events.len() < BATCH_EVENTS
            && let Ok(next) = queue.try_recv()
        {
            events.extend(next.events);
            deliveries.push(next.delivery);
        }
        Some((events, deliveries))
    }
}

/// Writes to all outputs at once; only when all have everything is the batch acknowledged.
async fn deliver(
    events: Vec<Event>,
    dropped: usize,
    deliveries: Vec<Delivery>,
    outputs: Arc<Vec<Output>>,
    routes: Arc<Vec<Route>>,
    stats: Arc<Stats>,
    permit: OwnedSemaphorePermit,
) {
    let mut chosen: Vec<Vec<&Event>> = vec![Vec::new(); outputs.len()];
    for event in &events {
        route(&routes, event, &mut |output| chosen[output].push(event));
    }
    let writes = outputs.iter().zip(&chosen).filter(|(_, events)| !events.is_empty());
    let written: Result<Vec<()>, Undelivered> =
        try_join_all(writes.map(|(output, events)| output.write(events))).await;
    if written.is_ok() {
        stats.dropped.add(dropped as u64);
        stats.acknowledged.add(events.len() as u64);
        deliveries.into_iter().for_each(Delivery::done);
    }
    drop(permit);
}

fn route(routes: &[Route], event: &Event, to: &mut dyn FnMut(usize)) {
    for step in routes {
        match step {
            Route::To(output) => to(*output),
            Route::If(branches) => {
                let taken =
                    branches.iter().find(|(condition, _)| condition.as_ref().is_none_or(|c| c.holds(event)));
                if let Some((_, body)) = taken {
                    route(body, event, to);
                }
            }
        }
    }
}
