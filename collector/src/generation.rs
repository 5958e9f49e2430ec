//! Filters and outputs of one plan at work. A reload puts a new generation in the place of the one before, which finishes what it
//! has begun.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use alces_filters::Clock;
use tokio::{
    sync::{Mutex, mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tracing::warn;

use crate::{
    CollectorError, Plan, Stats,
    batch::Batch,
    dlq::DeadLetterQueue,
    lag::Fields,
    output::{Outlet, Output},
    overflow::Overflows,
    pipes::Bus,
    plugins::{PluginStats, Plugins},
    stall,
    worker::Worker,
};

/// The queue that inputs fill and workers empty.
pub(crate) type Queue = Arc<Mutex<mpsc::Receiver<Batch>>>;

/// What a pipeline's inputs and outputs share, from one generation to the next.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: Clock,
    pub(crate) dlq: DeadLetterQueue,
    pub(crate) bus: Bus,
    /// The queues of outputs, where the pipeline has one on disk.
    pub(crate) overflows: Option<Arc<Overflows>>,
}

/// The workers of one plan, with their outputs.
pub(crate) struct Generation {
    worker: Worker,
    workers: usize,
    working: JoinSet<()>,
    /// Those who deliver what is in the outputs' queues.
    draining: JoinSet<()>,
    retire: watch::Sender<bool>,
    /// The same for those who deliver what is in the outputs' queues.
    leave: watch::Sender<bool>,
    give_up: watch::Sender<bool>,
    watch: Option<AbortOnDrop>,
}

impl Generation {
    /// Opens the plan's outputs; nothing is taken out of the queue yet.
    pub(crate) fn open(
        plan: Plan,
        workers: usize,
        queue: &Queue,
        world: &World,
    ) -> Result<Self, CollectorError> {
        let (give_up, giving_up) = watch::channel(false);
        let (retire, retiring) = watch::channel(false);
        let World { stats, clock, dlq, bus, overflows } = world.clone();
        let outlet = Outlet { stats, clock, dlq, bus, give_up: giving_up };
        let places = places(workers, plan.outputs.len(), overflows.is_some());
        let overflows = match overflows {
            Some(overflows) => overflows.of(&plan.identities(), world)?,
            None => plan.outputs.iter().map(|_| None).collect(),
        };
        let mut outputs = Vec::new();
        for (output, overflow) in plan.outputs.into_iter().zip(overflows) {
            let output = output.open(&outlet)?.with_places(places);
            outputs.push(match overflow {
                Some(overflow) => output.with_queue(overflow, workers, outlet.clone()),
                None => output,
            });
        }
        let worker = Worker {
            batches: queue.clone(),
            program: plan.program.for_worker(nanos),
            outputs: Arc::new(outputs),
            routes: Arc::new(plan.routes),
            outlet,
            retire: retiring,
            hosts: Fields::default(),
        };
        Ok(Self {
            worker,
            workers,
            working: JoinSet::new(),
            draining: JoinSet::new(),
            retire,
            leave: watch::channel(false).0,
            give_up,
            watch: None,
        })
    }

    /// Begins to work.
    pub(crate) fn start(&mut self) {
        // Threads of their own: filters compute for milliseconds at a time. On the runtime's threads they would hold up the
        // network, and a worker woken by another would wait for it (a task in tokio's LIFO slot is not stolen).
        let runtime = tokio::runtime::Handle::current();
        let mut posts = Vec::new();
        for number in 0..self.workers {
            let (runtime, mut worker) = (runtime.clone(), self.worker.clone());
            worker.program = worker.program.for_worker(nanos);
            posts.push(worker.program.post());
            self.working.spawn_blocking(move || runtime.block_on(worker.run(number == 0)));
        }
        for output in self.worker.outputs.iter() {
            if let Some(overflow) = output.overflow().cloned() {
                self.draining.spawn(overflow.drain(output.clone(), self.leave.subscribe()));
            }
        }
        let plugins = self.plugins(Vec::new());
        self.watch = Some(AbortOnDrop(tokio::spawn(stall::watch(plugins, posts))));
    }

    /// What its plugins did, with those of the inputs.
    pub(crate) fn plugins(&self, inputs: Vec<Arc<PluginStats>>) -> Plugins {
        Plugins {
            inputs,
            filters: self.worker.program.filters(),
            outputs: self.worker.outputs.iter().map(Output::stats).collect(),
            workers: self.workers,
            queue: None,
        }
    }

    /// Returns when all workers have ended: when the queue is closed and empty. May be asked again.
    pub(crate) async fn ended(&mut self) {
        while self.working.join_next().await.is_some() {}
    }

    /// Takes nothing more; returns when the last worker has put down its tools, in milliseconds. What it has begun to send is still
    /// under way.
    pub(crate) async fn retire(&mut self) {
        let _ = self.retire.send(true);
        let _ = self.leave.send(true);
        self.ended().await;
        self.drained().await;
    }

    /// Returns when those who empty the outputs' queues have ended: when these are closed and empty. May be asked again.
    pub(crate) async fn drained(&mut self) {
        while self.draining.join_next().await.is_some() {}
    }

    /// When the workers have ended, hands out what filters hold back; returns when nothing is under way: all is with the outputs, or in
    /// their queues.
    pub(crate) async fn finish(&mut self) {
        self.ended().await;
        self.worker.flush_all().await;
        for output in self.worker.outputs.iter() {
            output.idle().await;
        }
    }

    /// Delivers what is under way and what filters hold back, for so long; the rest stays unacknowledged.
    pub(crate) async fn settle(mut self, drain: Duration) {
        // What is in their queues stays there.
        let _ = self.leave.send(true);
        let all = async {
            self.drained().await;
            self.finish().await;
        };
        if timeout(drain, all).await.is_err() {
            warn!(
                "what is not delivered stays unacknowledged: its senders will send it again, but for those that wait for no acknowledgement"
            );
            let _ = self.give_up.send(true);
            let _ = self.retire.send(true);
        }
    }
}

/// Batches that an output may have under way, or that wait for it: what they hold is memory. One among others has a queue: on disk, or a short one
/// here, so that they do not wait for it at once.
fn places(workers: usize, outputs: usize, on_disk: bool) -> usize {
    let under_way = workers * 2;
    if outputs > 1 && !on_disk { under_way * 4 } else { under_way }
}

/// A task that ends with what it belongs to.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Nanoseconds since the first call.
fn nanos() -> u64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGIN.elapsed().as_nanos() as u64
}
