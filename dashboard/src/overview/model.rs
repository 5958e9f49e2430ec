//! What the first page knows. This is also the shape of `GET /api/v1/overview`.

use serde::Serialize;

use super::verdict::Verdict;

/// A part of the page: what is known, or the backend's reason for not knowing.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Part<T> {
    Known(T),
    Failed { failed: String },
}

impl<T> Part<T> {
    pub(crate) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Failed { .. } => None,
        }
    }
}

/// Everything on the page. Shares are 0 to 1, times of requests are milliseconds, instants are epoch milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Overview {
    pub(crate) verdict: Verdict,
    pub(crate) range: Span,
    pub(crate) totals: Part<Totals>,
    /// The range of the same length just before.
    pub(crate) previous: Part<Totals>,
    pub(crate) lines: Part<Lines>,
    pub(crate) series: Vec<Bucket>,
    pub(crate) top_urls: Part<Vec<UrlRow>>,
    pub(crate) newest_errors: Part<Vec<ErrorLine>>,
    pub(crate) hosts: Part<Hosts>,
    pub(crate) fields: UsedFields,
    /// What the reader should know about the figures: shards that failed, a search that was cut short.
    pub(crate) notes: Vec<String>,
    /// How long the backend took, milliseconds.
    pub(crate) took_ms: u64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) asked_at: i64,
    pub(crate) step_seconds: i64,
}

/// Requests of a span of time.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) requests: u64,
    pub(crate) by_class: Classes,
    /// Share of 5xx; unknown without requests.
    pub(crate) error_rate_5xx: Option<f64>,
    /// Share of 4xx; unknown without requests.
    pub(crate) error_rate_4xx: Option<f64>,
    pub(crate) latency: Option<Latency>,
    pub(crate) upstream_p95: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Classes {
    #[serde(rename = "2xx")]
    pub(crate) c2: u64,
    #[serde(rename = "3xx")]
    pub(crate) c3: u64,
    #[serde(rename = "4xx")]
    pub(crate) c4: u64,
    #[serde(rename = "5xx")]
    pub(crate) c5: u64,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
}

/// One bucket of time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bucket {
    pub(crate) at: i64,
    /// Seconds of it that lie within the range and in the past: what rates are divided by.
    pub(crate) seconds: f64,
    /// Whether it lies between the oldest and the newest line; outside of them a zero means "nothing known".
    pub(crate) known: bool,
    #[serde(flatten)]
    pub(crate) totals: Totals,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Lines {
    pub(crate) total: u64,
    /// Lines that no grok pattern could read.
    pub(crate) unparsed: u64,
    /// Oldest line of the range.
    pub(crate) oldest: Option<i64>,
    /// Newest line of the range.
    pub(crate) newest: Option<i64>,
    /// Newest line of all.
    pub(crate) newest_of_all: Option<i64>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct UrlRow {
    pub(crate) url: String,
    pub(crate) requests: u64,
    pub(crate) errors_5xx: u64,
    pub(crate) p95: Option<f64>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ErrorLine {
    pub(crate) at: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Hosts {
    /// The busiest hosts, busiest first.
    pub(crate) shown: Vec<Host>,
    /// Whether there are more hosts than are shown.
    pub(crate) more: bool,
}

/// One host: a value a bucket, shares 0 to 1, bytes a second.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) cpu: Vec<Option<f64>>,
    pub(crate) memory: Vec<Option<f64>>,
    pub(crate) disk: Vec<Option<f64>>,
    pub(crate) net_in: Vec<Option<f64>>,
    pub(crate) net_out: Vec<Option<f64>>,
}

/// Which fields were asked, for those who wonder where a figure comes from.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct UsedFields {
    pub(crate) status: Vec<String>,
    pub(crate) url: Option<String>,
    pub(crate) request_time: Option<String>,
    pub(crate) upstream_time: Option<String>,
}
