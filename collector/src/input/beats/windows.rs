//! Bytes of one connection to windows in the pipeline's queue.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use alces_lumberjack::{Limits, Next, ProtocolError, Window, WindowReader};
use bytes::BytesMut;
use tokio::sync::{mpsc, oneshot};

use super::{
    super::{Intake, decoded::Decoded, out::Place},
    BeatsPlan,
    acknowledge::{Taken, Turn},
    events::{asks_for_records, batch, decoded_batch},
};

/// What one sender sends.
pub(super) struct Windows {
    reader: WindowReader,
    plan: BeatsPlan,
    decoded: Option<Decoded>,
    intake: Intake,
    turns: mpsc::Sender<Turn>,
    /// The turn of the window that is being read, once its first packed frame is there.
    turn: Option<oneshot::Sender<Taken>>,
    outstanding: Arc<AtomicUsize>,
    /// Its first document has come.
    spoken: bool,
}

/// Nothing more is taken.
pub(super) enum Stop {
    /// The pipeline or the connection has ended.
    Ended,
    Broken(ProtocolError),
}

impl Windows {
    /// Each window takes its turn in `turns`, and counts as `outstanding` until it is acknowledged.
    pub(super) fn new(
        plan: BeatsPlan,
        intake: Intake,
        turns: mpsc::Sender<Turn>,
        outstanding: Arc<AtomicUsize>,
    ) -> Self {
        let decoded = plan.codec.as_ref().map(|codec| Decoded::new(codec, &plan.decoration, plan.codec_tag));
        let reader = WindowReader::new(Limits::default());
        Self { reader, plan, decoded, intake, turns, turn: None, outstanding, spoken: false }
    }

    /// Whether the end of the stream here cuts a window.
    pub(super) fn is_inside_one(&self) -> bool {
        self.reader.is_inside_window()
    }

    /// Takes what is whole of `input` into the pipeline's queue.
    ///
    /// What is packed stays so until the queue has a place for it: many senders at once would else be many windows in memory,
    /// each ten times its size. The place is given back at the end, so that nobody waits for a sender that is slow with the rest
    /// of its window.
    pub(super) async fn take(&mut self, input: &mut BytesMut) -> Result<(), Stop> {
        let intake = self.intake.clone();
        let mut place = None;
        loop {
            match self.reader.advance(input).map_err(Stop::Broken)? {
                Next::More => return Ok(()),
                Next::Packed => {
                    // The turn first: while it waits for its place, the sender sees signs of life.
                    self.take_turn(self.reader.version()).await?;
                    if place.is_none() {
                        place = Some(intake.out.reserve().await.map_err(|_| Stop::Ended)?);
                    }
                    self.reader.unpack().map_err(Stop::Broken)?;
                }
                Next::Window(window) => {
                    self.take_turn(window.version).await?;
                    let place = match place.take() {
                        Some(place) => place,
                        None => intake.out.reserve().await.map_err(|_| Stop::Ended)?,
                    };
                    self.hand_on(window, place)?;
                }
            }
        }
    }

    async fn take_turn(&mut self, version: u8) -> Result<(), Stop> {
        if self.turn.is_none() {
            let (turn, taken) = oneshot::channel();
            self.turns.send(Turn { version, taken }).await.map_err(|_| Stop::Ended)?;
            self.turn = Some(turn);
        }
        Ok(())
    }

    fn hand_on(&mut self, window: Window, place: Place<'_>) -> Result<(), Stop> {
        // Without its writer the sender would not hear of the window, and sends it again.
        let turn = self.turn.take().filter(|turn| !turn.is_closed()).ok_or(Stop::Ended)?;
        let ack = window.ack;
        // The first document of a connection may ask for our own form.
        let first = window.events.first().filter(|_| !self.spoken);
        let offer = first.is_some_and(asks_for_records);
        self.spoken |= first.is_some();
        if offer {
            self.reader.allow_records();
        }
        let (batch, delivered) = match &self.decoded {
            None => batch(window, offer, &self.plan, &self.intake),
            Some(decoded) => decoded_batch(window, offer, decoded, &self.intake),
        };
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        let promised = turn.send(Taken { ack, offer, delivered });
        // Counted as taken by now, so that it goes on even if its sender has left at this moment.
        place.send(batch);
        promised.map_err(|_| Stop::Ended)
    }
}
