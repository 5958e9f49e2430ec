//! The net between agent and collector, and its weather.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// What happens to bytes on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Clear,
    /// A kilobyte every few milliseconds.
    Trickle,
    /// Nothing passes, and nobody is told.
    BlackHole,
}

#[derive(Clone, Copy, Debug)]
struct Sky {
    weather: Weather,
    /// Counts: connections from before it went up are cut.
    cuts: u64,
    /// Counts: connections from before it went up lose the way to the collector (odd), or the way back (even).
    halves: u64,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    sky: watch::Sender<Sky>,
    pub(crate) connections: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

/// What the weather was, as counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Storms {
    pub(crate) cuts: u64,
    pub(crate) halves: u64,
    pub(crate) trickles: u64,
    pub(crate) black_holes: u64,
}

impl Proxy {
    pub(crate) async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sky = watch::Sender::new(Sky { weather: Weather::Clear, cuts: 0, halves: 0 });
        let connections = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(accept(listener, to, sky.subscribe(), connections.clone()));
        Self { port, sky, connections, accepting }
    }

    /// One change of weather, and back; adds to the counts.
    pub(crate) async fn storm(&self, rng: &mut fastrand::Rng, storms: &mut Storms) {
        match rng.u8(0..8) {
            0..4 => {
                storms.cuts += 1;
                self.sky.send_modify(|sky| sky.cuts += 1);
            }
            4 | 5 => {
                storms.halves += 1;
                let step = 1 + rng.u64(0..2);
                self.sky.send_modify(|sky| sky.halves += step);
            }
            6 => {
                storms.trickles += 1;
                self.turn(Weather::Trickle, rng.u64(200..1500)).await;
            }
            _ => {
                storms.black_holes += 1;
                self.turn(Weather::BlackHole, rng.u64(200..3000)).await;
                // Real ones end like this, too.
                if rng.bool() {
                    storms.cuts += 1;
                    self.sky.send_modify(|sky| sky.cuts += 1);
                }
            }
        }
    }

    async fn turn(&self, weather: Weather, milliseconds: u64) {
        self.sky.send_modify(|sky| sky.weather = weather);
        sleep(Duration::from_millis(milliseconds)).await;
        self.clear();
    }

    pub(crate) fn clear(&self) {
        self.sky.send_modify(|sky| sky.weather = Weather::Clear);
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, sky: watch::Receiver<Sky>, count: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((from, _)) = listener.accept().await {
        count.fetch_add(1, Ordering::Relaxed);
        let mut sky = sky.clone();
        let begun = *sky.borrow();
        connections.spawn(async move {
            let Ok(to) = TcpStream::connect(to).await else { return };
            let (from_read, from_write) = from.into_split();
            let (to_read, to_write) = to.into_split();
            let there = pump(from_read, to_write, sky.clone(), begun, 1);
            let back = pump(to_read, from_write, sky.clone(), begun, 0);
            tokio::select! {
                _ = async { tokio::join!(there, back) } => {}
                // Cut: both ends are dropped with whatever is under way.
                _ = sky.wait_for(|sky| sky.cuts != begun.cuts) => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Passes bytes on until an end closes, or this half is closed from outside.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut sky: watch::Receiver<Sky>,
    begun: Sky,
    half: u64,
) {
    let mut closed = sky.clone();
    let closed = closed.wait_for(|sky| sky.halves != begun.halves && sky.halves % 2 == half);
    let pass = async {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let Ok(now) = sky.wait_for(|sky| sky.weather != Weather::BlackHole).await.map(|sky| sky.weather)
            else {
                return;
            };
            let limit = if now == Weather::Trickle { 1 << 10 } else { buffer.len() };
            match from.read(&mut buffer[..limit]).await {
                Ok(read) if read > 0 => {
                    // It may have closed in while nothing came.
                    if sky.wait_for(|sky| sky.weather != Weather::BlackHole).await.is_err()
                        || to.write_all(&buffer[..read]).await.is_err()
                    {
                        return;
                    }
                }
                _ => return,
            }
            if now == Weather::Trickle {
                sleep(Duration::from_millis(3)).await;
            }
        }
    };
    tokio::select! {
        () = pass => {}
        _ = closed => {}
    }
    let _ = to.shutdown().await;
}
