//! Shipping: batches in, the registry moved when they have arrived. The connections are [`crate::courier`]'s.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, mpsc::Receiver, oneshot},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tracing::warn;

use crate::{
    Config,
    batch::Batch,
    buffer::Buffer,
    courier::Courier,
    hosts::Hosts,
    outbox::{Connection, Outbox},
    pace::Rate,
    registry::Registry,
    status::Board,
    stream::Dialer,
};

/// How often the registry is written while acknowledgements come in. A kill in between means that lines are sent again,
/// with the ids that they had.
const SAVE_EVERY: Duration = Duration::from_millis(250);

/// How long windows under way are waited for when the agent is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// What the shipper and its couriers have in common.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Something of the state is different.
    pub(crate) changed: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) outbox: Outbox<Batch>,
    /// What may go out over all connections together.
    pub(crate) rate: Option<Rate>,
    /// Couriers whose collectors are away.
    pub(crate) resting: usize,
    connections: u64,
}

impl State {
    /// A connection that there never was.
    pub(crate) fn new_connection(&mut self) -> Connection {
        self.connections += 1;
        Connection(self.connections)
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes everybody.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_waiters();
    }
}

pub(crate) struct Shipper {
    pub(crate) config: Config,
    pub(crate) dialer: Dialer,
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) board: Arc<Board>,
    pub(crate) buffer: Option<Buffer>,
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Chooses the first collector; it should differ from agent to agent.
    pub(crate) seed: u64,
}

/// What was shipped, for the last word.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) acknowledged: u64,
    pub(crate) replaced: u64,
    pub(crate) cut: u64,
}

impl Shipper {
    /// Ships until `batches` is closed and everything is acknowledged. Once `stop` resolves, no longer than `DRAIN` and no longer than
    /// a collector answers.
    pub(crate) async fn run(
        self,
        mut batches: Receiver<Arc<Batch>>,
        mut stop: oneshot::Receiver<()>,
    ) -> Totals {
        let shared = Arc::new(Shared::default());
        shared.lock().rate = self.config.rate_limit.map(|limit| Rate::new(limit, Instant::now().into_std()));
        let mut couriers = JoinSet::new();
        for courier in self.couriers(&shared) {
            couriers.spawn(courier.run());
        }
        let (mut totals, mut closed, mut drain) = (Totals::default(), false, None);
        // When the registry is to be written.
        let mut save: Option<Instant> = None;
        let mut saved = Instant::now();
        loop {
            let changed = shared.changed.notified();
            if self.settle(&shared, &mut totals) {
                save = save.or(Some(saved + SAVE_EVERY));
            }
            let (room, empty, resting) = {
                let state = shared.lock();
                let outbox = &state.outbox;
                let room = !outbox.is_waiting() && outbox.len() < self.most(couriers.len());
                (room && !closed, outbox.is_empty(), state.resting >= couriers.len())
            };
            if (closed && empty) || (drain.is_some() && resting) {
                break;
            }
            let never = Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                batch = batches.recv(), if room => match batch {
                    Some(batch) => shared.change(|state| state.outbox.push(batch)),
                    None => closed = true,
                },
                () = changed => {}
                _ = &mut stop, if drain.is_none() => drain = Some(Instant::now() + DRAIN),
                () = sleep_until(drain.unwrap_or(never)), if drain.is_some() => break,
                () = sleep_until(save.unwrap_or(never)), if save.is_some() => {
                    self.save();
                    save = None;
                    saved = Instant::now();
                }
            }
        }
        self.save();
        totals
    }

    /// One for each collector, or one for all.
    fn couriers(&self, shared: &Arc<Shared>) -> Vec<Courier> {
        let rings: Vec<&[String]> = match self.config.load_balance {
            true => self.config.collectors.chunks(1).collect(),
            false => vec![&self.config.collectors],
        };
        let courier = |ring| Courier {
            hosts: Hosts::new(ring, self.seed),
            dialer: self.dialer.clone(),
            shared: shared.clone(),
            board: self.board.clone(),
            clock: self.clock.clone(),
            compression: self.config.compression,
            zlib_level: self.config.zlib_level,
            window_events: self.config.window_events,
            windows: self.config.windows_in_flight,
            outage: None,
        };
        rings.into_iter().map(courier).collect()
    }

    /// Batches that may be under way, or wait for an older one: a collector that is slow with its windows must not stop the others at
    /// once.
    fn most(&self, couriers: usize) -> usize {
        2 * couriers * self.config.windows_in_flight.max(1)
    }

    /// Moves the registry over what has arrived. Whether anything has.
    fn settle(&self, shared: &Shared, totals: &mut Totals) -> bool {
        let settled: Vec<_> = std::iter::from_fn(|| shared.lock().outbox.settle()).collect();
        for batch in &settled {
            self.move_offsets(batch);
            totals.acknowledged += batch.len() as u64;
            totals.replaced += batch.replaced;
            totals.cut += batch.cut;
        }
        !settled.is_empty()
    }

    fn move_offsets(&self, batch: &Batch) {
        if let Some(record) = batch.record() {
            // Its offsets moved when it was written to the spool.
            self.buffer.iter().for_each(|buffer| buffer.acknowledge(record));
            return;
        }
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        batch.positions().for_each(|(file, position)| registry.acknowledge(file, position));
        drop(registry);
        if batch.positions().next().is_some() {
            self.buffer.iter().for_each(Buffer::arrived);
        }
    }

    fn save(&self) {
        self.buffer.iter().for_each(Buffer::save);
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = registry.save() {
            // Offsets that are behind mean lines sent again with the same ids, which changes nothing.
            warn!(%error, "the registry cannot be written");
        }
    }
}

#[cfg(test)]
mod tests;
