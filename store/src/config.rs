//! What the store must be told before it starts.

use crate::error::StoreError;
use crate::security::users::Users;
use alces_serve::TlsFiles;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads the time: milliseconds since 1970-01-01T00:00:00Z. Passed in so that a test owns it.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The store's settings. [`Config::new`] fills in what suits a small machine.
#[derive(Clone)]
pub struct Config {
    /// The folder that holds all data. It is made if it is missing. One process at a time.
    pub data_dir: PathBuf,
    /// Shown as `cluster_name` by `GET /`.
    pub cluster_name: String,
    /// How long an acknowledged document may stay invisible to searches (OpenSearch's `refresh_interval`).
    pub refresh_interval: Duration,
    /// Documents that become one segment at most.
    pub segment_rows: u32,
    /// Bytes of documents that become one segment at most; in memory they take about a third.
    pub segment_bytes: usize,
    /// Largest request body in bytes, after unpacking. OpenSearch's `http.max_content_length` is 100 MB.
    pub max_body: usize,
    /// Bytes of bulk requests that may wait at one time; more is answered with 429.
    pub max_in_flight: usize,
    /// Bytes of memory that all searches together may hold (buckets, sketches, hits); a search that wants more is answered with 429.
    pub search_memory: usize,
    /// Searches that run at one time.
    pub searches_at_once: usize,
    /// Searches that may wait for those; further ones are answered with 429. OpenSearch's search queue has 1000 places.
    pub searches_waiting: usize,
    /// Indexes that there may be; each takes memory and files even at rest. OpenSearch's `cluster.max_shards_per_node` is 1000.
    pub max_indices: usize,
    /// The certificate to show; without one connections are plain.
    pub tls: Option<TlsFiles>,
    /// Whether other machines may come without TLS and without a login.
    pub allow_plaintext: bool,
    /// Where `now` comes from.
    pub clock: Clock,
}

impl Config {
    /// Settings with the defaults: 1 s refresh, segments of 57,344 documents or 96 MB, 100 MB bodies, 256 MB for searches, the
    /// system's clock.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            cluster_name: "alces-store".to_owned(),
            refresh_interval: Duration::from_secs(1),
            segment_rows: 57_344,
            segment_bytes: 96_000_000,
            max_body: 100 * 1024 * 1024,
            max_in_flight: 256 * 1024 * 1024,
            search_memory: 256 * 1024 * 1024,
            searches_at_once: searches_at_once(std::thread::available_parallelism().map_or(1, usize::from)),
            searches_waiting: 1000,
            max_indices: 1000,
            tls: None,
            allow_plaintext: false,
            clock: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }),
        }
    }
}

/// Three quarters of the cores: ingest keeps the rest. Two at least, so that a long search does not hold up all others.
fn searches_at_once(cores: usize) -> usize {
    (cores * 3 / 4).max(2)
}

impl Config {
    /// Whether the store may listen at an address: beyond this machine it wants TLS and a login.
    ///
    /// # Errors
    /// [`StoreError::Exposed`] says what is missing; the file of users cannot be read.
    pub fn check_exposure(&self, address: SocketAddr) -> Result<(), StoreError> {
        if address.ip().is_loopback() || self.allow_plaintext {
            return Ok(());
        }
        let has_users = Users::load(&self.data_dir)?.is_some_and(|users| !users.is_empty());
        let missing = match (self.tls.is_some(), has_users) {
            (true, true) => return Ok(()),
            (true, false) => {
                "anybody could log in: make a user with `alces store user add NAME --role admin`"
            }
            (false, true) => "nothing is encrypted: give `--tls-cert` and `--tls-key`",
            (false, false) => {
                "anybody could read and write: give `--tls-cert` and `--tls-key`, and make a user with `alces store user \
                 add NAME --role admin`"
            }
        };
        Err(StoreError::Exposed { address, missing })
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}
