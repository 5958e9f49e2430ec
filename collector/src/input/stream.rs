//! A stream of bytes that a codec cuts into events.

use std::{collections::VecDeque, io::Read, time::Duration};

use alces_codec::Decoder;
use alces_event::Timestamp;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Decoration, Intake};
use crate::batch::Batch;

/// Bytes read at once.
const PIECE: usize = 64 << 10;

/// Pieces that are read ahead.
const AHEAD: usize = 2;

/// Batches that may be under way.
const UNDER_WAY: usize = 8;

/// Reads to the end, or until the collector is told to stop. What the codec holds back is then given out, and before that when it
/// is due.
pub(super) async fn run(
    input: impl Read + Send + 'static,
    mut decoder: Box<dyn Decoder>,
    decoration: Decoration,
    intake: Intake,
) {
    let (sender, mut pieces) = mpsc::channel(AHEAD);
    // A read may block for ever. This thread holds nothing that the end of the collector waits for.
    tokio::task::spawn_blocking(move || read(input, &sender));
    let mut stop = intake.stop.clone();
    let mut under_way = VecDeque::new();
    loop {
        let mut events = Vec::new();
        let mut ends = false;
        tokio::select! {
            biased;
            piece = pieces.recv() => match piece {
                Some(piece) => decoder.decode(piece, (intake.clock)(), &mut events),
                None => ends = true,
            },
            () = due(decoder.due(), (intake.clock)()) => decoder.flush((intake.clock)(), &mut events),
            _ = stop.wait_for(|stop| *stop) => ends = true,
        }
        if ends {
            decoder.flush((intake.clock)(), &mut events);
        }
        if !events.is_empty() {
            events.iter_mut().for_each(|event| decoration.apply(event));
            intake.stats.events_in.add(events.len() as u64);
            let (batch, delivered) = Batch::new(events.len(), events.into_iter());
            under_way.push_back(delivered);
            if intake.out.send(batch).await.is_err() {
                return;
            }
        }
        while under_way.len() > if ends { 0 } else { UNDER_WAY } {
            if let Some(delivered) = under_way.pop_front() {
                let _ = delivered.await;
            }
        }
        if ends {
            return;
        }
    }
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
    use alces_event::Event;
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
        let decoration = Decoration::read(&mut options, &context);
        let codec = super::super::codec(&context, &mut options, alces_codec::Framing::Stream, &[]).unwrap();
        let (out, mut batches) = mpsc::channel(1);
        let (stop, stopping) = watch::channel(false);
        let intake = Intake { out, stats: Arc::default(), clock: context.clock.clone(), stop: stopping };
        let running = tokio::spawn(run(input, codec.stream(), decoration, intake));
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
