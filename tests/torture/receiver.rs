//! A collector that writes down what it got, may take its time to say so, and can be killed in between.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alces_lumberjack::{Limits, Payload, Window, WindowReader, asks, encode_ack, encode_offer};
use bytes::BytesMut;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::world::{World, moment};

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    world: Arc<World>,
    rng: fastrand::Rng,
    running: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start(world: Arc<World>, mut rng: fastrand::Rng) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = tokio::spawn(accept(listener, world.clone(), rng.fork()));
        Self { address, world, rng, running }
    }

    /// As `kill -9` does it: what was written down stays, what was not acknowledged never is.
    pub(crate) async fn kill(&mut self) {
        self.running.abort();
        let _ = (&mut self.running).await;
    }

    pub(crate) async fn start_again(&mut self) {
        let listener = crate::rough::listen_again(self.address).await;
        self.running = tokio::spawn(accept(listener, self.world.clone(), self.rng.fork()));
    }
}

/// Takes connections; they end when this does.
async fn accept(listener: TcpListener, world: Arc<World>, mut rng: fastrand::Rng) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (world, rng) = (world.clone(), rng.fork());
        connections.spawn(async move { serve(stream, &world, rng).await });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, world: &World, mut rng: fastrand::Rng) -> std::io::Result<()> {
    let mut reader = WindowReader::new(Limits::default());
    let mut input = BytesMut::new();
    // Some collectors know our own form, others do not.
    let mut may_offer = rng.bool();
    loop {
        let window = match reader.next_window(&mut input) {
            Ok(Some(window)) => window,
            Ok(None) => {
                if stream.read_buf(&mut input).await? == 0 {
                    return Ok(());
                }
                continue;
            }
            Err(_) => {
                world.broken.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                return Ok(());
            }
        };
        if std::mem::take(&mut may_offer)
            && let Some(Payload::Json(first)) = window.events.first()
            && asks(first)
        {
            reader.allow_records();
            stream.write_all(&encode_offer()).await?;
        }
        let (version, ack) = (window.version, window.ack);
        write_down(world, &window);
        // A kill here is the worst moment: everything is there and nobody knows.
        match rng.u8(..) {
            0..8 => {
                stream.write_all(&encode_ack(version, 0)).await?;
                moment(&mut rng, 50..1500).await;
            }
            8..64 => moment(&mut rng, 1..50).await,
            _ => {}
        }
        stream.write_all(&encode_ack(version, ack)).await?;
    }
}

fn write_down(world: &World, window: &Window) {
    let mut arrivals = world.arrivals();
    for event in &window.events {
        let Some(bytes) = event.document() else { continue };
        let Some(event) = Event::read(&bytes) else {
            arrivals.foreign.push(format!("no event: {}", String::from_utf8_lossy(&bytes)));
            continue;
        };
        arrivals.take(&event.id, &event.text, &event.place);
    }
    drop(arrivals);
    world.tell();
}

struct Event {
    id: String,
    text: String,
    place: String,
}

impl Event {
    fn read(bytes: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(bytes).ok()?;
        let text = document["message"].as_str()?.to_owned();
        let place = format!("{}@{}", document["log"]["file"]["path"].as_str()?, document["log"]["offset"]);
        // Filebeat's events have no id: place and time tell an event that is sent again from a line that was read again, and
        // our collector makes an id of them.
        let made = || format!("{place} {}", document["@timestamp"]);
        let id = document["@metadata"]["_id"].as_str().map_or_else(made, str::to_owned);
        Some(Self { id, text, place })
    }
}

/// How long a receiver that was killed stays away.
pub(crate) fn absence(rng: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(if rng.u8(..) < 64 { rng.u64(500..2000) } else { rng.u64(0..100) })
}
