//! The collector's parts, put together.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use alces_filters::Clock;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};
use tracing::{error, info};

use crate::{
    Bus, CollectorError, Plan, Stats,
    dlq::DeadLetterQueue,
    generation::{Generation, Queue, World},
    input::{Bound, Site},
    live::{Inputs, Starter},
    overflow::Overflows,
    plan::PlannedInput,
    plugins::Plugins,
    queue::{DiskQueue, Keeper, Queue as DiskQueueOpen},
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
    /// How long windows under way are waited for at shutdown, and those of a pipeline that a reload replaces.
    pub drain: Duration,
    /// A queue on disk between inputs and filters; without one an acknowledgement means delivered.
    pub queue: Option<DiskQueue>,
    /// How this pipeline reaches others of the process; the same for all of them.
    pub bus: Bus,
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
            queue: None,
            bus: Bus::default(),
        }
    }
}

impl Settings {
    fn site(&self) -> Site {
        let Self { allow_plaintext, data_dir, id, .. } = self;
        Site { allow_plaintext: *allow_plaintext, data_dir: data_dir.clone(), pipeline: id.clone() }
    }
}

/// What takes a running pipeline's place.
#[derive(Debug)]
pub struct Reload {
    /// Its plan.
    pub plan: Plan,
    /// As in [`Settings`].
    pub workers: usize,
}

/// A pipeline whose listeners are open.
pub struct Collector {
    plan: Plan,
    settings: Settings,
    inputs: Vec<(PlannedInput, Bound)>,
    world: World,
    disk: Option<DiskQueueOpen>,
}

impl Collector {
    /// Opens the pipeline's listeners and its dead-letter queue.
    ///
    /// # Errors
    /// A listener cannot be opened or would be reachable without TLS; the data folder cannot be used.
    pub async fn bind(mut plan: Plan, settings: Settings, clock: Clock) -> Result<Self, CollectorError> {
        let dlq = DeadLetterQueue::new(&settings.data_dir, &settings.id, settings.dead_letters)
            .map_err(|source| CollectorError::DataDir { path: settings.data_dir.clone(), source })?;
        let disk = settings.queue.as_ref();
        let disk =
            disk.map(|queue| DiskQueueOpen::open(&settings.data_dir, &settings.id, queue)).transpose()?;
        let mut inputs = Vec::new();
        for planned in std::mem::take(&mut plan.inputs) {
            let bound = planned.input.bind(&settings.site()).await?;
            inputs.push((planned, bound));
        }
        let overflows = settings.queue.as_ref().map(|queue| {
            Arc::new(Overflows::new(queue.folder_of(&settings.data_dir, &settings.id), queue.clone()))
        });
        let world = World { stats: Arc::default(), clock, dlq, bus: settings.bus.clone(), overflows };
        if let Some(overflows) = &world.overflows {
            // One that cannot be opened is said before anything runs.
            overflows.of(&plan.identities(), &world)?;
        }
        Ok(Self { plan, settings, inputs, world, disk })
    }

    /// Where the `beats` inputs listen, in the order of the file.
    pub fn beats_addresses(&self) -> Vec<SocketAddr> {
        self.addresses("beats")
    }

    /// Where the inputs of that name listen, in the order of the file.
    pub fn addresses(&self, input: &str) -> Vec<SocketAddr> {
        let listening = self.inputs.iter().filter_map(|(_, bound)| bound.listening_at());
        listening.filter(|(name, _)| *name == input).map(|(_, address)| address).collect()
    }

    /// The counters, which go on counting while it runs.
    pub fn stats(&self) -> Arc<Stats> {
        self.world.stats.clone()
    }

    /// Runs until `shutdown` resolves, or until all inputs are at their end. Then what is under way is delivered; what
    /// cannot be within the drain time stays unacknowledged, and its sender will send it again.
    ///
    /// # Errors
    /// An output cannot be opened.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), CollectorError> {
        let (_never, reloads) = mpsc::channel(1);
        self.run_reloading(shutdown, reloads).await
    }

    /// The same, with other plans that take this one's place. Inputs that are the same go on with their listeners and connections; what
    /// the plan before has begun it finishes, for the drain time. A plan that cannot be started changes nothing.
    ///
    /// # Errors
    /// An output of the first plan cannot be opened.
    pub async fn run_reloading(
        self,
        shutdown: impl Future<Output = ()>,
        mut reloads: mpsc::Receiver<Reload>,
    ) -> Result<(), CollectorError> {
        let workers = self.settings.workers.max(1);
        // A short queue: what waits here is memory, and its sender has it too.
        let (out, batches) = mpsc::channel(workers);
        let (batches, keeper) = match &self.disk {
            None => (batches, None),
            Some(disk) => {
                let (to, read) = mpsc::channel(workers);
                (read, Some(disk.start(batches, to, &self.world)))
            }
        };
        let queue: Queue = Arc::new(Mutex::new(batches));
        let mut generation = Generation::open(self.plan, workers, &queue, &self.world)?;
        generation.start();
        let mut inputs = Inputs::new(self.settings.site());
        // From here on the queue closes when the last input lets go of it.
        let closing = out.downgrade();
        inputs.start(self.inputs, &Starter { out, world: self.world.clone() });
        let mut running = Running {
            inputs,
            generation,
            before: JoinSet::new(),
            queue,
            keeper,
            disk: self.disk,
            drain: self.settings.drain,
            world: self.world,
        };
        running.show();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => {
                    info!("stopping: delivering what is under way");
                    running.stop();
                    break;
                }
                // All inputs are at their end.
                () = running.generation.ended() => {
                    tokio::select! {
                        () = &mut shutdown => {}
                        () = running.deliver_all() => {}
                    }
                    break;
                }
                Some(reload) = reloads.recv() => {
                    // Where no input is left there is nobody to take over from.
                    if let Some(out) = closing.upgrade() {
                        running.replace(reload, Starter { out, world: running.world.clone() }).await;
                    }
                }
            }
        }
        running.end().await;
        Ok(())
    }
}

/// A pipeline at work.
struct Running {
    inputs: Inputs,
    generation: Generation,
    /// Generations that a reload replaced, and that still deliver.
    before: JoinSet<()>,
    queue: Queue,
    keeper: Option<Keeper>,
    disk: Option<DiskQueueOpen>,
    drain: Duration,
    world: World,
}

impl Running {
    /// Puts a new plan in the place of the one that runs.
    async fn replace(&mut self, reload: Reload, starter: Starter) {
        let Reload { mut plan, workers } = reload;
        let inputs = std::mem::take(&mut plan.inputs);
        let next = match Generation::open(plan, workers.max(1), &self.queue, &self.world) {
            Ok(next) => self.inputs.prepare(inputs, &starter).await.map(|change| (next, change)),
            Err(error) => Err(error),
        };
        let stats = &self.world.stats;
        match next {
            Ok((next, change)) => {
                self.generation.retire().await;
                let before = std::mem::replace(&mut self.generation, next);
                self.generation.start();
                self.before.spawn(before.settle(self.drain));
                self.inputs.apply(change, &starter);
                self.show();
                stats.reloads.add(1);
                info!("the new pipeline runs");
            }
            Err(error) => {
                stats.reloads_failed.add(1);
                error!(%error, "the new pipeline cannot be started: going on with the one before");
            }
        }
        while self.before.try_join_next().is_some() {}
    }

    fn stop(&self) {
        self.inputs.stop();
        if let Some(keeper) = &self.keeper {
            keeper.stop();
        }
    }

    /// Returns when nothing more comes and the outputs have everything, what is in their queues on disk too.
    async fn deliver_all(&mut self) {
        // Where the pipeline's queue is to be emptied, its workers end when it is empty.
        self.generation.ended().await;
        self.generation.finish().await;
        if let Some(overflows) = &self.world.overflows {
            overflows.close();
        }
        self.generation.drained().await;
    }

    fn show(&self) {
        let disk = self.disk.as_ref().map(DiskQueueOpen::stats);
        self.world.stats.set_plugins(Plugins { queue: disk, ..self.generation.plugins(self.inputs.stats()) });
    }

    async fn end(mut self) {
        if self.world.overflows.as_ref().is_some_and(|overflows| overflows.are_drained()) {
            let _ = tokio::time::timeout(self.drain, self.deliver_all()).await;
        }
        self.before.spawn(self.generation.settle(self.drain));
        while self.before.join_next().await.is_some() {}
        // What is given up waits for nothing: the pipeline's queue is not to wait for it either.
        if let Some(overflows) = &self.world.overflows {
            overflows.halt();
        }
        // What workers did not take goes back to where it came from.
        drop(self.queue);
        if let Some(keeper) = self.keeper {
            keeper.end(self.drain).await;
        }
        if let Some(overflows) = &self.world.overflows {
            overflows.end(self.drain).await;
        }
        let accounts = self.world.stats.accounts();
        info!(
            read = accounts.events_in,
            acknowledged = accounts.acknowledged,
            dropped = accounts.dropped,
            dead_lettered = accounts.dead_lettered,
            lost = accounts.lost,
            "stopped"
        );
        self.inputs.abort();
    }
}
