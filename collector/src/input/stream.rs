//! A stream of bytes that a codec cuts into events.

use std::{io::Read, time::Duration};

use alces_codec::Decoder;
use alces_event::{Event, Timestamp};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tracing::debug;

use super::{Intake, flow::Flow};

/// Bytes read at once.
const PIECE: usize = 64 << 10;

/// Room below which the next bytes are read into memory of their own: what is read shares it with the events made of it.
const SMALL: usize = 4 << 10;

/// Pieces that are read ahead.
const AHEAD: usize = 2;

/// What comes in pieces of any size. May be given up while it waits; nothing is lost by that.
pub(super) trait Pieces: Send {
    /// The next piece; none at the end.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

impl Pieces for mpsc::Receiver<Bytes> {
    async fn next(&mut self) -> Option<Bytes> {
        self.recv().await
    }
}

/// What comes over a connection.
pub(super) struct Incoming<R> {
    input: R,
    /// What was read before, as a whole a piece of its own.
    buffer: BytesMut,
    idle: Option<Duration>,
    /// Since when it is waited for more. What waits for a slow pipeline is not idle.
    since: Option<Instant>,
}

impl<R> Incoming<R> {
    /// What comes after what was read already; with an end where nothing comes for so long.
    pub(super) fn new(input: R, already: BytesMut, idle: Option<Duration>) -> Self {
        Self { input, buffer: already, idle, since: None }
    }
}

impl<R: AsyncRead + Send + Unpin> Pieces for Incoming<R> {
    async fn next(&mut self) -> Option<Bytes> {
        if self.buffer.is_empty() {
            if self.buffer.capacity() < SMALL {
                self.buffer.reserve(PIECE);
            }
            let read = self.input.read_buf(&mut self.buffer);
            let read = match self.idle {
                None => read.await,
                Some(idle) => {
                    let since = *self.since.get_or_insert_with(Instant::now);
                    match timeout_at(since + idle, read).await {
                        Ok(read) => read,
                        Err(_) => {
                            debug!("idle: closed");
                            return None;
                        }
                    }
                }
            };
            self.since = None;
            match read {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => {
                    debug!(%error, "connection lost");
                    return None;
                }
            }
        }
        Some(self.buffer.split().freeze())
    }
}

/// Reads what blocks to the end, on a thread that holds nothing that the end of the collector waits for: a read may block for ever.
pub(super) async fn run(
    input: impl Read + Send + 'static,
    decoder: Box<dyn Decoder>,
    finish: impl FnMut(&mut Event) + Clone + Send + 'static,
    intake: Intake,
) {
    let (sender, pieces) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || read(input, &sender));
    pump(pieces, decoder, finish, intake).await;
}

/// Reads to the end, or until the collector is told to stop. What the codec holds back is then given out, and before that when it
/// is due. Each event is finished by the worker that takes it.
pub(super) async fn pump(
    mut pieces: impl Pieces,
    mut decoder: Box<dyn Decoder>,
    finish: impl FnMut(&mut Event) + Clone + Send + 'static,
    intake: Intake,
) {
    let (mut stop, mut flow) = (intake.stop.clone(), Flow::new(&intake));
    let mut ends = false;
    while !ends {
        let mut events = Vec::new();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {
                ends = true;
                // What is here already was read, or as good as that.
                for _ in 0..=AHEAD {
                    let Some(Some(piece)) = pieces.next().now_or_never() else { break };
                    decoder.decode(piece, (intake.clock)(), &mut events);
                }
            }
            piece = pieces.next() => match piece {
                Some(piece) => decoder.decode(piece, (intake.clock)(), &mut events),
                None => ends = true,
            },
            () = due(decoder.due(), (intake.clock)()) => decoder.flush((intake.clock)(), &mut events),
        }
        if ends {
            decoder.flush((intake.clock)(), &mut events);
        }
        if !flow.send_finished(events, finish.clone()).await {
            return;
        }
    }
    flow.settle().await;
}

fn read(mut input: impl Read, sender: &mpsc::Sender<Bytes>) {
    let mut piece = vec![0; PIECE];
    loop {
        match input.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => {
                // Copied, so that a short line does not hold the memory of a whole piece.
                let bytes = Bytes::copy_from_slice(piece.get(..length).unwrap_or_default());
                if sender.blocking_send(bytes).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return tracing::error!(%error, "the input cannot be read"),
        }
    }
}

/// Resolves when that time is there; never where there is none.
async fn due(at: Option<Timestamp>, now: Timestamp) {
    match at {
        Some(at) => tokio::time::sleep(Duration::try_from(at.duration_since(now)).unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alces_conf::{Options, Source};
    use alces_filters::{Context, EcsMode, NoFiles};
    use tokio::sync::watch;

    use super::*;

    /// What `conf` makes of an input, the events of each batch together; one that gives no more and does not end is told to stop.
    async fn check(conf: &str, input: impl Read + Send + 'static, stops: bool) -> Vec<Vec<String>> {
        let source = Source::new("x.conf", &format!("input {{ stdin {{ codec => {conf} tags => \"t\" }} }}"));
        let config = alces_conf::parse(&source, alces_conf::Escapes::Off).unwrap();
        let Some(alces_conf::Statement::Plugin(plugin)) = config.sections[0].body.first() else {
            panic!("a plugin")
        };
        let context = Context {
            source: &source,
            env: &|_| None,
            ecs: EcsMode::Disabled,
            clock: Arc::new(Timestamp::now),
            files: &NoFiles,
        };
        let mut options = Options::new(&source, &|_| None, plugin);
        let decoration = super::super::Decoration::read(&mut options, &context);
        let codec = super::super::codec(&context, &mut options, alces_codec::Framing::Stream, &[]).unwrap();
        let (out, mut batches) = mpsc::channel(1);
        let (stop, stopping) = watch::channel(false);
        let intake = Intake {
            out: crate::input::Out::of_nobody(out, Arc::default()),
            stats: Arc::default(),
            clock: context.clock.clone(),
            bus: crate::Bus::default(),
            stop: stopping,
        };
        let finish = move |event: &mut Event| decoration.apply(event);
        let running = tokio::spawn(run(input, codec.stream(), finish, intake));
        let mut found = Vec::new();
        loop {
            if stops && found.len() == 1 {
                stop.send(true).unwrap();
            }
            let Some(batch) = batches.recv().await else { break };
            let text = |event: Event| format!("{:?}", event.fields().get("message").and_then(|m| m.as_str()));
            found.push(batch.events.map(text).collect());
            batch.delivery.done();
        }
        running.await.unwrap();
        found
    }

    const MULTILINE: &str = r#"multiline { pattern => "^ " what => "previous" auto_flush_interval => 0.05 }"#;

    #[tokio::test]
    async fn what_is_held_back_comes_at_the_end() {
        let found = check(MULTILINE, &b"a\n b\nc"[..], false).await;
        assert_eq!(found.concat(), [r#"Some("a\n b")"#, r#"Some("c")"#]);
    }

    /// Gives what comes through the channel.
    struct Pipe(std::sync::mpsc::Receiver<&'static [u8]>);

    impl Read for Pipe {
        fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
            let Ok(bytes) = self.0.recv() else { return Ok(0) };
            to[..bytes.len()].copy_from_slice(bytes);
            Ok(bytes.len())
        }
    }

    #[tokio::test]
    async fn what_is_held_back_comes_when_it_is_due_and_when_the_collector_stops() {
        let (send, receive) = std::sync::mpsc::channel();
        send.send(&b"a\n b\n"[..]).unwrap();
        // Nothing more comes, and it does not end.
        let found = check(MULTILINE, Pipe(receive), true).await;
        assert_eq!(found, [[r#"Some("a\n b")"#]]);
        drop(send);
    }
}
