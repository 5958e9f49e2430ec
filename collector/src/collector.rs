//! The collector's parts, put together.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use alces_filters::Clock;
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tracing::{info, warn};

use crate::{
    CollectorError, Plan, Stats,
    dlq::DeadLetterQueue,
    input::{Bound, Intake},
    output::Outlet,
    worker::Worker,
};

/// What a collector is told besides its pipeline.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The pipeline's name.
    pub id: String,
    /// Where the dead-letter queue is kept.
    pub data_dir: PathBuf,
    /// Threads of filters; each has at most two requests under way.
    pub workers: usize,
    /// Whether listeners beyond loopback may speak without TLS.
    pub allow_plaintext: bool,
    /// How large the dead-letter queue may be.
    pub dead_letters: alces_dlq::Limits,
    /// How long windows under way are waited for at shutdown.
    pub drain: Duration,
}

impl Settings {
    /// The usual settings with the dead-letter queue in `data_dir`.
    pub fn new(data_dir: PathBuf) -> Self {
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            id: "main".to_owned(),
            data_dir,
            workers,
            allow_plaintext: false,
            dead_letters: alces_dlq::Limits::default(),
            drain: Duration::from_secs(10),
        }
    }
}

/// A pipeline whose listeners are open.
pub struct Collector {
    plan: Plan,
    settings: Settings,
    clock: Clock,
    inputs: Vec<Bound>,
    stats: Arc<Stats>,
    dlq: DeadLetterQueue,
}

impl Collector {
    /// Opens the pipeline's listeners and its dead-letter queue.
    ///
    /// # Errors
    /// A listener cannot be opened or would be reachable without TLS; the data folder cannot be used.
    pub async fn bind(plan: Plan, settings: Settings, clock: Clock) -> Result<Self, CollectorError> {
        let dlq = DeadLetterQueue::new(&settings.data_dir, &settings.id, settings.dead_letters)
            .map_err(|source| CollectorError::DataDir { path: settings.data_dir.clone(), source })?;
        let mut inputs = Vec::new();
        for input in &plan.inputs {
            inputs.push(input.bind(settings.allow_plaintext).await?);
        }
        Ok(Self { plan, settings, clock, inputs, stats: Arc::default(), dlq })
    }

    /// Where the `beats` inputs listen, in the order of the file.
    pub fn beats_addresses(&self) -> Vec<SocketAddr> {
        self.addresses("beats")
    }

    /// Where the inputs of that name listen, in the order of the file.
    pub fn addresses(&self, input: &str) -> Vec<SocketAddr> {
        let listening = self.inputs.iter().filter_map(Bound::listening_at);
        listening.filter(|(name, _)| *name == input).map(|(_, address)| address).collect()
    }

    /// The counters, which go on counting while it runs.
    pub fn stats(&self) -> Arc<Stats> {
        self.stats.clone()
    }

    /// Runs until `shutdown` resolves, or until all inputs are at their end. Then what is under way is delivered; what
    /// cannot be within the drain time stays unacknowledged, and its sender will send it again.
    ///
    /// # Errors
    /// An output cannot be opened.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), CollectorError> {
        let (stop, stopping) = watch::channel(false);
        let (give_up, giving_up) = watch::channel(false);
        let outlet = Outlet {
            stats: self.stats.clone(),
            clock: self.clock.clone(),
            dlq: self.dlq,
            give_up: giving_up,
        };
        let outputs = self
            .plan
            .outputs
            .into_iter()
            .map(|output| output.open(&outlet))
            .collect::<Result<Vec<_>, _>>()?;
        let workers = self.settings.workers.max(1);
        // A short queue: what waits here is memory, and its sender has it too.
        let (out, batches) = mpsc::channel(workers);
        let under_way = workers as u32 * 2;
        let mut worker = Worker {
            batches: Arc::new(Mutex::new(batches)),
            program: self.plan.program,
            outputs: Arc::new(outputs),
            routes: Arc::new(self.plan.routes),
            outlet,
            under_way: Arc::new(Semaphore::new(under_way as usize)),
        };
        // Threads of their own: filters compute for milliseconds at a time. On the runtime's threads they would hold up the
        // network, and a worker woken by another would wait for it (a task in tokio's LIFO slot is not stolen).
        let runtime = tokio::runtime::Handle::current();
        let mut working: Vec<_> = (0..workers)
            .map(|number| {
                let (runtime, worker) = (runtime.clone(), worker.clone());
                tokio::task::spawn_blocking(move || runtime.block_on(worker.run(number == 0)))
            })
            .collect();
        let intake = Intake { out, stats: self.stats.clone(), clock: self.clock.clone(), stop: stopping };
        let inputs: Vec<_> = self.inputs.into_iter().map(|input| input.start(intake.clone())).collect();
        // From here on the queue closes when the last input lets go of it.
        drop(intake);
        let mut workers_done = Box::pin(async {
            for task in &mut working {
                let _ = task.await;
            }
        });
        tokio::select! {
            () = shutdown => {
                info!("stopping: delivering what is under way");
                let _ = stop.send(true);
            }
            // All inputs are at their end.
            () = &mut workers_done => {}
        }
        let drained = tokio::time::timeout(self.settings.drain, async {
            // Every request under way gives its place back when it is done.
            drop(worker.under_way.clone().acquire_many_owned(under_way).await);
            worker.flush_all().await;
        });
        if drained.await.is_err() {
            warn!(
                "what is not delivered stays unacknowledged: its senders will send it again, but for those that wait for no acknowledgement"
            );
            let _ = give_up.send(true);
        }
        let stats = &self.stats;
        info!(
            read = stats.events_in.get(),
            acknowledged = stats.acknowledged.get(),
            dropped = stats.dropped.get(),
            dead_lettered = stats.dead_lettered.get(),
            lost = stats.lost.get(),
            "stopped"
        );
        // Inputs that block on a read (a terminal's standard input) end with the process.
        inputs.iter().for_each(tokio::task::JoinHandle::abort);
        Ok(())
    }
}
