//! Inputs that run, and how those of a new plan take their places: what is the same goes on with its listener and its connections.

use std::{mem, sync::Arc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, join_all},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};
use tracing::error;

use crate::{
    CollectorError,
    batch::Batch,
    generation::World,
    input::{Bound, Input, Intake, Out, Site},
    plan::PlannedInput,
    plugins::PluginStats,
};

/// How long an input that is no longer wanted may take to let go of its address.
const LET_GO: Duration = Duration::from_secs(5);

/// How often an address that is still taken is tried.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// An input that runs.
struct Live {
    planned: PlannedInput,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// The inputs of a pipeline that run.
#[derive(Default)]
pub(crate) struct Inputs {
    live: Vec<Live>,
    site: Site,
}

/// Inputs that are open and wait for their start.
pub(crate) struct Change {
    kept: Vec<Live>,
    new: Vec<(PlannedInput, Bound)>,
    removed: Vec<Live>,
}

impl Inputs {
    pub(crate) fn new(site: Site) -> Self {
        Self { live: Vec::new(), site }
    }

    /// Runs inputs that are open.
    pub(crate) fn start(&mut self, new: Vec<(PlannedInput, Bound)>, starter: &Starter) {
        self.live.extend(new.into_iter().map(|(planned, bound)| starter.start(planned, bound)));
    }

    /// Opens what a new plan has more. On an error all go on as before.
    pub(crate) async fn prepare(
        &mut self,
        wanted: Vec<PlannedInput>,
        starter: &Starter,
    ) -> Result<Change, CollectorError> {
        let mut removed = mem::take(&mut self.live);
        let (mut kept, mut added) = (Vec::new(), Vec::new());
        for planned in wanted {
            match removed.iter().position(|live| live.planned.identity == planned.identity) {
                Some(at) => kept.push(removed.swap_remove(at)),
                None => added.push(planned),
            }
        }
        let mut new = Vec::new();
        let mut failed = None;
        for planned in added {
            match self.open(&planned.input, &removed, !removed.is_empty()).await {
                Ok(bound) => new.push((planned, bound)),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let Some(error) = failed else { return Ok(Change { kept, new, removed }) };
        drop(new);
        self.live = kept;
        for live in removed {
            if *live.stop.borrow() {
                self.open_again(live.planned, starter).await;
            } else {
                self.live.push(live);
            }
        }
        Err(error)
    }

    /// Opens an input. Where `patient`, one that is no longer wanted may have its address, and lets go of it.
    async fn open(
        &self,
        input: &Arc<dyn Input>,
        removed: &[Live],
        patient: bool,
    ) -> Result<Bound, CollectorError> {
        let until = Instant::now() + LET_GO;
        loop {
            match input.bind(&self.site).await {
                Err(CollectorError::Listen { .. }) if patient && Instant::now() < until => {
                    for live in removed {
                        let _ = live.stop.send(true);
                    }
                    sleep(TRY_EVERY).await;
                }
                done => return done,
            }
        }
    }

    async fn open_again(&mut self, planned: PlannedInput, starter: &Starter) {
        match self.open(&planned.input, &[], true).await {
            Ok(bound) => self.live.push(starter.start(planned, bound)),
            Err(error) => error!(%error, "an input of the pipeline before cannot be opened again"),
        }
    }

    /// Runs what [`Inputs::prepare`] has opened, and stops what is no longer wanted.
    pub(crate) fn apply(&mut self, change: Change, starter: &Starter) {
        self.live = change.kept;
        let mut ending = Vec::new();
        for live in change.removed {
            let _ = live.stop.send(true);
            // It delivers what it has, by itself.
            let end = async move {
                let _ = live.task.await;
            };
            let end = end.boxed().shared();
            tokio::spawn(end.clone());
            ending.push((live.planned.stats.label.name.clone(), end));
        }
        for (planned, bound) in change.new {
            // Two that read the same files or letters would read lines twice: the next one goes on where the one before ended.
            let before: Vec<_> = match bound.listening_at() {
                Some(_) => Vec::new(),
                None => {
                    let same = ending.iter().filter(|(name, _)| *name == planned.stats.label.name);
                    same.map(|(_, end)| end.clone()).collect()
                }
            };
            self.live.push(starter.start_after(before, planned, bound));
        }
    }

    /// What each did, in the order of the text.
    pub(crate) fn stats(&self) -> Vec<Arc<PluginStats>> {
        self.live.iter().map(|live| live.planned.stats.clone()).collect()
    }

    /// Tells all to stop.
    pub(crate) fn stop(&self) {
        for live in &self.live {
            let _ = live.stop.send(true);
        }
    }

    /// Lets go of inputs that block on a read (a terminal's standard input): they end with the process.
    pub(crate) fn abort(&self) {
        self.live.iter().for_each(|live| live.task.abort());
    }
}

/// What inputs are started with. The queue is open as long as one of these is there, or an input.
pub(crate) struct Starter {
    pub(crate) out: mpsc::Sender<Batch>,
    pub(crate) world: World,
}

impl Starter {
    fn start(&self, planned: PlannedInput, bound: Bound) -> Live {
        self.start_after(Vec::new(), planned, bound)
    }

    /// Starts an input when others have ended.
    fn start_after(
        &self,
        before: Vec<Shared<BoxFuture<'static, ()>>>,
        planned: PlannedInput,
        bound: Bound,
    ) -> Live {
        let (stop, stopping) = watch::channel(false);
        let World { stats, clock, bus, .. } = self.world.clone();
        let out = Out::new(self.out.clone(), planned.stats.clone(), stats.clone());
        let intake = Intake { out, stats, clock, bus, stop: stopping };
        let task = if before.is_empty() {
            bound.start(intake)
        } else {
            tokio::spawn(async move {
                join_all(before).await;
                let _ = bound.start(intake).await;
            })
        };
        Live { planned, task, stop }
    }
}
