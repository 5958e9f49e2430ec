//! Filters and outputs, between an input's window and its acknowledgement.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use alces_event::Event;
use alces_filters::Program;
use futures_util::future::join_all;
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::MissedTickBehavior,
};

use crate::{
    account::{Account, Counts},
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
            // The places of the outputs first: events that nobody can send yet stay in the queue, inputs stop reading, and senders wait.
            let mut retire = self.retire.clone();
            let pending = tokio::select! {
                biased;
                _ = retire.wait_for(|retire| *retire) => return,
                pending = places(self.outputs.clone()) => match pending {
                    Some(pending) => pending,
                    None => return,
                },
            };
            let work = tokio::select! {
                biased;
                _ = retire.wait_for(|retire| *retire) => return,
                _ = flush.tick(), if flushes => self.flush(pending, false),
                batches = self.take() => match batches {
                    Some(batches) => self.work(pending, batches),
                    None => return,
                },
            };
            let mut delivery = Box::pin(work.deliver(self.outlet.clone()));
            // What is delivered at once is delivered here: a task of its own would wake another thread for nothing.
            if poll_fn(|context| Poll::Ready(delivery.as_mut().poll(context).is_pending())).await {
                tokio::spawn(delivery);
            }
        }
    }

    /// Delivers everything that filters hold back, at the end.
    pub(crate) async fn flush_all(&mut self) {
        let Some(pending) = places(self.outputs.clone()).await else { return };
        self.flush(pending, true).deliver(self.outlet.clone()).await;
    }

    fn flush(&mut self, pending: Vec<Pending>, end: bool) -> Work {
        let mut work = Work::new(pending);
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
    fn work(&mut self, pending: Vec<Pending>, batches: Vec<Batch>) -> Work {
        let mut work = Work::new(pending);
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

/// Where the next batch goes, of each output, once all have a place for it.
async fn places(outputs: Arc<Vec<Output>>) -> Option<Vec<Pending>> {
    let mut places = Vec::with_capacity(outputs.len());
    for output in outputs.iter() {
        places.push(output.next().await?);
    }
    Some(places)
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
    fn new(pending: Vec<Pending>) -> Self {
        Self {
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

    /// Writes to all outputs at once; only when all have everything, or it is in their queues on disk, are the batches acknowledged.
    async fn deliver(self, outlet: Outlet) {
        let stats = &outlet.stats;
        let account = Account::new(
            stats,
            Counts {
                held: self.deliveries.iter().map(|delivery| delivery.events).sum(),
                made: self.made,
                dropped: self.dropped,
                on: u64::from(self.events) + self.undecided.len() as u64,
            },
        );
        let Ok(sent) = send(self.pending, self.events, &self.undecided, &account, &outlet).await else {
            if self.deliveries.is_empty() {
                // Filters held them back, whose senders have them no more.
                stats.ledger.change(|accounts| {
                    accounts.made += self.made;
                    accounts.dropped += self.dropped;
                    accounts.lost += self.made - self.dropped;
                });
            }
            return;
        };
        account.tell(sent.fates);
        if !sent.stored {
            let now = (outlet.clock)();
            self.samples.into_iter().for_each(|sample| stats.lags.delivered(sample, now));
        }
        self.deliveries.into_iter().for_each(Delivery::done);
    }
}

/// What came of a batch.
struct Sent {
    fates: Fates,
    /// Some output has it in its queue only.
    stored: bool,
}

/// Writes to all outputs at once, and says what came of it: each event is one, whoever refused it.
async fn send(
    pending: Vec<Pending>,
    events: u32,
    undecided: &[Undecided],
    account: &Arc<Account>,
    outlet: &Outlet,
) -> Result<Sent, Undelivered> {
    let mut sent = Sent { fates: undecided::keep(undecided, outlet)?, stored: false };
    // They have the numbers behind those that went to outputs.
    sent.fates.dead.iter_mut().chain(&mut sent.fates.lost).for_each(|place| *place += events);
    // What one has begun it ends, whatever becomes of the others: half a request would only be made again.
    for of_one in join_all(pending.into_iter().map(|pending| pending.hand_over(account))).await {
        match of_one? {
            Some(fates) => sent.fates.add(fates),
            None => sent.stored = true,
        }
    }
    Ok(sent)
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
