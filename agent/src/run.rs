//! The agent's parts, put together.

use std::sync::{Arc, Mutex, mpsc};

use jiff::Timestamp;
use tracing::info;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    AgentError, Config,
    document::Origin,
    files::Files,
    metrics,
    registry::Registry,
    ship::{Shipper, Totals},
    stream::Dialer,
    tail::Tail,
};

/// Runs an agent until `shutdown` resolves; then waits a few seconds for what is under way.
///
/// # Errors
/// The data folder or a file for TLS cannot be used, or a path pattern is none. A collector that is away is waited for.
pub async fn run(
    config: Config,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(clock);
    let dialer = Dialer::new(config.tls.as_ref())?;
    let files = Files::new(&config.logs, &config.exclude)?;
    let seed = format!("{} {} {}", config.host_name, clock(), std::process::id());
    let registry = Registry::open(&config.data_dir, &seed)?;
    let origin = Origin { agent_id: registry.agent_id().to_owned(), host_name: config.host_name.clone() };
    let registry = Arc::new(Mutex::new(registry));
    // One batch waits while others are under way; more would only be memory.
    let (out, batches) = tokio::sync::mpsc::channel(1);
    let shipper = Shipper {
        config: config.clone(),
        dialer,
        registry: registry.clone(),
        clock: clock.clone(),
        seed: xxh3_64(seed.as_bytes()),
    };
    let (ending, ended) = tokio::sync::oneshot::channel::<()>();
    let shipping = tokio::spawn(shipper.run(batches, ended));
    let measuring = config
        .metrics_every
        .map(|every| tokio::spawn(metrics::run(every, origin.clone(), clock.clone(), out.clone())));
    let (stop, stopped) = mpsc::channel();
    let tail = Tail { config, files, registry, origin, clock, out };
    let tailing = tokio::task::spawn_blocking(move || tail.run(&stopped));
    shutdown.await;
    // In this order: no new lines, then what was read is shipped, then the last word.
    drop((stop, ending));
    if let Some(measuring) = measuring {
        measuring.abort();
    }
    let shipped = async {
        let _ = tailing.await;
        shipping.await
    };
    if let Ok(Ok(totals)) = tokio::time::timeout(std::time::Duration::from_secs(10), shipped).await {
        let Totals { acknowledged, replaced, cut } = totals;
        info!(acknowledged, replaced, cut, "stopped");
    }
    Ok(())
}
