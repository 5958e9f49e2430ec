//! Sending windows and waiting for their acknowledgement.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alces_lumberjack::{Answer, AnswerReader, Compression, Packer};
use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, WriteHalf},
    sync::mpsc::Receiver,
    time::{Instant, sleep},
};
use tracing::{info, warn};

use crate::{
    Config,
    batch::Batch,
    registry::Registry,
    stream::{Dialer, Stream},
};

/// A collector that says nothing for this long while a window is under way is taken for dead; a living one sends a sign
/// of life every few seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// How often the registry is written while acknowledgements come in. A kill in between means that lines are sent again,
/// with the ids that they had.
const SAVE_EVERY: Duration = Duration::from_millis(250);

/// How long windows under way are waited for when the agent is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

pub(crate) struct Shipper {
    pub(crate) config: Config,
    pub(crate) dialer: Dialer,
    pub(crate) registry: Arc<Mutex<Registry>>,
    /// Sent and not acknowledged, oldest first.
    pub(crate) in_flight: VecDeque<Batch>,
    pub(crate) totals: Totals,
}

/// What was shipped, for the last word.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) acknowledged: u64,
    pub(crate) replaced: u64,
    pub(crate) cut: u64,
}

enum End {
    /// Everything that came was acknowledged, and no more will come.
    Done,
    /// The connection is of no more use.
    Broken(io::Error),
}

impl Shipper {
    /// Ships until `batches` is closed and everything is acknowledged, or `DRAIN` is over after that.
    pub(crate) async fn run(mut self, mut batches: Receiver<Batch>) -> Totals {
        let mut waiting = false;
        let mut failures: u32 = 0;
        let mut host = 0;
        loop {
            if batches.is_closed() && batches.is_empty() && self.in_flight.is_empty() {
                break;
            }
            let address = self.config.collectors[host % self.config.collectors.len()].clone();
            let result = match self.dialer.connect(&address).await {
                Ok(stream) => {
                    info!(collector = %address, "connected");
                    waiting = false;
                    let acknowledged = self.totals.acknowledged;
                    let end = self.speak(stream, &mut batches).await;
                    if self.totals.acknowledged > acknowledged {
                        failures = 0;
                    }
                    end
                }
                Err(error) => End::Broken(error),
            };
            self.save();
            let End::Broken(error) = result else { break };
            // Said once, not at every attempt.
            if !waiting {
                warn!(collector = %address, %error, "the collector is away: waiting, no line is lost");
                waiting = true;
            }
            if batches.is_closed() {
                break;
            }
            host += 1;
            failures += 1;
            sleep(back_off(failures, &address)).await;
        }
        self.save();
        self.totals
    }

    async fn speak(&mut self, stream: Box<dyn Stream>, batches: &mut Receiver<Batch>) -> End {
        let (mut read, mut write) = tokio::io::split(stream);
        let mut out = Vec::new();
        let mut packer = Packer::new(Compression::Zlib(self.config.compression));
        for batch in &self.in_flight {
            batch.frames().window(0..batch.len(), &mut packer, &mut out);
        }
        if let Err(error) = send(&mut write, &out).await {
            return End::Broken(error);
        }
        let mut input = BytesMut::with_capacity(1024);
        let mut acks = AnswerReader::default();
        let mut heard = Instant::now();
        let mut saved = Instant::now();
        let mut closed_at: Option<Instant> = None;
        loop {
            if self.in_flight.is_empty() {
                heard = Instant::now();
                if closed_at.is_some() {
                    return End::Done;
                }
            }
            let deadline = closed_at.map_or(heard + SILENCE, |at| (at + DRAIN).min(heard + SILENCE));
            tokio::select! {
                batch = batches.recv(), if closed_at.is_none() && self.in_flight.len() < self.config.windows_in_flight => {
                    let Some(batch) = batch else {
                        closed_at = Some(Instant::now());
                        continue;
                    };
                    out.clear();
                    batch.frames().window(0..batch.len(), &mut packer, &mut out);
                    self.in_flight.push_back(batch);
                    if let Err(error) = send(&mut write, &out).await {
                        return End::Broken(error);
                    }
                }
                got = read.read_buf(&mut input) => {
                    match got {
                        Ok(0) => return End::Broken(io::ErrorKind::UnexpectedEof.into()),
                        Ok(_) => heard = Instant::now(),
                        Err(error) => return End::Broken(error),
                    }
                    loop {
                        match acks.next_answer(&mut input) {
                            Ok(Some(Answer::Ack(seq))) => self.acknowledged(seq),
                            Ok(Some(Answer::Zstd(_))) => {}
                            Ok(None) => break,
                            Err(error) => return End::Broken(io::Error::other(error)),
                        }
                    }
                    if saved.elapsed() >= SAVE_EVERY {
                        self.save();
                        saved = Instant::now();
                    }
                }
                () = tokio::time::sleep_until(saved + SAVE_EVERY), if self.in_flight.is_empty() && saved + SAVE_EVERY > heard => {
                    self.save();
                    saved = Instant::now() + Duration::from_secs(3600);
                }
                () = tokio::time::sleep_until(deadline) => {
                    return End::Broken(io::Error::from(io::ErrorKind::TimedOut));
                }
            }
        }
    }

    /// The oldest window is done when its last number is acknowledged; 0 is a sign of life, and less than the last is
    /// progress that we do not need.
    fn acknowledged(&mut self, seq: u32) {
        let Some(oldest) = self.in_flight.front() else { return };
        if (seq as usize) < oldest.len() {
            return;
        }
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        for (file, position) in oldest.positions() {
            registry.acknowledge(file, position);
        }
        self.totals.acknowledged += oldest.len() as u64;
        self.totals.replaced += oldest.replaced;
        self.totals.cut += oldest.cut;
        self.in_flight.pop_front();
    }

    fn save(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = registry.save() {
            // Offsets that are behind mean lines sent again with the same ids, which changes nothing.
            warn!(%error, "the registry cannot be written");
        }
    }
}

/// TLS keeps what was written until it is told to send it.
async fn send(write: &mut WriteHalf<Box<dyn Stream>>, bytes: &[u8]) -> io::Result<()> {
    write.write_all(bytes).await?;
    write.flush().await
}

/// 0.25 s doubling to 15 s, with up to a quarter more so that a fleet does not come back in one moment. The spread needs
/// to differ between agents and attempts, not to be unpredictable.
fn back_off(failures: u32, address: &str) -> Duration {
    let base = Duration::from_millis(250) * 2_u32.pow(failures.min(7) - 1);
    let base = base.min(Duration::from_secs(15));
    let seed = format!("{address}{failures}{}", std::process::id());
    let spread = xxhash_rust::xxh3::xxh3_64(seed.as_bytes()) % 256;
    base + base * spread as u32 / 1024
}
