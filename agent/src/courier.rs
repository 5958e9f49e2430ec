//! One connection after the other, to one collector or to the first of several that answers.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use crate::{
    Compression,
    hosts::Hosts,
    ship::Shared,
    speak::{End, Speech},
    status::Board,
    stream::Dialer,
};

pub(crate) struct Courier {
    pub(crate) hosts: Hosts,
    pub(crate) dialer: Dialer,
    pub(crate) shared: Arc<Shared>,
    pub(crate) board: Arc<Board>,
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub(crate) compression: Compression,
    pub(crate) zlib_level: u32,
    pub(crate) window_events: usize,
    /// At once at the most.
    pub(crate) windows: usize,
    pub(crate) outage: Option<Outage>,
}

/// No collector acknowledges anything.
pub(crate) struct Outage {
    since: Timestamp,
    began: Instant,
}

impl Courier {
    /// Carries for ever.
    pub(crate) async fn run(mut self) {
        loop {
            let Some((address, wait)) = self.hosts.next(Instant::now().into_std()) else { return };
            let address = address.to_owned();
            if !wait.is_zero() {
                self.rest(wait).await;
            }
            let end = self.carry(&address).await;
            let now = Instant::now().into_std();
            match end {
                End::Idle { worked } => {
                    debug!(collector = %address, "the collector closed a connection on which nothing was under way");
                    if !worked {
                        self.hosts.failed(now);
                    }
                    // Opened again when there is something to say.
                    self.wait_for_work().await;
                }
                End::Broken(error) => {
                    self.hosts.failed(now);
                    self.board.away(&address, &error);
                    self.tell_away(&address, &error);
                }
            }
        }
    }

    /// Connects, and sends until the connection ends.
    async fn carry(&mut self, address: &str) -> End {
        let stream = match self.dialer.connect(address).await {
            Ok(stream) => stream,
            Err(error) => return End::Broken(error),
        };
        if self.outage.is_none() {
            info!(collector = %address, "connected");
        }
        self.board.connected(address);
        let connection = self.shared.lock().new_connection();
        let mut speech = Speech::new(self, address, connection);
        let end = speech
            .hold(stream, || {
                self.hosts.worked();
                if let Some(outage) = self.outage.take() {
                    let seconds = outage.began.elapsed().as_secs();
                    info!(collector = %address, since = %outage.since, seconds, "the collector is back");
                }
            })
            .await;
        self.shared.change(|state| state.outbox.broken(connection));
        end
    }

    async fn rest(&self, wait: Duration) {
        let resting = Resting::new(&self.shared);
        sleep(wait).await;
        drop(resting);
    }

    async fn wait_for_work(&self) {
        loop {
            let changed = self.shared.changed.notified();
            if self.shared.lock().outbox.is_waiting() {
                return;
            }
            changed.await;
        }
    }

    /// Said once, not at every attempt.
    fn tell_away(&mut self, address: &str, error: &std::io::Error) {
        if self.outage.is_some() {
            debug!(collector = %address, %error, "the collector is still away");
            return;
        }
        let since = (self.clock)();
        self.outage = Some(Outage { since, began: Instant::now() });
        let events: usize = self.shared.lock().outbox.pending().map(crate::batch::Batch::len).sum();
        warn!(collector = %address, %error, %since, events, "the collector is away: waiting, no line is lost");
    }
}

/// Counted while it lives.
struct Resting<'s>(&'s Shared);

impl<'s> Resting<'s> {
    fn new(shared: &'s Shared) -> Self {
        shared.change(|state| state.resting += 1);
        Self(shared)
    }
}

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.resting -= 1);
    }
}
