//! An OpenSearch of the test's own: it keeps the first document of each index and id, refuses what does not fit its mapping, takes no body that
//! is too long, and misbehaves as it is told to.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::{
    arrivals::Arrivals,
    http::{Message, Reader, answer},
    lines::{Line, text_of},
    mood::{self, Ill},
    world::{World, moment},
};

/// The longest body that it takes, as `http.max_content_length` says it.
pub(crate) const MAX_BODY: usize = 256 << 10;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Engine {
    world: Arc<World>,
    /// Whether it misbehaves.
    pub(crate) rough: AtomicBool,
    /// How often it did what.
    did: Mutex<BTreeMap<Ill, u64>>,
    /// Bodies that were too long.
    too_long: AtomicU64,
    /// Items that were no action with its document.
    pub(crate) broken: AtomicU64,
}

/// A running engine, which can be killed: what it has taken it has.
pub(crate) struct Running {
    pub(crate) engine: Arc<Engine>,
    pub(crate) address: SocketAddr,
    rng: fastrand::Rng,
    running: JoinHandle<()>,
}

impl Running {
    /// At an address of loopback that nobody else has: its port must be free whenever it is started again.
    pub(crate) async fn start(host: &str, world: Arc<World>, mut rng: fastrand::Rng) -> Self {
        let listener = TcpListener::bind((host, 9201)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let engine = Arc::new(Engine {
            world,
            rough: AtomicBool::new(true),
            did: Mutex::default(),
            too_long: AtomicU64::new(0),
            broken: AtomicU64::new(0),
        });
        let running = tokio::spawn(accept(listener, engine.clone(), rng.fork()));
        Self { engine, address, rng, running }
    }

    pub(crate) async fn kill(&mut self) {
        self.running.abort();
        let _ = (&mut self.running).await;
    }

    pub(crate) async fn start_again(&mut self) {
        let listener = crate::rough::listen_again(self.address).await;
        self.running = tokio::spawn(accept(listener, self.engine.clone(), self.rng.fork()));
    }
}

async fn accept(listener: TcpListener, engine: Arc<Engine>, mut rng: fastrand::Rng) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (engine, rng) = (engine.clone(), rng.fork());
        connections.spawn(async move { engine.serve(stream, rng).await });
        while connections.try_join_next().is_some() {}
    }
}

/// The peer gets a reset, not an end.
fn reset(stream: TcpStream) -> io::Result<()> {
    stream.set_zero_linger()
}

impl Engine {
    /// What it did, for the report.
    pub(crate) fn did(&self) -> String {
        let did = self.did.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told: Vec<_> = did.iter().map(|(ill, count)| format!("{} {count}", ill.name())).collect();
        told.push(format!("413 {}", self.too_long.load(Relaxed)));
        told.join(", ")
    }

    async fn serve(&self, mut stream: TcpStream, mut rng: fastrand::Rng) -> io::Result<()> {
        let mut reader = Reader::default();
        while let Some((first, length)) = reader.head(&mut stream).await? {
            if length > MAX_BODY {
                self.too_long.fetch_add(1, Relaxed);
                let said = answer(413, "{\"error\":\"entity content is too large\",\"status\":413}");
                // Some say so at once, others when they have read it all.
                if rng.bool() {
                    stream.write_all(&said).await?;
                    reader.body(&mut stream, length).await?;
                } else {
                    reader.body(&mut stream, length).await?;
                    stream.write_all(&said).await?;
                }
                continue;
            }
            let body = reader.body(&mut stream, length).await?;
            let request = Message { first, body };
            if request.method() != "POST" || request.second() != "/_bulk" {
                // Templates are there.
                let said = answer(200, "{\"acknowledged\":true}");
                let said = if request.method() == "HEAD" { &said[..said.len() - 21] } else { &said[..] };
                stream.write_all(said).await?;
                continue;
            }
            let ill = if self.rough.load(Relaxed) { mood::any(&mut rng) } else { Ill::None };
            *self.did.lock().unwrap_or_else(PoisonError::into_inner).entry(ill).or_default() += 1;
            if !self.bulk(&mut stream, &request.body, ill, &mut rng).await? {
                return reset(stream);
            }
        }
        Ok(())
    }

    /// Answers a request; false where the connection is to be reset.
    async fn bulk(
        &self,
        stream: &mut TcpStream,
        body: &[u8],
        ill: Ill,
        rng: &mut fastrand::Rng,
    ) -> io::Result<bool> {
        match ill {
            Ill::ResetBefore => return Ok(false),
            Ill::Refused(status) => {
                let said = answer(status, &json!({"error": refusal(status), "status": status}).to_string());
                stream.write_all(&said).await?;
                return Ok(true);
            }
            Ill::Slow => moment(rng, mood::SLOW).await,
            _ => {}
        }
        let Some(mut items) = self.take(body, ill) else {
            let error = json!({"type": "action_request_validation_exception", "reason": "id is too long"});
            stream.write_all(&answer(400, &json!({"error": error, "status": 400}).to_string())).await?;
            return Ok(true);
        };
        match ill {
            Ill::ResetAfter => return Ok(false),
            Ill::Silent => {
                std::future::pending::<()>().await;
            }
            Ill::Page => {
                stream.write_all(&answer(200, "<html><body>Welcome!</body></html>")).await?;
                return Ok(true);
            }
            Ill::Twice => {
                items = items.into_iter().flat_map(|item| [item.clone(), item]).collect();
            }
            Ill::Short => items.truncate(items.len() / 2),
            _ => {}
        }
        let failed =
            |item: &Value| item.as_object().is_some_and(|o| o.values().any(|of| !of["error"].is_null()));
        let errors = items.iter().any(failed) != (ill == Ill::WrongFlag);
        let said = answer(200, &json!({"took": 1, "errors": errors, "items": items}).to_string());
        match ill {
            Ill::Cut => {
                let end = rng.usize(1..said.len());
                stream.write_all(&said[..end]).await?;
                return Ok(rng.bool() && { stream.shutdown().await.is_err() });
            }
            Ill::Echo => {
                stream.write_all(&[&said[..], &said[..]].concat()).await?;
            }
            _ => stream.write_all(&said).await?,
        }
        Ok(true)
    }

    /// Takes what it may, and says what became of each item; none where it takes nothing of the request.
    fn take(&self, body: &[u8], ill: Ill) -> Option<Vec<Value>> {
        let parts: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
        // An action of so many bytes has an id of more than 512.
        if parts.iter().step_by(2).any(|action| action.len() > 560) {
            return None;
        }
        let mut lines = parts.into_iter().filter(|line| !line.is_empty());
        let mut items = Vec::new();
        let mut arrivals = self.world.arrivals();
        while let Some(action) = lines.next() {
            let action: Option<Value> = serde_json::from_slice(action).ok();
            let document: Option<Value> = lines.next().and_then(|line| serde_json::from_slice(line).ok());
            let (Some(action), Some(document)) = (action, document) else {
                self.broken.fetch_add(1, Relaxed);
                continue;
            };
            let refuse = match ill {
                Ill::Half(status) if items.len() % 2 == 1 => Some((status, refusal(status))),
                Ill::ReadOnly(status) => Some((status, read_only(status))),
                _ => None,
            };
            items.push(item(&action, &document, refuse, &mut arrivals));
        }
        drop(arrivals);
        self.world.tell();
        Some(items)
    }
}

/// One item of a request, and what is answered.
fn item(action: &Value, document: &Value, refuse: Option<(u16, Value)>, arrivals: &mut Arrivals) -> Value {
    let Some((name, target)) = action.as_object().and_then(|action| action.iter().next()) else {
        return json!({"index": {"status": 400, "error": refusal(400)}});
    };
    let text = |name: &str| target[name].as_str().unwrap_or_default();
    let (index, id) = (text("_index"), text("_id"));
    let said = |status: u16, error: Value| {
        let mut said = json!({"_index": index, "_id": id, "status": status});
        if !error.is_null() {
            said["error"] = error;
        }
        json!({name.as_str(): said})
    };
    if let Some((status, error)) = refuse {
        return said(status, error);
    }
    // Its mapping says that this is a number.
    if document["number"].is_string() {
        let reason = format!("failed to parse field [number] of type [long] in document with id '{id}'");
        let cause = json!({"type": "number_format_exception", "reason": "For input string"});
        return said(400, json!({"type": "mapper_parsing_exception", "reason": reason, "caused_by": cause}));
    }
    let known = arrivals.different;
    arrivals.take(&format!("{index}/{id}"), text_of(document), Line::kind_of(document));
    if arrivals.different > known {
        return said(201, Value::Null);
    }
    if name == "create" {
        let reason = format!("[{id}]: version conflict, document already exists (current version [1])");
        return said(409, json!({"type": "version_conflict_engine_exception", "reason": reason}));
    }
    said(200, Value::Null)
}

fn refusal(status: u16) -> Value {
    let (kind, reason) = match status {
        429 => ("rejected_execution_exception", "rejected execution of coordinating operation"),
        503 => ("unavailable_shards_exception", "primary shard is not active"),
        401 => ("security_exception", "missing authentication credentials"),
        _ => ("exception", "something is wrong"),
    };
    json!({"type": kind, "reason": reason})
}

/// As it is said at the flood stage of the disk.
fn read_only(status: u16) -> Value {
    let why = if status == 403 {
        "FORBIDDEN/12/index read-only / allow delete (api)"
    } else {
        "TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block"
    };
    json!({"type": "cluster_block_exception", "reason": format!("index [storm] blocked by: [{why}];")})
}
