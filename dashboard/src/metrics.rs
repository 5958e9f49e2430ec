//! The dashboard's own figures, in Prometheus' text format.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Metrics {
    requests: AtomicU64,
    drawn: AtomicU64,
    micros: AtomicU64,
    failed: AtomicU64,
}

impl Metrics {
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// One board was asked for and answered.
    pub(crate) fn board_made(&self, took: Duration) {
        self.drawn.fetch_add(1, Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn backend_failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let mut one = |name: &str, help: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        };
        one(
            "alces_dashboard_http_requests_total",
            "Requests served by the dashboard.",
            self.requests.load(Relaxed).to_string(),
        );
        one(
            "alces_dashboard_boards_total",
            "Boards answered by the backend.",
            self.drawn.load(Relaxed).to_string(),
        );
        one(
            "alces_dashboard_backend_seconds_total",
            "Time spent waiting for the backend.",
            format!("{:.6}", self.micros.load(Relaxed) as f64 / 1e6),
        );
        one(
            "alces_dashboard_backend_failures_total",
            "Boards that the backend did not answer.",
            self.failed.load(Relaxed).to_string(),
        );
        out
    }
}
