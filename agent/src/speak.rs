//! One connection: windows out, answers in.

use std::{future::pending, io, ops::Range, sync::Arc, time::Duration};

use alces_lumberjack::{Answer, AnswerReader, Compression as Packing, Packer};
use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, WriteHalf},
    time::{Instant, sleep_until},
};
use tracing::{debug, warn};

use crate::{
    Compression, batch::Batch, courier::Courier, outbox::Connection, ship::Shared, status::Board,
    stream::Stream, wire::Wire,
};

/// A collector that says nothing for this long while a window is under way is taken for dead; a living one sends a sign
/// of life every few seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// How a connection ended.
pub(crate) enum End {
    /// The collector closed it while nothing was under way, as they do with idle ones.
    Idle {
        /// It had acknowledged something before.
        worked: bool,
    },
    /// It is of no more use.
    Broken(io::Error),
}

/// What is said on one connection.
pub(crate) struct Speech {
    shared: Arc<Shared>,
    connection: Connection,
    board: Arc<Board>,
    address: String,
    wire: Wire,
    packer: Packer,
    compression: Compression,
    /// Whether the collector knows our own form: asked with the first window, open until it is acknowledged.
    own: Own,
    out: Out,
    /// What is in `out` may go then, by the rate limit.
    not_before: Instant,
    /// The last sign of life.
    heard: Instant,
    worked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    NotAsked,
    Asked,
    Answered,
}

impl Speech {
    pub(crate) fn new(courier: &Courier, address: &str, connection: Connection) -> Self {
        Self {
            shared: courier.shared.clone(),
            connection,
            board: courier.board.clone(),
            address: address.to_owned(),
            wire: Wire::new(courier.window_events, courier.windows),
            packer: Packer::new(courier.compression.for_anybody(courier.zlib_level)),
            compression: courier.compression,
            own: Own::NotAsked,
            out: Out::default(),
            not_before: Instant::now(),
            heard: Instant::now(),
            worked: false,
        }
    }

    /// Speaks until the connection ends. `works` is called when the first window is acknowledged.
    pub(crate) async fn hold(&mut self, stream: Box<dyn Stream>, works: impl FnOnce()) -> End {
        match self.try_hold(stream, works).await {
            Ok(()) if self.wire.is_idle() => End::Idle { worked: self.worked },
            Ok(()) => End::Broken(broken(
                io::ErrorKind::UnexpectedEof,
                "it closed the connection on windows under way",
            )),
            Err(error) if self.wire.is_idle() && error.kind() == io::ErrorKind::ConnectionReset => {
                End::Idle { worked: self.worked }
            }
            Err(error) => End::Broken(error),
        }
    }

    async fn try_hold(&mut self, stream: Box<dyn Stream>, works: impl FnOnce()) -> io::Result<()> {
        let (mut read, mut write) = tokio::io::split(stream);
        let mut input = BytesMut::with_capacity(1024);
        let mut answers = AnswerReader::default();
        let (shared, mut works) = (self.shared.clone(), Some(works));
        loop {
            let changed = shared.changed.notified();
            self.fill();
            let now = Instant::now();
            if self.wire.is_idle() {
                self.heard = now;
            }
            let held = self.out.is_busy() && self.not_before > now;
            let more = self.wire.has_room() && !self.out.is_busy();
            tokio::select! {
                got = read.read_buf(&mut input) => {
                    if got? == 0 {
                        return Ok(());
                    }
                    self.heard = Instant::now();
                    while let Some(answer) = answers.next_answer(&mut input).map_err(io::Error::other)? {
                        if self.answered(answer) && let Some(works) = works.take() {
                            self.worked = true;
                            works();
                        }
                    }
                }
                // A slow way is no dead end: what it takes is a sign of life.
                done = self.out.step(&mut write), if self.out.is_busy() && !held => {
                    done?;
                    self.heard = Instant::now();
                }
                () = sleep_until(self.not_before), if held => self.heard = Instant::now(),
                () = async { if more { changed.await } else { pending().await } } => {}
                () = sleep_until(self.heard + SILENCE), if !self.wire.is_idle() && !held => {
                    return Err(broken(io::ErrorKind::TimedOut, "it said nothing for 60 s with windows under way"));
                }
            }
        }
    }

    /// Puts the next window into `out`, where the last one has left.
    fn fill(&mut self) {
        if self.out.is_busy() || !self.wire.has_room() {
            return;
        }
        let mut state = self.shared.lock();
        let portion = state.rate.as_ref().map_or(usize::MAX, crate::pace::Rate::portion);
        let mut took = false;
        let packing = self.packer.compression();
        let next = self.wire.next((portion, packing), || {
            let parcel = state.outbox.take(self.connection);
            took = parcel.is_some();
            parcel
        });
        let Some((batch, range)) = next else { return };
        let now = Instant::now();
        let documents = batch.lines().bytes_of(range.clone(), packing);
        self.not_before = match &mut state.rate {
            Some(rate) => rate.take(documents, now.into_std()).into(),
            None => now,
        };
        drop(state);
        if took {
            // There is room for another.
            self.shared.changed.notify_waiters();
        }
        self.encode(&batch, range);
    }

    fn encode(&mut self, batch: &Arc<Batch>, range: Range<usize>) {
        if self.packer.compression() == Packing::Records {
            let place = batch.lines().own_window(range, &mut self.out.bytes);
            self.out.behind = Some((batch.clone(), place));
            return;
        }
        let asks = self.own == Own::NotAsked && self.compression.for_our_own().is_some();
        if batch.lines().window(range, asks, &mut self.packer, &mut self.out.bytes) {
            self.own = Own::Asked;
        }
    }

    /// Whether a window has arrived.
    fn answered(&mut self, answer: Answer) -> bool {
        match answer {
            Answer::Records(version) => {
                if let Some(packing) = self.compression.for_our_own()
                    && version >= 1
                    && self.own == Own::Asked
                {
                    self.packer.set(packing);
                    self.own = Own::Answered;
                    debug!(?packing, "windows go out in our own form");
                }
                false
            }
            Answer::Ack(seq) => {
                let Some(arrived) = self.wire.acknowledged(seq) else { return false };
                self.board.acknowledged(&self.address, arrived.events as u64);
                self.shared.change(|state| match arrived.whole {
                    true => state.outbox.done(self.connection, arrived.number),
                    false => state.outbox.arrived(self.connection, arrived.number, arrived.to),
                });
                if self.own == Own::Asked && self.compression == Compression::Zstd && !self.worked {
                    warn!("the collector does not know zstd: windows go out as zlib");
                }
                true
            }
        }
    }
}

fn broken(kind: io::ErrorKind, how: &'static str) -> io::Error {
    io::Error::new(kind, how)
}

/// Bytes on their way out.
#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    /// What follows them, in the buffer of its batch: millions of lines are not copied once more.
    behind: Option<(Arc<Batch>, Range<usize>)>,
    written: usize,
}

impl Out {
    fn is_busy(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Writes some, or sends off what is written. It may be dropped at any moment and be called again.
    async fn step(&mut self, write: &mut WriteHalf<Box<dyn Stream>>) -> io::Result<()> {
        let rest = self.bytes.get(self.written..).filter(|rest| !rest.is_empty()).or_else(|| {
            let (batch, place) = self.behind.as_ref()?;
            let from = place.start + (self.written - self.bytes.len());
            batch.lines().as_buffer().get(from..place.end).filter(|rest| !rest.is_empty())
        });
        match rest {
            Some(rest) => match write.write(rest).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => self.written += written,
            },
            None => {
                // TLS keeps what was written until it is told to send it.
                write.flush().await?;
                self.bytes.clear();
                self.behind = None;
                self.written = 0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
