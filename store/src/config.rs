//! What the store must be told before it starts.

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
    /// Where `now` comes from.
    pub clock: Clock,
}

impl Config {
    /// Settings with the defaults: 1 s refresh, segments of 100,000 documents or 128 MB, 100 MB bodies, the system's clock.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            cluster_name: "alces-store".to_owned(),
            refresh_interval: Duration::from_secs(1),
            segment_rows: 100_000,
            segment_bytes: 128_000_000,
            max_body: 100 * 1024 * 1024,
            max_in_flight: 256 * 1024 * 1024,
            clock: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }),
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}
