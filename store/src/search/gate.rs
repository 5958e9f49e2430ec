//! How many searches run at a time: so few that ingest keeps some of the machine, and the rest waits in a line that has an end.

use crate::error::ApiError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The line before the searches.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    running: usize,
    waiting: AtomicUsize,
    most_waiting: usize,
    rejected: AtomicU64,
}

/// One in the line, until it has a place or goes away.
struct InLine<'a>(&'a AtomicUsize);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(crate) fn new(running: usize, most_waiting: usize) -> Self {
        let running = running.max(1);
        Self {
            places: Arc::new(Semaphore::new(running)),
            running,
            waiting: AtomicUsize::new(0),
            most_waiting,
            rejected: AtomicU64::new(0),
        }
    }

    /// Waits for a place, which lasts as long as what is returned.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _line = InLine(&self.waiting);
        if before >= self.most_waiting {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            return Err(ApiError::new(
                429,
                "rejected_execution_exception",
                format!("rejected execution of a search: [{}] run and [{before}] wait", self.running),
            ));
        }
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.map_err(|_| ApiError::new(503, "node_closed_exception", "the store is shutting down"))
    }

    /// Searches that found the line full.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[tokio::test]
    async fn so_many_run_so_many_wait_and_the_rest_is_told() {
        let gate = Gate::new(1, 1);
        let first = gate.enter().await.unwrap();
        {
            let mut second = pin!(gate.enter());
            assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            let error = gate.enter().await.unwrap_err();
            assert_eq!((error.status, error.kind), (429, "rejected_execution_exception"));
            assert_eq!(gate.rejected(), 1);
        }
        // Who went away does not wait any more.
        let mut third = pin!(gate.enter());
        assert!(third.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(first);
        assert!(third.await.is_ok());
    }
}
