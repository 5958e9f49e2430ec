//! What was counted: the accounts of events, and what else there is to count.

use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use std::time::Duration;

use crate::{
    lag::Lags,
    ledger::{Accounts, Ledger},
    plugins::Plugins,
    tap::Taps,
};

macro_rules! counters {
    ($($(#[doc = $help:literal])+ $name:ident => $metric:literal,)+) => {
        /// The counters of one pipeline, all since its start.
        #[derive(Debug, Default)]
        pub struct Stats {
            $($(#[doc = $help])+ pub $name: Counter,)+
            /// What became of events.
            pub(crate) ledger: Ledger,
            plugins: RwLock<Plugins>,
            /// Those who look at its events.
            pub(crate) taps: Taps,
            /// How late its events were delivered.
            pub(crate) lags: Lags,
        }

        /// Each counter's name for Prometheus, what it is, and how to read it.
        pub(crate) const COUNTERS: &[(&str, &str, fn(&Stats) -> u64)] = &[
            $(($metric, concat!($($help),+), |stats| stats.$name.get()),)+
        ];
    };
}

counters! {
    /// Letters that were put into the dead-letter queue: an event that two outputs refused has two.
    dead_letters => "alces_collector_dead_letters_total",
    /// Letters that were dropped from a full dead-letter queue for newer ones.
    dead_letters_dropped => "alces_collector_dead_letters_dropped_total",
    /// Events that were already there and were sent again.
    resent => "alces_collector_events_resent_total",
    /// Events whose bytes were not UTF-8 and were replaced.
    replaced => "alces_collector_events_utf8_replaced_total",
    /// Events that were no JSON and were taken as text.
    undecodable => "alces_collector_events_undecodable_total",
    /// Documents with too many fields, or too deep ones, of which some became the text of one field.
    capped => "alces_collector_documents_capped_total",
    /// Bulk requests sent.
    bulk_requests => "alces_collector_bulk_requests_total",
    /// Bulk requests and items that were tried again.
    retries => "alces_collector_retries_total",
    /// New pipelines that took the place of the one before.
    reloads => "alces_collector_reloads_total",
    /// New pipelines that could not be started.
    reloads_failed => "alces_collector_reloads_failed_total",
    /// Connections taken.
    connections => "alces_collector_connections_total",
    /// Connections closed because of what came over them.
    protocol_errors => "alces_collector_protocol_errors_total",
}

impl Stats {
    /// Events that are neither acknowledged nor anything else yet, and how old the oldest of them is.
    pub fn held(&self) -> (u64, Option<Duration>) {
        let oldest = self.plugins().inputs.iter().filter_map(|input| input.held().1).max();
        (self.ledger.now().held, oldest)
    }

    /// What became of events, all at one moment.
    pub fn accounts(&self) -> Accounts {
        self.ledger.now()
    }

    /// What each plugin did.
    pub(crate) fn plugins(&self) -> Plugins {
        self.plugins.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Others are at work from now on.
    pub(crate) fn set_plugins(&self, plugins: Plugins) {
        *self.plugins.write().unwrap_or_else(PoisonError::into_inner) = plugins;
    }
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
