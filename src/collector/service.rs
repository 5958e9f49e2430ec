//! The pipelines of a collector, side by side: they come, change and go while the others run.

use std::{collections::BTreeMap, path::PathBuf};

use alces_agent::watch::Why;
use alces_collector::{Bus, Collector, CollectorError, Reload, Settings, api::Pipelines};
use anyhow::Context as _;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tracing::{error, info};

use super::{
    configuration::{Identity, Pipeline},
    reload::Wanted,
};
use crate::roles::clock;

/// A collector's pipelines.
pub(super) struct Service {
    data_dir: PathBuf,
    allow_plaintext: bool,
    bus: Bus,
    shown: Pipelines,
    running: BTreeMap<String, Running>,
    /// Those whose inputs came to their end: they are not begun again, unless they are others by then.
    ended: BTreeMap<String, Identity>,
    tasks: JoinSet<(String, Result<(), CollectorError>)>,
}

/// One that runs.
struct Running {
    identity: Identity,
    reloads: mpsc::Sender<Reload>,
    stop: watch::Sender<bool>,
}

impl Service {
    pub(super) fn new(data_dir: PathBuf, allow_plaintext: bool) -> Self {
        Self {
            data_dir,
            allow_plaintext,
            bus: Bus::default(),
            shown: Pipelines::default(),
            running: BTreeMap::new(),
            ended: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// The pipelines for the monitoring API.
    pub(super) fn pipelines(&self) -> Pipelines {
        self.shown.clone()
    }

    /// Runs the first pipelines. All of them listen before the first one takes an event.
    pub(super) async fn start(&mut self, pipelines: Vec<Pipeline>) -> Result<(), CollectorError> {
        let mut bound = Vec::new();
        for pipeline in pipelines {
            bound.push(self.bind(pipeline).await?);
        }
        for (id, identity, collector) in bound {
            self.run_one(id, identity, collector);
        }
        Ok(())
    }

    async fn bind(&self, pipeline: Pipeline) -> Result<(String, Identity, Collector), CollectorError> {
        let mut settings = Settings::new(self.data_dir.clone());
        settings.id.clone_from(&pipeline.id);
        settings.allow_plaintext = self.allow_plaintext;
        settings.dead_letters = pipeline.dead_letters;
        settings.queue = pipeline.queue;
        settings.workers = pipeline.workers.unwrap_or(settings.workers);
        settings.bus = self.bus.clone();
        let collector = Collector::bind(pipeline.plan, settings, clock()).await?;
        Ok((pipeline.id, pipeline.identity, collector))
    }

    fn run_one(&mut self, id: String, identity: Identity, collector: Collector) {
        let (reloads, changes) = mpsc::channel(1);
        let (stop, mut stopped) = watch::channel(false);
        self.shown.insert(&id, collector.stats());
        let name = id.clone();
        self.tasks.spawn(async move {
            let until = async {
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            (name, collector.run_reloading(until, changes).await)
        });
        self.running.insert(id, Running { identity, reloads, stop });
    }

    /// Runs until `shutdown` resolves, or until all pipelines are at their end.
    pub(super) async fn run(
        mut self,
        shutdown: impl Future<Output = ()>,
        mut changes: mpsc::Receiver<Wanted>,
    ) -> anyhow::Result<()> {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut stopping = false;
        let mut result = Ok(());
        loop {
            tokio::select! {
                () = &mut shutdown, if !stopping => {
                    stopping = true;
                    self.stop();
                }
                done = self.tasks.join_next() => {
                    let Some(done) = done else { return result };
                    let (id, done) = done.context("a pipeline has panicked")?;
                    // Its name may be another's by now.
                    if self.running.get(&id).is_none_or(|running| running.reloads.is_closed()) {
                        self.shown.remove(&id);
                        if let Some(running) = self.running.remove(&id) {
                            self.ended.insert(id.clone(), running.identity);
                        }
                    }
                    // One that cannot go on ends the process: half of a service is worse to find than none.
                    if let Err(error) = done {
                        result = Err(anyhow::Error::new(error).context(format!("pipeline {id}")));
                        stopping = true;
                        self.stop();
                    }
                }
                Some(wanted) = changes.recv(), if !stopping => self.change(wanted).await,
            }
        }
    }

    fn stop(&self) {
        for running in self.running.values() {
            let _ = running.stop.send(true);
        }
    }

    async fn change(&mut self, wanted: Wanted) {
        let Wanted { pipelines, why } = wanted;
        let gone: Vec<_> =
            self.running.keys().filter(|id| !pipelines.iter().any(|p| p.id == **id)).cloned().collect();
        for id in gone {
            if let Some(running) = self.running.remove(&id) {
                info!(pipeline = %id, "this pipeline is wanted no more: stopping it");
                let _ = running.stop.send(true);
            }
        }
        self.ended.retain(|id, _| pipelines.iter().any(|p| p.id == *id));
        for pipeline in pipelines {
            let id = pipeline.id.clone();
            if self.ended.get(&id) == Some(&pipeline.identity) {
                continue;
            }
            self.ended.remove(&id);
            let Some(running) = self.running.get_mut(&id) else {
                match self.bind(pipeline).await {
                    Ok((id, identity, collector)) => {
                        info!(pipeline = %id, "a new pipeline runs");
                        self.run_one(id, identity, collector);
                    }
                    Err(error) => error!(pipeline = %id, %error, "the new pipeline cannot be started"),
                }
                continue;
            };
            let changed = running.identity != pipeline.identity && pipeline.reload;
            if why == Why::Told || changed {
                let workers = pipeline.workers.unwrap_or_else(|| Settings::new(PathBuf::new()).workers);
                let reload = Reload { plan: pipeline.plan, workers };
                if running.reloads.send(reload).await.is_ok() {
                    running.identity = pipeline.identity;
                }
            }
        }
    }
}
