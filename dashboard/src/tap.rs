//! Where lines can be seen as they pass: whoever embeds the dashboard opens it, as the dashboard knows no collector.

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// The bytes of an answer of a collector's `GET /_tap/PIPELINE`: a JSON object a line, `{"event": …}` or `{"seen": …}`.
pub type TapStream = BoxStream<'static, io::Result<Bytes>>;

type Opener = dyn Fn() -> BoxFuture<'static, Result<TapStream, String>> + Send + Sync;

/// Opens the stream of a collector's events, once for each visitor who looks.
#[derive(Clone)]
pub struct Tap(Arc<Opener>);

impl Tap {
    /// `open` connects and asks; its error is shown to the visitor, so it must hold no secret.
    pub fn new(
        open: impl Fn() -> BoxFuture<'static, Result<TapStream, String>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(open))
    }

    pub(crate) async fn open(&self) -> Result<TapStream, String> {
        (self.0)().await
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}
