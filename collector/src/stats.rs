//! What was counted. At any moment: in = acknowledged + dead-lettered + dropped by filters + lost + held.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

macro_rules! counters {
    ($($(#[doc = $help:literal])+ $name:ident => $metric:literal,)+) => {
        /// The counters of one pipeline, all since its start.
        #[derive(Debug, Default)]
        pub struct Stats {
            $($(#[doc = $help])+ pub $name: Counter,)+
        }

        /// The counters of pipelines in Prometheus' text format.
        pub(crate) fn prometheus(pipelines: &[(String, Arc<Stats>)]) -> String {
            let mut out = String::new();
            $(
                let help = concat!($($help),+).trim();
                out.push_str(&format!("# HELP {0} {help}\n# TYPE {0} counter\n", $metric));
                for (id, stats) in pipelines {
                    let id = id.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                    out.push_str(&format!("{}{{pipeline=\"{id}\"}} {}\n", $metric, stats.$name.get()));
                }
            )+
            out
        }
    };
}

counters! {
    /// Events that inputs took in.
    events_in => "alces_collector_events_in_total",
    /// Events that every output has.
    acknowledged => "alces_collector_events_acknowledged_total",
    /// Events that a filter dropped.
    dropped => "alces_collector_events_dropped_total",
    /// Events that went to the dead-letter queue.
    dead_lettered => "alces_collector_events_dead_lettered_total",
    /// Letters that were dropped from a full dead-letter queue for newer ones.
    dead_letters_dropped => "alces_collector_dead_letters_dropped_total",
    /// Events that were not delivered and that nobody sends again, as their input has no acknowledgement, or a full dead-letter queue took none.
    lost => "alces_collector_events_lost_total",
    /// Events that were already there and were sent again.
    resent => "alces_collector_events_resent_total",
    /// Events whose bytes were not UTF-8 and were replaced.
    replaced => "alces_collector_events_utf8_replaced_total",
    /// Events that were no JSON and were taken as text.
    undecodable => "alces_collector_events_undecodable_total",
    /// Bulk requests sent.
    bulk_requests => "alces_collector_bulk_requests_total",
    /// Bulk requests and items that were tried again.
    retries => "alces_collector_retries_total",
    /// Connections taken.
    connections => "alces_collector_connections_total",
    /// Connections closed because of what came over them.
    protocol_errors => "alces_collector_protocol_errors_total",
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
