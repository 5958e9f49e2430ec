//! An engine that answers as it is told, and a proxy before it.

use std::{
    convert::Infallible,
    io::Read as _,
    sync::{Arc, Mutex, MutexGuard},
};

use alces_tls::ServerConfig;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// What came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// `POST /_bulk?a=b`.
    pub(super) what: String,
    pub(super) headers: HeaderMap,
    /// Unpacked.
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// How an answer is chosen: by how the request begins, and how often it is given.
type Told = (&'static str, usize, u16, String);

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    told: Vec<Told>,
}

/// An engine that listens.
#[derive(Clone)]
pub(super) struct Engine {
    state: Arc<Mutex<State>>,
    pub(super) port: u16,
}

impl Engine {
    pub(super) async fn new(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let engine = Self { state: Arc::default(), port };
        let serving = engine.clone();
        tokio::spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap().0;
                let (engine, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => engine.serve(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await {
                                engine.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        engine
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let answer = service_fn(|request| async { Ok::<_, Infallible>(self.answer(request).await) });
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let mut body = String::new();
        if head.headers.get("content-encoding").is_some_and(|kind| kind == "gzip") {
            flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut body).unwrap();
        } else {
            body = String::from_utf8(bytes.to_vec()).unwrap();
        }
        let what = format!("{} {}", head.method, head.uri);
        let mut state = self.state();
        let told = state.told.iter_mut().find(|(begin, left, ..)| *left > 0 && what.starts_with(begin));
        let (status, text) = match told {
            Some((_, left, status, text)) => {
                *left -= 1;
                (*status, text.clone())
            }
            None => (200, all_taken(&body)),
        };
        state.asked.push(Asked { what, headers: head.headers, body });
        Response::builder().status(status).body(Full::from(text)).unwrap()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What was asked since this was called last.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    /// The same, what it was alone.
    pub(super) fn heads(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }

    /// Answers requests that begin so, for so many times.
    pub(super) fn will_say(&self, begin: &'static str, times: usize, status: u16, text: impl ToString) {
        self.state().told.push((begin, times, status, text.to_string()));
    }

    /// Answers all as it would without being told.
    pub(super) fn forgets(&self) {
        self.state().told.clear();
    }
}

/// The answer that each item is taken.
fn all_taken(body: &str) -> String {
    let is_action = |line: &&str| {
        serde_json::from_str::<Value>(line)
            .is_ok_and(|v| v.get("index").is_some() || v.get("create").is_some())
    };
    let items: Vec<Value> =
        body.lines().filter(is_action).map(|_| json!({"index": {"status": 201}})).collect();
    json!({"took": 1, "errors": false, "items": items}).to_string()
}

/// A proxy that leads to an engine, whatever it is asked for; its port, and the heads of what came.
pub(super) async fn proxy(engine: &Engine) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, to) = (listener.local_addr().unwrap().port(), engine.port);
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let seen = heads.clone();
    tokio::spawn(async move {
        loop {
            let mut stream = listener.accept().await.unwrap().0;
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut read = Vec::new();
                while !read.windows(4).any(|end| end == b"\r\n\r\n") {
                    if stream.read_buf(&mut read).await.unwrap() == 0 {
                        return;
                    }
                }
                let text = String::from_utf8_lossy(&read).into_owned();
                let login = text.lines().find(|line| line.to_lowercase().starts_with("proxy-authorization"));
                let login = login.map_or("", |line| line.split_once(": ").unwrap().1);
                let first = text.lines().next().unwrap();
                seen.lock().unwrap().push(format!("{first} {login}"));
                let mut other = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                if first.starts_with("CONNECT") {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                } else {
                    other.write_all(&read).await.unwrap();
                }
                let _ = copy_bidirectional(&mut stream, &mut other).await;
            });
        }
    });
    (port, heads)
}
