//! An OpenSearch of the test's own, slow to answer: it writes down under which ids documents came, takes most of them, refuses those that say
//! `bad`, and is now and then too busy for one.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::wire;

/// What it was sent; documents are known by their `n`.
#[derive(Debug, Default)]
pub(crate) struct Got {
    /// The ids that each document came with.
    pub(crate) ids: BTreeMap<u64, BTreeSet<String>>,
    /// Documents that it has.
    pub(crate) taken: BTreeSet<u64>,
    /// Requests that it has answered.
    pub(crate) answered: u64,
    /// Whether it is quick and never busy.
    pub(crate) is_calm: bool,
}

/// A running one, to the end of the process.
#[derive(Clone, Debug)]
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    shared: Arc<(Mutex<Got>, Condvar)>,
}

impl Fake {
    pub(crate) fn start(rng: fastrand::Rng) -> Self {
        let shared = Arc::<(Mutex<Got>, Condvar)>::default();
        let (rng, of_server) = (Mutex::new(rng), shared.clone());
        let address = wire::serve(move |request| {
            let (mutex, changed) = &*of_server;
            let rng = rng.lock().unwrap_or_else(PoisonError::into_inner).fork();
            let said = bulk(mutex, &request.body, rng);
            mutex.lock().unwrap_or_else(PoisonError::into_inner).answered += 1;
            changed.notify_all();
            (200, said.to_string())
        });
        Self { address, shared }
    }

    /// What it has.
    pub(crate) fn got(&self) -> MutexGuard<'_, Got> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has answered so many requests, and not for long.
    pub(crate) fn wait_for_answers(&self, count: u64, patience: Duration) {
        let end = Instant::now() + patience;
        let mut got = self.got();
        while got.answered < count {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            got = self.shared.1.wait_timeout(got, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Takes what there is of a request, and says so after a while.
#[allow(clippy::disallowed_methods, reason = "it is slow")]
fn bulk(got: &Mutex<Got>, body: &[u8], mut rng: fastrand::Rng) -> Value {
    let mut got = got.lock().unwrap_or_else(PoisonError::into_inner);
    let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut items = Vec::new();
    while let (Some(action), Some(document)) = (lines.next(), lines.next()) {
        let read = |text| serde_json::from_slice::<Value>(text).unwrap();
        let (action, document) = (read(action), read(document));
        let (name, target) = action.as_object().unwrap().iter().next().unwrap();
        let number = document["n"].as_u64().unwrap();
        let id = target["_id"].as_str().unwrap_or_default();
        got.ids.entry(number).or_default().insert(id.to_owned());
        let status = if document["bad"] == true {
            400
        } else if !got.is_calm && rng.u8(..10) == 0 {
            429
        } else if got.taken.insert(number) {
            201
        } else if name == "create" {
            409
        } else {
            200
        };
        items.push(json!({name.as_str(): {"status": status, "error": {"type": "t", "reason": "why"}}}));
    }
    let wait = if got.is_calm { 0 } else { rng.u64(..30) };
    drop(got);
    std::thread::sleep(Duration::from_millis(wait));
    json!({"took": 1, "errors": true, "items": items})
}
