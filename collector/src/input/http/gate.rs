//! What a request must pass before its body is looked at: who sends it, how many wait already, how large it is, how it is packed.

use std::{io::Read, sync::Arc, time::Duration};

use alces_conf::Options;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Body as _, Incoming},
    header::{CONTENT_ENCODING, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    http::request::Parts,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{super::Intake, auth::Auth};

/// Bytes above which a body is worked on elsewhere, so that it does not hold up the other connections.
const LARGE: usize = 64 << 10;

/// A window of zstd at most, as a power of two: 8 MiB, which RFC 9659 says is what HTTP may want.
const WINDOW_LOG: u32 = 23;

/// The gate of one input.
#[derive(Clone, Debug)]
pub(in super::super) struct Gate {
    pub(in super::super) auth: Auth,
    pending: Arc<Semaphore>,
    most: usize,
    most_inflated: usize,
    /// So long nothing may come of a body that has begun.
    patience: Duration,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Refusal {
    /// It does not say who sends it, or not rightly.
    Unauthorized,
    /// So many wait that it must come again.
    Busy,
    /// The collector ends, or could not deliver: it must come again.
    Unavailable,
    /// Its body is larger than it may be, packed or unpacked.
    TooLarge,
    /// It is packed in a way that is not known.
    UnknownPacking,
    /// Its body broke off or is not what it says.
    Broken,
    /// Its body did not come.
    TooSlow,
}

impl Refusal {
    /// The status and what is said with it.
    pub(in super::super) fn says(self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "not authorized"),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy: send it again later"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "not delivered: send it again later"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            Self::UnknownPacking => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "known encodings are gzip, deflate and zstd")
            }
            Self::Broken => (StatusCode::BAD_REQUEST, "the body cannot be read"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body did not come"),
        }
    }

    /// Whether the sender should come again.
    fn passes(self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }
}

impl Gate {
    /// Reads the options.
    pub(in super::super) fn read(options: &mut Options<'_>, patience: Option<Duration>) -> Self {
        let mut size = |name| options.integer(name, 1..=i64::from(i32::MAX)).map(|bytes| bytes as usize);
        let (most, inflated) = (size("max_content_length"), size("max_inflated_length"));
        options.differs(
            "max_inflated_length",
            "an option of ours: the same for what a packed body is when it is unpacked",
        );
        let pending = options.integer("max_pending_requests", 1..=100_000).unwrap_or(200);
        options.differs(
            "max_pending_requests",
            "a request waits until its events are delivered, and counts as long",
        );
        let most = most.unwrap_or(100 << 20);
        Self {
            auth: Auth::read(options),
            pending: Arc::new(Semaphore::new(pending as usize)),
            most,
            most_inflated: inflated.unwrap_or(100 << 20),
            patience: patience.unwrap_or(Duration::from_secs(60)),
        }
    }

    /// Takes a request in: what it says, its body, and its place among those that wait, to be held until it is answered.
    pub(in super::super) async fn admit(
        &self,
        request: Request<Incoming>,
        intake: &Intake,
    ) -> Result<(Parts, Bytes, OwnedSemaphorePermit), Refusal> {
        let (parts, body) = request.into_parts();
        self.auth.check(&parts.headers)?;
        if *intake.stop.borrow() {
            return Err(Refusal::Unavailable);
        }
        let place = self.pending.clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let packing = Packing::of(&parts.headers)?;
        let mut stop = intake.stop.clone();
        let body = tokio::select! {
            body = self.collect(body) => body?,
            _ = stop.wait_for(|stop| *stop) => return Err(Refusal::Unavailable),
        };
        let most = self.most_inflated;
        let body = match packing {
            None => body,
            Some(packing) => blocking(body.len(), move || packing.unpack(&body, most)).await??,
        };
        Ok((parts, body, place))
    }

    /// Says in headers what the sender is to do about it.
    pub(in super::super) fn explain(&self, refusal: Refusal, headers: &mut HeaderMap) {
        if refusal.passes() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if refusal == Refusal::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(self.auth.challenge()));
        }
    }

    async fn collect(&self, mut body: Incoming) -> Result<Bytes, Refusal> {
        // What is said to come, where it is said.
        if body.size_hint().lower() > self.most as u64 {
            return Err(Refusal::TooLarge);
        }
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        loop {
            let frame = timeout(self.patience, body.frame()).await.map_err(|_| Refusal::TooSlow)?;
            let Some(frame) = frame else { break };
            let Ok(data) = frame.map_err(|_| Refusal::Broken)?.into_data() else { continue };
            if first.len() + whole.len() + data.len() > self.most {
                return Err(Refusal::TooLarge);
            }
            // A body of one piece is not copied.
            if first.is_empty() && whole.is_empty() {
                first = data;
            } else {
                whole.extend_from_slice(&std::mem::take(&mut first));
                whole.extend_from_slice(&data);
            }
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }
}

/// Does work that may take long where it holds nobody up.
pub(in super::super) async fn blocking<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    if size <= LARGE {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Unavailable)
}

/// How a body is packed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packing {
    Gzip,
    Deflate,
    Zstd,
}

impl Packing {
    /// What the headers say; none where it is not packed.
    fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
        match value.to_str().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            Ok("" | "identity") => Ok(None),
            Ok("gzip" | "x-gzip") => Ok(Some(Self::Gzip)),
            Ok("deflate") => Ok(Some(Self::Deflate)),
            Ok("zstd") => Ok(Some(Self::Zstd)),
            _ => Err(Refusal::UnknownPacking),
        }
    }

    /// The body unpacked, up to a size.
    pub(super) fn unpack(self, body: &[u8], most: usize) -> Result<Bytes, Refusal> {
        match self {
            Self::Gzip => read(flate2::read::MultiGzDecoder::new(body), most),
            Self::Deflate => read(flate2::read::ZlibDecoder::new(body), most),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(body).map_err(|_| Refusal::Broken)?;
                decoder.window_log_max(WINDOW_LOG).map_err(|_| Refusal::Broken)?;
                read(decoder, most)
            }
        }
    }
}

fn read(unpacked: impl Read, most: usize) -> Result<Bytes, Refusal> {
    let mut whole = Vec::new();
    unpacked.take(most as u64 + 1).read_to_end(&mut whole).map_err(|_| Refusal::Broken)?;
    if whole.len() > most { Err(Refusal::TooLarge) } else { Ok(whole.into()) }
}

/// For the fuzzer.
pub(super) fn fuzz(body: &[u8]) {
    const MOST: usize = 1 << 16;
    for packing in [Packing::Gzip, Packing::Deflate, Packing::Zstd] {
        if let Ok(unpacked) = packing.unpack(body, MOST) {
            assert!(unpacked.len() <= MOST);
        }
    }
}
