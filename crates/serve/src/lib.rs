//! Connections of an HTTP server: taking them, encrypting them, letting them go. Store and dashboard have the same limits and the same way to end.
//!
//! Knows sockets and tokio, unlike most of `crates/`: that is what it is about. It does not know what is answered.

#![forbid(unsafe_code)]

mod certificates;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

pub use certificates::{CertificateError, Certificates, TlsFiles};

/// The head of a request: its size in bytes, its number of headers, and the time that it may take. More is answered with 431. The time is
/// that of a connection on which no request begins, too: longer than clients commonly keep one, so that it is they who close it.
const HEAD: usize = 64 << 10;
const HEADERS: usize = 100;
const HEAD_TIME: Duration = Duration::from_secs(120);
/// So long a client may take to agree upon TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves until `shutdown` completes; requests that are under way then are answered still. There are `most` connections at a time: more wait,
/// in the system's own queue, until one ends. `answer` is told who is at the other end.
pub async fn serve<F: Future<Output = Response> + Send>(
    listener: TcpListener,
    most: u32,
    certificates: Option<Certificates>,
    answer: impl Fn(SocketAddr, Request) -> F + Clone + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send,
) {
    let places = Arc::new(Semaphore::new(most as usize));
    let certificates = certificates.map(Arc::new);
    let (stop, stopping) = watch::channel(false);
    let mut shutdown = pin!(shutdown);
    loop {
        let place = Arc::clone(&places);
        let accepted = tokio::select! {
            accepted = async { (place.acquire_owned().await, listener.accept().await) } => accepted,
            () = shutdown.as_mut() => break,
        };
        let (Ok(place), accepted) = accepted else { break };
        match accepted {
            Ok((stream, peer)) => {
                let (answer, certificates, stopping) =
                    (answer.clone(), certificates.clone(), stopping.clone());
                tokio::spawn(async move {
                    let _place = place;
                    connection(stream, peer, certificates, answer, stopping).await;
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: the connections that are there go on, new ones wait.
                warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let _ = stop.send(true);
    let _ = places.acquire_many(most).await;
}

async fn connection<F: Future<Output = Response> + Send>(
    stream: TcpStream,
    peer: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    answer: impl Fn(SocketAddr, Request) -> F + Send + Sync,
    stopping: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let Some(certificates) = certificates else { return requests(stream, peer, answer, stopping).await };
    let acceptor = TlsAcceptor::from(certificates.now());
    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, peer, answer, stopping).await,
        Ok(Err(error)) => debug!(%peer, %error, "connection closed: no TLS came about"),
        Err(_) => debug!(%peer, "connection closed: no TLS came about in time"),
    }
}

/// Answers one request after the other. What a client that goes away had asked for is dropped, and with that stops.
async fn requests<S: AsyncRead + AsyncWrite + Unpin + Send, F: Future<Output = Response> + Send>(
    stream: S,
    peer: SocketAddr,
    answer: impl Fn(SocketAddr, Request) -> F + Send + Sync,
    mut stopping: watch::Receiver<bool>,
) {
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let answer = answer(peer, request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_headers(HEADERS).max_buf_size(HEAD);
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = serving.as_mut() => Some(served),
        _ = stopping.wait_for(|stop| *stop) => None,
    };
    let served = match served {
        Some(served) => served,
        None => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        debug!(%peer, %error, "connection closed");
    }
}
