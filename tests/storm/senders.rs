//! Those who send to the collector: each window again until it is acknowledged, as senders must.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alces_lumberjack::{Answer, AnswerReader, encode_window};
use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    http::post,
    lines::Line,
    world::{World, moment},
};

/// How a sender speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To `beats`.
    Lumberjack,
    /// Arrays of JSON to `http`.
    Http,
    /// `_bulk` to `elastic_bulk`.
    Bulk,
}

/// Who has heard nothing for so long asks on another connection.
const PATIENCE: Duration = Duration::from_secs(12);

/// One who sends.
pub(crate) struct Sender {
    pub(crate) way: Way,
    pub(crate) name: String,
    pub(crate) to: SocketAddr,
    /// Whether some of the lines are longer than a request may be.
    pub(crate) long: bool,
}

impl Sender {
    /// Sends windows until `end`, and what is not acknowledged then until it is. How many windows were sent more than once.
    pub(crate) async fn live(self, world: Arc<World>, mut rng: fastrand::Rng, end: Instant) -> u64 {
        let (way, to) = (self.way, self.to);
        let mut connection = None;
        let mut resent = 0;
        while Instant::now() < end {
            let most = if rng.u8(..) < 16 { 2000 } else { 200 };
            let lines: Vec<Line> =
                (0..rng.usize(1..most)).map(|_| Line::new(&world, &self, &mut rng)).collect();
            let window = way.encode(&lines, &mut rng);
            let mut attempts = 0u64;
            while !attempt(way, &mut connection, to, &window, lines.len()).await {
                connection = None;
                attempts += 1;
                moment(&mut rng, 5..100).await;
            }
            resent += u64::from(attempts > 0);
            moment(&mut rng, 0..40).await;
        }
        resent
    }
}

impl Way {
    fn encode(self, lines: &[Line], rng: &mut fastrand::Rng) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Lumberjack => {
                let documents: Vec<Vec<u8>> = lines
                    .iter()
                    .map(|line| {
                        let mut document = line.document.clone();
                        document["@metadata"] = json!({"beat": "storm", "_id": line.id});
                        document.to_string().into_bytes()
                    })
                    .collect();
                encode_window(&mut out, documents.iter().map(Vec::as_slice), rng.u32(0..4));
            }
            Self::Http => {
                let documents: Vec<Value> = lines
                    .iter()
                    .map(|line| {
                        let mut document = line.document.clone();
                        document["id"] = json!(line.id);
                        document
                    })
                    .collect();
                out = json!(documents).to_string().into_bytes();
            }
            Self::Bulk => {
                for line in lines {
                    let action = json!({"create": {"_index": "storm", "_id": line.id}});
                    out.extend(format!("{action}\n{}\n", line.document).into_bytes());
                }
            }
        }
        out
    }
}

/// Whether all of a window is acknowledged.
async fn attempt(
    way: Way,
    connection: &mut Option<TcpStream>,
    to: SocketAddr,
    window: &[u8],
    lines: usize,
) -> bool {
    if connection.is_none() {
        *connection = TcpStream::connect(to).await.ok();
    }
    let Some(stream) = connection else { return false };
    let answer = match way {
        Way::Lumberjack => return acknowledged(stream, window, lines as u32).await.is_some(),
        Way::Http => post(stream, "/", "application/json", window, PATIENCE * 3).await,
        Way::Bulk => post(stream, "/_bulk", "application/x-ndjson", window, PATIENCE * 3).await,
    };
    let Some(answer) = answer.filter(|answer| answer.second() == "200") else { return false };
    let said = || serde_json::from_slice::<Value>(&answer.body).ok();
    matches!(way, Way::Http) || said().is_some_and(|said| said["errors"] == false)
}

async fn acknowledged(stream: &mut TcpStream, window: &[u8], lines: u32) -> Option<()> {
    let (mut reader, mut input) = (AnswerReader::default(), BytesMut::new());
    timeout(PATIENCE, stream.write_all(window)).await.ok()?.ok()?;
    loop {
        while let Some(answer) = reader.next_answer(&mut input).ok()? {
            if answer == Answer::Ack(lines) {
                return Some(());
            }
        }
        // There is a sign of life every few seconds.
        let read = timeout(PATIENCE, stream.read_buf(&mut input)).await.ok()?.ok()?;
        if read == 0 {
            return None;
        }
    }
}
