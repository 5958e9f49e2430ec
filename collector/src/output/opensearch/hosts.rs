//! The hosts: which one is asked, and, with sniffing, which ones there are.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};
use url::Url;

use super::{OpenSearchPlan, client::Client, sniff};
use crate::CollectorError;

/// A host that does not tell its nodes by then is not waited for: events wait behind it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The hosts that events go to.
pub(super) struct Hosts {
    /// The first of the pipeline's.
    first: Arc<Client>,
    clients: Mutex<Vec<Arc<Client>>>,
    /// The one that answered last, by its number.
    current: AtomicUsize,
    /// When the engine was asked for its nodes last.
    sniffed: Mutex<Option<Instant>>,
    /// That it does not tell its nodes has been said.
    silent: AtomicBool,
}

impl Hosts {
    pub(super) fn new(plan: &OpenSearchPlan) -> Result<Self, CollectorError> {
        let clients: Vec<_> =
            plan.hosts.iter().map(|host| Client::new(host, plan).map(Arc::new)).collect::<Result<_, _>>()?;
        let Some(first) = clients.first().cloned() else {
            let reason = "there is no host".to_owned();
            return Err(CollectorError::Output { output: plan.name.to_owned(), reason });
        };
        Ok(Self {
            first,
            clients: Mutex::new(clients),
            current: AtomicUsize::new(0),
            sniffed: Mutex::new(None),
            silent: AtomicBool::new(false),
        })
    }

    /// The one that is asked now.
    pub(super) fn pick(&self) -> Arc<Client> {
        let clients = locked(&self.clients);
        let at = self.current.load(Ordering::Relaxed) % clients.len().max(1);
        clients.get(at).unwrap_or(&self.first).clone()
    }

    /// The one that is asked now does not answer as it should: the next one from here on.
    pub(super) fn turn(&self) {
        self.current.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks the engine for its nodes where that is wanted and due. Where it does not tell, those that there are stay, and the pipeline's hosts
    /// join them: the nodes that it told before may all be gone.
    pub(super) async fn sniff(&self, plan: &OpenSearchPlan) {
        let (Some(sniffing), Some(like)) = (&plan.connect.sniffing, plan.hosts.first()) else { return };
        {
            let mut sniffed = locked(&self.sniffed);
            if sniffed.is_some_and(|last| last.elapsed() < sniffing.delay) {
                return;
            }
            *sniffed = Some(Instant::now());
        }
        let asked = self.pick();
        let answer = timeout(PATIENCE, asked.get(&sniffing.path)).await;
        let answer = answer.unwrap_or_else(|_| Err("it does not answer".to_owned()));
        match answer.and_then(|answer| sniff::nodes(&answer, like)) {
            Ok(nodes) => {
                self.silent.store(false, Ordering::Relaxed);
                self.set(plan, nodes);
            }
            Err(reason) => {
                let host = asked.shown();
                if self.silent.swap(true, Ordering::Relaxed) {
                    debug!(host, reason, "the engine does not tell its nodes");
                } else {
                    warn!(host, reason, "the engine does not tell its nodes: those that are known stay");
                }
                let known: Vec<Url> = locked(&self.clients).iter().map(|one| one.host().clone()).collect();
                let seeds = plan.hosts.iter().filter(|host| !known.contains(host)).cloned().collect();
                self.set(plan, [known, seeds].concat());
            }
        }
    }

    /// These, whatever was there before. What is known of one stays known.
    fn set(&self, plan: &OpenSearchPlan, hosts: Vec<Url>) {
        let before = locked(&self.clients).clone();
        let mut clients: Vec<Arc<Client>> = Vec::with_capacity(hosts.len());
        for host in &hosts {
            let known = before.iter().find(|known| known.host() == host).cloned();
            match known.map_or_else(|| Client::new(host, plan).map(Arc::new), Ok) {
                Ok(client) => clients.push(client),
                Err(error) => debug!(%error, "a node that the engine names cannot be used"),
            }
        }
        let is_new = |client: &&Arc<Client>| !before.iter().any(|known| Arc::ptr_eq(known, client));
        let new: Vec<_> = clients.iter().filter(is_new).collect();
        if clients.is_empty() || (new.is_empty() && clients.len() == before.len()) {
            return;
        }
        for client in new.iter().filter(|client| client.host().scheme() == "http") {
            crate::output::tell_plaintext(plan.name, client.host().host_str().unwrap_or_default());
        }
        let shown: Vec<_> = clients.iter().map(|client| client.shown()).collect();
        info!(hosts = ?shown, "events go to these nodes now");
        *locked(&self.clients) = clients;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
