//! What all who take part in a storm share.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use crate::{arrivals::Arrivals, book::Book};

#[derive(Debug)]
pub(crate) struct World {
    book: Mutex<Book>,
    arrivals: Mutex<Arrivals>,
    /// Changes when something arrives.
    news: watch::Sender<u64>,
    /// What the receiver could not read: the sender broke the protocol.
    pub(crate) broken: AtomicU64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            book: Mutex::default(),
            arrivals: Mutex::default(),
            news: watch::Sender::new(0),
            broken: AtomicU64::new(0),
        }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn arrivals(&self) -> MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something arrived.
    pub(crate) fn tell(&self) {
        self.news.send_modify(|n| *n += 1);
    }

    pub(crate) fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// Waits until `done`, as long as something new arrives at least every `patience`. Whether it came to pass.
    pub(crate) async fn wait(&self, patience: Duration, done: impl Fn(&Arrivals) -> bool) -> bool {
        let mut news = self.news.subscribe();
        loop {
            let before = {
                let arrivals = self.arrivals();
                if done(&arrivals) {
                    return true;
                }
                arrivals.different
            };
            let changes =
                async { while news.changed().await.is_ok() && self.arrivals().different == before {} };
            if timeout(patience, changes).await.is_err() {
                return done(&self.arrivals());
            }
        }
    }
}

/// A moment, in milliseconds.
pub(crate) async fn moment(rng: &mut fastrand::Rng, range: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(rng.u64(range))).await;
}
