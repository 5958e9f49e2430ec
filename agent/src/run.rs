//! The agent's parts, put together, and put together anew when the configuration changes.

use std::{
    os::unix::net::UnixStream,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    runtime::Handle,
    sync::{mpsc as channel, oneshot},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tracing::{error, info, warn};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    AgentError, Config,
    batch::Batch,
    buffer::Buffer,
    document::Origin,
    handover::Handover,
    metrics,
    outlet::Outlet,
    registry::Registry,
    ship::{Shipper, Totals},
    status::{self, Board, Socket, Status},
    stream::Dialer,
    tail::{Reading, Tail},
};

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How long what is under way is waited for when the agent is told to stop.
const STOP: Duration = Duration::from_secs(10);

/// The same when it only changes its settings: what is not acknowledged by then is read again and sent with the ids that it had.
const CHANGE: Duration = Duration::from_secs(3);

/// Runs an agent until `shutdown` resolves; then waits a few seconds for what is under way.
///
/// # Errors
/// The data folder or a file for TLS cannot be used, or a path pattern is none. A collector that is away is waited for.
pub async fn run(
    config: Config,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let (_never, changes) = channel::channel(1);
    run_with(config, clock, shutdown, changes).await
}

/// The same with settings that change: each that comes over `changes` takes the place of those before, where it can be used.
///
/// # Errors
/// As [`run`], for the first settings. Those that come later and cannot be used are logged.
pub async fn run_with(
    config: Config,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    shutdown: impl Future<Output = ()>,
    mut changes: channel::Receiver<Config>,
) -> Result<(), AgentError> {
    let mut shutdown = pin!(shutdown);
    let mut plan = Plan::new(config)?;
    let house = House::open(&plan.config, Arc::new(clock))?;
    let _socket = house.answer(&plan.config);
    let mut handover = Handover::default();
    loop {
        let running = house.start(plan.clone(), handover);
        let next = loop {
            tokio::select! {
                () = &mut shutdown => break None,
                Some(config) = changes.recv() => match plan.change(config) {
                    Ok(next) => break Some(next),
                    Err(reason) => error!(%reason, "the new settings cannot be used: going on with those before; SIGHUP tries again"),
                },
            }
        };
        let Some(next) = next else {
            let (totals, handover) = running.stop(STOP).await;
            house.keep().await;
            house.keep_deleted(plan, handover).await;
            if let Some(Totals { acknowledged, replaced, cut }) = totals {
                info!(acknowledged, replaced, cut, "stopped");
            }
            return Ok(());
        };
        handover = running.stop(CHANGE).await.1;
        house.keep().await;
        info!(inputs = next.config.inputs.len(), collectors = ?next.config.collectors, "running with new settings");
        plan = next;
    }
}

/// Settings that can be used.
#[derive(Clone)]
struct Plan {
    config: Config,
    dialer: Dialer,
    /// Files that are there may be seen for the first time although they are old.
    starts: bool,
}

impl Plan {
    /// Reads and checks all that the settings name, before anything is stopped for them.
    fn new(config: Config) -> Result<Self, AgentError> {
        let dialer = Dialer::new(config.tls.as_ref())?;
        let nobody = Origin { agent_id: String::new(), host_name: String::new() };
        readings(&config, &nobody)?;
        Ok(Self { config, dialer, starts: true })
    }

    /// New settings in place of these.
    fn change(&self, mut config: Config) -> Result<Self, AgentError> {
        if config.data_dir != self.config.data_dir {
            let (kept, new) = (self.config.data_dir.display(), config.data_dir.display());
            warn!(%kept, %new, "`data_dir` changes with the next start");
            config.data_dir.clone_from(&self.config.data_dir);
        }
        // With the same patterns nothing but what was written in the meantime is seen for the first time.
        let paths =
            |config: &Config| config.inputs.iter().map(|input| input.paths.clone()).collect::<Vec<_>>();
        let starts = paths(&config) != paths(&self.config);
        Ok(Self { starts, ..Self::new(config)? })
    }
}

/// What stays while settings change.
struct House {
    clock: Clock,
    since: Timestamp,
    registry: Arc<Mutex<Registry>>,
    agent_id: String,
    board: Arc<Board>,
    buffer: Option<Buffer>,
}

/// The inputs, made ready.
fn readings(config: &Config, origin: &Origin) -> Result<Vec<Reading>, AgentError> {
    config.inputs.iter().map(|input| Reading::new(input, config, origin)).collect()
}

impl House {
    fn open(config: &Config, clock: Clock) -> Result<Self, AgentError> {
        let since = clock();
        let seed = format!("{} {since} {}", config.host_name, std::process::id());
        let registry = Registry::open(&config.data_dir, &seed)?;
        let agent_id = registry.agent_id().to_owned();
        let (registry, board) = (Arc::new(Mutex::new(registry)), Arc::<Board>::default());
        let buffer = Buffer::open(config, &registry, &board)?;
        Ok(Self { clock, since, registry, agent_id, board, buffer })
    }

    /// Opens the socket of `alces agent status`. Lines are more than answers: without it the agent runs all the same.
    fn answer(&self, config: &Config) -> Option<Socket> {
        Socket::open(&config.data_dir, self.status())
            .inspect_err(|error| warn!(%error, "`alces agent status` cannot be answered"))
            .ok()
    }

    fn status(&self) -> status::Source {
        let (agent, since, clock) = (self.agent_id.clone(), self.since, self.clock.clone());
        let (board, registry) = (self.board.clone(), self.registry.clone());
        Arc::new(move || {
            let (collectors, spool) = board.read();
            // Nobody waits for the registry while files are looked at.
            let entries = registry.lock().unwrap_or_else(PoisonError::into_inner).entries();
            let files = status::files(entries, clock());
            Status { agent: agent.clone(), since: Some(since), collectors, spool, files }
        })
    }

    /// Starts all parts.
    fn start(&self, Plan { config, dialer, starts }: Plan, handover: Handover) -> Running {
        self.board.collectors(&config.collectors);
        let origin = Origin { agent_id: self.agent_id.clone(), host_name: config.host_name.clone() };
        // One batch waits while others are under way; more would only be memory.
        let (out, batches) = channel::channel(1);
        let shipper = Shipper {
            config: config.clone(),
            dialer,
            registry: self.registry.clone(),
            board: self.board.clone(),
            buffer: self.buffer.clone(),
            clock: self.clock.clone(),
            seed: xxh3_64(self.agent_id.as_bytes()),
        };
        let (ending, ended) = oneshot::channel();
        let shipping = tokio::spawn(shipper.run(batches, ended));
        let measuring = config
            .metrics_every
            .map(|every| tokio::spawn(metrics::run(every, origin.clone(), self.clock.clone(), out.clone())));
        let feeding = self.buffer.clone().map(|buffer| tokio::spawn(buffer.feed(out.clone())));
        let (stop, tail) = self.tail(&config, &origin, starts, out);
        let tailing = tokio::task::spawn_blocking(move || match tail {
            Ok(tail) => tail.run(handover),
            Err(reason) => {
                // They were read once already, so that they can be read now.
                error!(%reason, "files cannot be read");
                handover
            }
        });
        Running { stop, ending, tailing, measuring, feeding, shipping }
    }

    fn tail(
        &self,
        config: &Config,
        origin: &Origin,
        starts: bool,
        out: channel::Sender<Arc<Batch>>,
    ) -> (Option<UnixStream>, Result<Tail, AgentError>) {
        let (stop, stopped) = match UnixStream::pair() {
            Ok((stop, stopped)) => (stop, stopped),
            Err(source) => {
                let path = config.data_dir.clone();
                return (None, Err(AgentError::DataDir { path, source }));
            }
        };
        let tail = readings(config, origin).map(|inputs| Tail {
            inputs,
            window_events: config.window_events.max(1),
            scan_every: config.scan_every,
            poll_every: config.poll_every,
            registry: self.registry.clone(),
            clock: self.clock.clone(),
            outlet: Outlet {
                out,
                runtime: Handle::current(),
                buffer: self.buffer.clone(),
                patience: config.spool.after,
            },
            stop: stopped,
            starts,
        });
        (Some(stop), tail)
    }

    /// When the shipper has ended: what it could not bring home is kept in the spool.
    async fn keep(&self) {
        if let Some(buffer) = self.buffer.clone() {
            let _ = tokio::task::spawn_blocking(move || buffer.keep()).await;
        }
    }

    /// At the end: what was not read of deleted files is kept in the spool, too.
    async fn keep_deleted(&self, plan: Plan, handover: Handover) {
        if self.buffer.is_none() || handover.files.is_empty() {
            return;
        }
        let origin = Origin { agent_id: self.agent_id.clone(), host_name: plan.config.host_name.clone() };
        let (out, _nobody) = channel::channel(1);
        let (_stop, tail) = self.tail(&plan.config, &origin, false, out);
        if let Ok(tail) = tail {
            let _ = tokio::task::spawn_blocking(move || tail.keep_deleted(handover)).await;
        }
    }
}

/// Parts at work.
struct Running {
    /// Closed, it tells the tail to stop.
    stop: Option<UnixStream>,
    ending: oneshot::Sender<()>,
    tailing: JoinHandle<Handover>,
    measuring: Option<JoinHandle<()>>,
    feeding: Option<JoinHandle<()>>,
    shipping: JoinHandle<Totals>,
}

impl Running {
    /// In this order: no new lines, then what was read is shipped, then the last word. What is not shipped within `patience`
    /// is let go; its offsets did not move.
    async fn stop(self, patience: Duration) -> (Option<Totals>, Handover) {
        let Self { stop, ending, mut tailing, measuring, feeding, mut shipping } = self;
        drop((stop, ending));
        [measuring, feeding].into_iter().flatten().for_each(|part| part.abort());
        let end = Instant::now() + patience;
        let read = timeout_at(end, &mut tailing).await;
        let totals = timeout_at(end, &mut shipping).await;
        if totals.is_err() {
            // Whoever waits for the shipper to take a window then hears that it is gone.
            shipping.abort();
            let _ = shipping.await;
        }
        let handover = match read {
            Ok(handover) => handover,
            Err(_) => tailing.await,
        };
        (totals.ok().and_then(Result::ok), handover.unwrap_or_default())
    }
}
