//! Requests of one connection.

use std::{convert::Infallible, pin::pin, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tracing::debug;

use super::super::{Intake, listen::Connection};

/// An answer.
pub(in super::super) type Answer = Response<Full<Bytes>>;

/// The largest head of a request.
const HEAD: usize = 64 << 10;

/// A connection on which no request begins for so long is closed, where no option says so.
const IDLE: Duration = Duration::from_secs(60);

/// Answers one request after the other until the sender goes, or until the collector is told to stop; then the one that waits is
/// answered still.
pub(in super::super) async fn serve<F: Future<Output = Answer> + Send>(
    Connection { stream, peer }: Connection,
    idle: Option<Duration>,
    intake: Intake,
    answer: impl Fn(Request<Incoming>) -> F + Send,
) {
    let service = service_fn(|request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(idle.unwrap_or(IDLE)).max_header_size(HEAD);
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut stop = intake.stop.clone();
    let served = tokio::select! {
        served = serving.as_mut() => Some(served),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    let served = match served {
        Some(served) => served,
        None => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        if error.is_parse() {
            intake.stats.protocol_errors.add(1);
        }
        debug!(%peer, %error, "connection closed");
    }
}
