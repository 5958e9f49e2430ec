//! What a sender is told: that its windows are there, in their order, and that we live.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alces_lumberjack::{encode_ack, encode_offer};
use tokio::{
    io::{AsyncWriteExt as _, WriteHalf},
    sync::{mpsc, oneshot},
    time::{Interval, interval},
};

use super::super::tls::Stream;
use crate::batch::Delivered;

/// A sign of life goes out this often while a window is being worked on (Filebeat gives up after 30 s of silence).
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// A window to be acknowledged in its turn, whose sender sees signs of life from now on.
pub(super) struct Turn {
    pub(super) version: u8,
    pub(super) taken: oneshot::Receiver<Taken>,
}

/// A window that is on its way through the pipeline.
pub(super) struct Taken {
    pub(super) ack: u32,
    /// The sender asked for our own form, and is told before the acknowledgement that it may send it.
    pub(super) offer: bool,
    pub(super) delivered: Delivered,
}

/// Acknowledges windows in order, each as a whole, with signs of life in between. A window that is not delivered ends the
/// connection unacknowledged.
pub(super) async fn acknowledge(
    mut write: WriteHalf<Box<dyn Stream>>,
    mut turns: mpsc::Receiver<Turn>,
    outstanding: Arc<AtomicUsize>,
) {
    while let Some(Turn { version, taken }) = turns.recv().await {
        let mut alive = interval(KEEP_ALIVE);
        alive.tick().await;
        let Some(taken) = wait(taken, version, &mut write, &mut alive).await else { return };
        if taken.offer && send(&mut write, &encode_offer()).await.is_err() {
            return;
        }
        if wait(taken.delivered, version, &mut write, &mut alive).await.is_none()
            || send(&mut write, &encode_ack(version, taken.ack)).await.is_err()
        {
            return;
        }
        outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits for what comes of a window, with signs of life; none where nothing does, or the sender is gone.
async fn wait<T>(
    mut what: oneshot::Receiver<T>,
    version: u8,
    write: &mut WriteHalf<Box<dyn Stream>>,
    alive: &mut Interval,
) -> Option<T> {
    loop {
        tokio::select! {
            what = &mut what => return what.ok(),
            _ = alive.tick() => send(write, &encode_ack(version, 0)).await.ok()?,
        }
    }
}

/// TLS keeps what was written until it is told to send it.
async fn send(write: &mut WriteHalf<Box<dyn Stream>>, bytes: &[u8]) -> io::Result<()> {
    write.write_all(bytes).await?;
    write.flush().await
}
