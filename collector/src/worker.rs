//! Filters and outputs, between an input's window and its acknowledgement.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use alces_event::Event;
use alces_filters::Program;
use futures_util::future::try_join_all;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::MissedTickBehavior,
};

use crate::{
    batch::{Batch, Delivery},
    lag::{Fields, Sample},
    output::{Fates, Outlet, Output, Pending, Undelivered},
    plan::Route,
    undecided::{self, Undecided},
};

/// Windows that are waiting arrive here together up to this many events, so that many small windows become one request.
const BATCH_EVENTS: usize = 2048;

/// How often filters are asked for what they hold back, as in Logstash.
const FLUSH_EVERY: Duration = Duration::from_secs(5);

/// Everything a worker needs; workers share all but the program, whose scratch space is each one's own.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) batches: Arc<Mutex<mpsc::Receiver<Batch>>>,
    pub(crate) program: Program,
    pub(crate) outputs: Arc<Vec<Output>>,
    pub(crate) routes: Arc<Vec<Route>>,
    pub(crate) outlet: Outlet,
    /// Bounds the requests under way, and with them the memory that events take: when it is used up, workers wait, the
    /// queue fills, inputs stop reading, and senders wait.
    pub(crate) under_way: Arc<Semaphore>,
    /// Turns true when others take over: what is begun is finished, and nothing more is taken.
    pub(crate) retire: watch::Receiver<bool>,
    /// Where events name their hosts.
    pub(crate) hosts: Fields,
}

impl Worker {
    /// Works until the queue is closed and empty, or others take over. One of the workers, the `flushes` one, also asks the filters every few seconds
    /// for what they held back and is due; what they hold is shared between workers.
    pub(crate) async fn run(mut self, flushes: bool) {
        let mut flush = tokio::time::interval(FLUSH_EVERY);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once.
        flush.tick().await;
        loop {
            // The place in the window of requests first: events that nobody can send yet stay in the queue.
            let mut retire = self.retire.clone();
            let permit = tokio::select! {
                biased;
                _ = retire.wait_for(|retire| *retire) => return,
                permit = self.under_way.clone().acquire_owned() => match permit {
                    Ok(permit) => permit,
                    Err(_) => return,
                },
            };
            let work = tokio::select! {
                biased;
                _ = retire.wait_for(|retire| *retire) => return,
                _ = flush.tick(), if flushes => self.flush(false),
                batches = self.take() => match batches {
                    Some(batches) => self.work(batches),
                    None => return,
                },
            };
            let mut delivery = Box::pin(work.deliver(self.outlet.clone(), permit));
            // What is delivered at once is delivered here: a task of its own would wake another thread for nothing.
            if poll_fn(|context| Poll::Ready(delivery.as_mut().poll(context).is_pending())).await {
                tokio::spawn(delivery);
            }
        }
    }

    /// Delivers everything that filters hold back, at the end.
    pub(crate) async fn flush_all(&mut self) {
        let Ok(permit) = self.under_way.clone().acquire_owned().await else { return };
        self.flush(true).deliver(self.outlet.clone(), permit).await;
    }

    fn flush(&mut self, end: bool) -> Work {
        let mut work = self.no_work();
        let mut made = Vec::new();
        self.program.flush(end, &mut made);
        let mut to = Vec::new();
        work.made += made.len() as u64;
        made.iter().for_each(|event| self.finish(event, &mut to, &mut work));
        self.keep_undecided(&mut work);
        work
    }

    async fn take(&self) -> Option<Vec<Batch>> {
        let mut queue = self.batches.lock().await;
        let mut batches = vec![queue.recv().await?];
        let mut events: usize = batches.iter().map(|batch| batch.len).sum();
        while events < BATCH_EVENTS
            && let Ok(next) = queue.try_recv()
        {
            events += next.len;
            batches.push(next);
        }
        Some(batches)
    }

    /// One event after the other through filters and into what the outputs are to send; what comes out no longer needs the
    /// events.
    fn work(&mut self, batches: Vec<Batch>) -> Work {
        let mut work = self.no_work();
        let (mut made, mut to) = (Vec::new(), Vec::new());
        for batch in batches {
            let mut came = 0;
            for mut event in batch.events {
                came += 1;
                match self.program.run(&mut event, &mut made) {
                    Ok(()) => self.finish(&event, &mut to, &mut work),
                    Err(why) => work.undecided.push(Undecided::new(&event, &why)),
                }
                // Made of this event, and acknowledged with it.
                work.made += made.len() as u64;
                made.drain(..).for_each(|event| self.finish(&event, &mut to, &mut work));
                self.keep_undecided(&mut work);
            }
            self.program.publish();
            // A codec may make several events of one that was sent, or none.
            work.made += u64::saturating_sub(came, batch.delivery.events);
            work.dropped += batch.delivery.events.saturating_sub(came);
            work.deliveries.push(batch.delivery);
        }
        work
    }

    fn no_work(&self) -> Work {
        let pending = self.outputs.iter().map(Output::pending).collect();
        Work {
            pending,
            events: 0,
            made: 0,
            dropped: 0,
            undecided: Vec::new(),
            deliveries: Vec::new(),
            samples: Vec::new(),
            sampled: 0,
        }
    }

    fn keep_undecided(&mut self, work: &mut Work) {
        let undecided = self.program.take_undecided();
        work.made += undecided.len() as u64;
        work.undecided.extend(undecided.iter().map(|(event, why)| Undecided::new(event, why)));
    }

    fn finish(&self, event: &Event, to: &mut Vec<usize>, work: &mut Work) {
        if event.is_cancelled() {
            work.dropped += 1;
            return;
        }
        to.clear();
        if let Err(why) = route(&self.routes, event, to) {
            work.undecided.push(Undecided::new(event, &why));
            return;
        }
        let number = work.events;
        work.events += 1;
        self.outlet.stats.taps.see(event);
        if work.sampled < work.deliveries.len() + 1 {
            work.samples.push(Sample::of(event, &self.hosts));
            work.sampled = work.deliveries.len() + 1;
        }
        for output in to {
            if let Some(pending) = work.pending.get_mut(*output) {
                pending.add(event, number);
            }
        }
    }
}

/// What came of some batches, to be sent.
struct Work {
    /// For each output.
    pending: Vec<Pending>,
    /// Those that outputs are to have.
    events: u32,
    /// Of them and the others, those that filters made.
    made: u64,
    dropped: u64,
    /// Events for which a condition could not be decided.
    undecided: Vec<Undecided>,
    deliveries: Vec<Delivery>,
    /// One event of each batch, to tell how late it is delivered, and how many batches have one.
    samples: Vec<Sample>,
    sampled: usize,
}

impl Work {
    /// Writes to all outputs at once; only when all have everything are the batches acknowledged.
    async fn deliver(self, outlet: Outlet, permit: OwnedSemaphorePermit) {
        let stats = &outlet.stats;
        let (made, dropped) = (self.made, self.dropped);
        let sent = send(self.pending, &self.undecided, &outlet).await;
        let Ok(fates) = sent else {
            if self.deliveries.is_empty() {
                // Filters held them back, whose senders have them no more.
                stats.ledger.change(|accounts| {
                    accounts.made += made;
                    accounts.dropped += dropped;
                    accounts.lost += made - dropped;
                });
            }
            return;
        };
        let (dead, lost) = fates;
        let held: u64 = self.deliveries.iter().map(|delivery| delivery.events).sum();
        stats.ledger.change(|accounts| {
            accounts.let_go(held);
            accounts.made += made;
            accounts.dropped += dropped;
            accounts.dead_lettered += dead;
            accounts.lost += lost;
            accounts.acknowledged += u64::from(self.events) + self.undecided.len() as u64 - dead - lost;
        });
        let now = (outlet.clock)();
        self.samples.into_iter().for_each(|sample| stats.lags.delivered(sample, now));
        self.deliveries.into_iter().for_each(Delivery::done);
        drop(permit);
    }
}

/// Writes to all outputs at once. How many events of them all are dead letters, and how many lost: each is one, whoever refused it.
async fn send(
    pending: Vec<Pending>,
    undecided: &[Undecided],
    outlet: &Outlet,
) -> Result<(u64, u64), Undelivered> {
    let undecided = undecided::keep(undecided, outlet)?;
    let mut fates = Fates::default();
    try_join_all(pending.into_iter().map(Pending::send))
        .await?
        .into_iter()
        .for_each(|of_one| fates.add(of_one));
    let (dead, lost) = fates.count();
    Ok((dead + undecided.dead.len() as u64, lost + undecided.lost.len() as u64))
}

/// The outputs that an event goes to, all of them before the first has it.
fn route(routes: &[Route], event: &Event, to: &mut Vec<usize>) -> Result<(), alces_filters::Undecided> {
    for step in routes {
        match step {
            Route::To(output) => to.push(*output),
            Route::If(branches) => {
                for (condition, body) in branches {
                    let holds = match condition {
                        Some(condition) => condition.holds(event)?,
                        None => true,
                    };
                    if holds {
                        route(body, event, to)?;
                        break;
                    }
                }
            }
        }
    }
    Ok(())
}
