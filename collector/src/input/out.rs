//! The end of a pipeline's queue that an input fills.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{Stats, batch::Batch, plugins::PluginStats};

/// The end of a pipeline's queue that an input fills; what goes in is counted as the input's.
#[derive(Clone)]
pub(crate) struct Out {
    queue: mpsc::Sender<Batch>,
    input: Arc<PluginStats>,
    stats: Arc<Stats>,
}

/// The pipeline has ended.
#[derive(Debug)]
pub(crate) struct Ended;

impl Out {
    pub(crate) fn new(queue: mpsc::Sender<Batch>, input: Arc<PluginStats>, stats: Arc<Stats>) -> Self {
        Self { queue, input, stats }
    }

    /// For a test, which knows no plugin.
    #[cfg(test)]
    pub(crate) fn of_nobody(queue: mpsc::Sender<Batch>, stats: Arc<Stats>) -> Self {
        let label = alces_filters::Label { id: String::new(), name: String::new() };
        Self::new(queue, PluginStats::new(label), stats)
    }

    /// Waits for a place in the queue, for what is made only when there is one.
    pub(crate) async fn reserve(&self) -> Result<Place<'_>, Ended> {
        Ok(Place { place: self.queue.reserve().await.map_err(|_| Ended)?, out: self })
    }

    /// Waits for a place in the queue.
    pub(crate) async fn send(&self, mut batch: Batch) -> Result<(), Ended> {
        batch.count(&self.input, &self.stats);
        self.queue.send(batch).await.map_err(|_| Ended)
    }

    /// The same, on a thread of its own.
    pub(crate) fn blocking_send(&self, mut batch: Batch) -> Result<(), Ended> {
        batch.count(&self.input, &self.stats);
        self.queue.blocking_send(batch).map_err(|_| Ended)
    }
}

/// A place in the queue.
pub(crate) struct Place<'o> {
    place: mpsc::Permit<'o, Batch>,
    out: &'o Out,
}

impl Place<'_> {
    pub(crate) fn send(self, mut batch: Batch) {
        batch.count(&self.out.input, &self.out.stats);
        self.place.send(batch);
    }
}
