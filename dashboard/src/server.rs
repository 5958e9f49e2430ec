//! Connections: taking them, encrypting them, letting them go.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;
use tracing::{debug, warn};

use crate::certificates::Certificates;

/// Connections at a time. More wait, in the system's own queue, until one ends.
const CONNECTIONS: u32 = 1024;
/// The head of a request: its size in bytes, its number of headers, and the time that it may take, which is that of an idle connection too.
const HEAD: usize = 64 << 10;
const HEADERS: usize = 100;
const HEAD_TIME: Duration = Duration::from_secs(120);
/// So long a client may take to agree upon TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Who is at the other end of the connection: a visitor or a proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Serves until `shutdown` completes; requests that are under way then are answered still.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    certificates: Option<Arc<Certificates>>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
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
                let (router, certificates, stopping) =
                    (router.clone(), certificates.clone(), stopping.clone());
                tokio::spawn(async move {
                    let _place = place;
                    connection(stream, peer, router, certificates, stopping).await;
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
    let _ = places.acquire_many(CONNECTIONS).await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    certificates: Option<Arc<Certificates>>,
    stopping: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let Some(certificates) = certificates else { return requests(stream, peer, router, stopping).await };
    let acceptor = TlsAcceptor::from(certificates.now());
    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, peer, router, stopping).await,
        Ok(Err(error)) => debug!(%peer, %error, "connection closed: no TLS came about"),
        Err(_) => debug!(%peer, "connection closed: no TLS came about in time"),
    }
}

/// Answers one request after the other. What a client that goes away had asked for is dropped, and with that stops.
async fn requests<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer.ip().to_canonical()));
        // A router is always ready.
        let answer = router.clone().call(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
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
