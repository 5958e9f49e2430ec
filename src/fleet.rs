//! All roles in one process, speaking to each other as they do across machines: over Lumberjack and the REST API.

use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use alces_agent::cli::shutdown_signal;
use alces_collector::{
    Collector, Plan, PlanOptions, Settings, Stats,
    api::{self, Pipelines},
    cli::read_sources,
};
use alces_conf::Source;
use anyhow::Context as _;
use jiff::Timestamp;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tracing::info;

use crate::{
    cli::UpArgs,
    paths::data_dir,
    roles::{Environment, clock, listen},
};

/// The built-in pipeline.
const PIPELINE: &str = include_str!("../pipelines/fleet.conf");

/// What the fleet is told. Listeners are opened by the caller, who knows what to do where one is taken.
pub(crate) struct FleetConfig {
    pub(crate) store: TcpListener,
    pub(crate) dashboard: TcpListener,
    pub(crate) beats_port: u16,
    pub(crate) data_dir: PathBuf,
    pub(crate) pipeline: Vec<Source>,
    pub(crate) logs: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) metrics: Option<Duration>,
    /// The dashboard's first time range, as in its URL.
    pub(crate) range_from: Option<String>,
}

/// A running fleet.
pub(crate) struct Fleet {
    pub(crate) dashboard: SocketAddr,
    pub(crate) store: SocketAddr,
    pub(crate) beats: Option<SocketAddr>,
    pub(crate) stats: Arc<Stats>,
    roles: Vec<Role>,
}

/// A role and what tells it to stop.
struct Role {
    name: &'static str,
    stop: watch::Sender<bool>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Fleet {
    /// Starts store, collector, dashboard and agent, in this order.
    pub(crate) async fn start(config: FleetConfig, env: Environment) -> anyhow::Result<Self> {
        let store = config.store.local_addr()?;
        let dashboard = config.dashboard.local_addr()?;
        let url = format!("http://{store}");
        let mut roles = Vec::new();
        let store_config = alces_store::Config::new(config.data_dir.join("store"));
        if alces_store::Users::load(&store_config.data_dir)?.is_some() {
            anyhow::bail!(
                "{}: this store wants a login, which the other roles do not have here: run each role alone, and tell them theirs",
                alces_store::Users::path(&store_config.data_dir).display()
            );
        }
        roles.push(role("store", |stopped| async move {
            Ok(alces_store::serve(config.store, store_config, stopped).await?)
        }));

        let beats_port = config.beats_port.to_string();
        let shown_url = url.clone();
        let variables = move |name: &str| match name {
            "ALCES_BEATS_PORT" => Some(beats_port.clone()),
            "ALCES_OPENSEARCH" => Some(shown_url.clone()),
            other => env(other),
        };
        let pipeline = if config.pipeline.is_empty() {
            vec![Source::new("pipelines/fleet.conf (built in)", PIPELINE)]
        } else {
            config.pipeline
        };
        let plan = Plan::compile(&pipeline, &variables, PlanOptions::default(), &clock())?;
        let folder = config.data_dir.join("collector");
        let settings = Settings::new(folder.clone());
        let collector = Collector::bind(plan, settings, clock()).await?;
        let stats = collector.stats();
        let beats = collector.beats_addresses().first().copied();
        roles.push(role("collector", |stopped| async move { Ok(collector.run(stopped).await?) }));

        // For `alces tap`, `alces collector status`, and the dashboard's live view.
        let monitoring = TcpListener::bind(("127.0.0.1", 0)).await?;
        let pipelines = Pipelines::default();
        pipelines.insert("main", stats.clone());
        let access = crate::collector::access(monitoring.local_addr()?, &folder);
        roles.push(role("monitoring API", |stopped| async move {
            // Who still looks is not waited for.
            tokio::select! {
                served = api::serve(monitoring, pipelines, access, std::future::pending()) => Ok(served?),
                () = stopped => Ok(()),
            }
        }));

        let mut page = alces_dashboard::Config::new(url.parse()?);
        if let Some(from) = config.range_from {
            page.default_from = from;
        }
        page.searches = Some(Arc::new(alces_people::People::open(&config.data_dir.join("searches.sqlite"))?));
        page.tap = Some(crate::dashboard::tap::tap(folder, None));
        roles.push(role("dashboard", |stopped| async move {
            Ok(alces_dashboard::serve(config.dashboard, page, Timestamp::now, stopped).await?)
        }));

        if let Some(beats) = beats {
            let mut agent = alces_agent::Config::new(vec![beats.to_string()], config.data_dir.join("agent"));
            agent = agent.with_inputs(vec![alces_agent::Input::new(config.logs, config.exclude)]);
            agent.metrics_every = config.metrics;
            // On one machine the wire costs nothing and packing does.
            agent.compression = alces_agent::Compression::None;
            roles.push(role("agent", |stopped| async move {
                Ok(alces_agent::run(agent, Timestamp::now, stopped).await?)
            }));
        }
        Ok(Self { dashboard, store, beats, stats, roles })
    }

    /// Runs until `shutdown` resolves or a role ends by itself; then stops the agent first and the store last, so that what
    /// is on its way arrives.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let ended = async {
            loop {
                if let Some(at) = self.roles.iter().position(|role| role.task.is_finished()) {
                    return at;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let early = tokio::select! {
            () = shutdown => None,
            at = ended => Some(self.roles.remove(at)),
        };
        let mut result = Ok(());
        if let Some(Role { name, task, .. }) = early {
            result = match task.await {
                Ok(Ok(())) => Err(anyhow::anyhow!("the {name} ended by itself")),
                Ok(Err(error)) => Err(error.context(format!("the {name} stopped"))),
                Err(error) => Err(anyhow::Error::new(error).context(format!("the {name} crashed"))),
            };
        }
        for Role { name, stop, task } in self.roles.into_iter().rev() {
            let _ = stop.send(true);
            match tokio::time::timeout(Duration::from_secs(15), task).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => result = result.and(Err(error.context(format!("the {name} stopped")))),
                Ok(Err(error)) => result = result.and(Err(error.into())),
                Err(_) => result = result.and(Err(anyhow::anyhow!("the {name} did not stop in time"))),
            }
        }
        result
    }
}

fn role<F>(
    name: &'static str,
    start: impl FnOnce(std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> F,
) -> Role
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let (stop, mut stopping) = watch::channel(false);
    let stopped = Box::pin(async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    });
    Role { name, stop, task: tokio::spawn(start(stopped)) }
}

/// `alces up`.
pub(crate) async fn up(args: UpArgs, env: Environment) -> anyhow::Result<()> {
    if !args.beats.ip().is_loopback() {
        anyhow::bail!("--beats {}: TLS is not there yet; use 127.0.0.1", args.beats);
    }
    let pipeline = read_sources(&args.pipeline).map_err(anyhow::Error::msg)?;
    let mut logs = vec!["/var/log/nginx/*.log".to_owned()];
    logs.extend(args.logs);
    let folder = data_dir(args.data_dir, "", env);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot use the data folder {}", folder.display()))?;
    let config = FleetConfig {
        store: listen(args.store, "--store").await?,
        dashboard: listen(args.dashboard, "--dashboard").await?,
        beats_port: args.beats.port(),
        data_dir: folder.clone(),
        pipeline,
        logs,
        exclude: args.exclude,
        metrics: (args.metrics > 0).then(|| Duration::from_secs(args.metrics)),
        range_from: None,
    };
    let fleet = Fleet::start(config, env).await?;
    info!(data = %folder.display(), beats = ?fleet.beats, "running");
    println!("Store: http://{}", fleet.store);
    println!("Dashboard: http://{}/", fleet.dashboard);
    fleet.run(shutdown_signal()).await
}
