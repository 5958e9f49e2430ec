//! An input whose listeners are open.

use std::{io, net::SocketAddr};

use tokio::task::JoinHandle;
use tracing::info;

use super::Intake;

/// An input that is ready to run.
pub(crate) struct Bound {
    listening: Option<(&'static str, SocketAddr)>,
    start: Box<dyn FnOnce(Intake) -> JoinHandle<()> + Send>,
}

impl Bound {
    /// One that waits for what comes.
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        run: impl FnOnce(Intake) -> F + Send + 'static,
    ) -> Self {
        Self { listening: None, start: Box::new(|intake| tokio::spawn(run(intake))) }
    }

    /// One that blocks, and so has a thread of its own.
    pub(super) fn blocking(run: impl FnOnce(Intake) + Send + 'static) -> Self {
        let start = |intake| tokio::task::spawn_blocking(move || run(intake));
        Self { listening: None, start: Box::new(start) }
    }

    /// Says where it listens.
    pub(super) fn listening(self, name: &'static str, address: io::Result<SocketAddr>) -> Self {
        Self { listening: address.ok().map(|address| (name, address)), ..self }
    }

    /// The input's name and where it listens, if it does.
    pub(crate) fn listening_at(&self) -> Option<(&'static str, SocketAddr)> {
        self.listening
    }

    /// Runs it. It ends when the collector is told to stop, or at the end of what it reads.
    pub(crate) fn start(self, intake: Intake) -> JoinHandle<()> {
        if let Some((name, address)) = self.listening {
            // In the words that people and tests look for.
            info!(%address, "{name} input listening");
        }
        (self.start)(intake)
    }
}
