//! Filters and conditions: plain functions over events.
//!
//! Two stages: [`Program::compile`] checks the `filter` sections of a pipeline and compiles every pattern, date format
//! and condition in them, reporting all errors at once; [`Program::run`] applies them to one event. A program is cheap to
//! clone, and each worker has its own, so that no filter needs a lock for its scratch space.
//!
//! No I/O, no threads, no clock of its own: the clock is in [`Context`].

mod aggregate;
mod anonymize;
mod cidr;
mod clone;
mod common;
mod condition;
mod csv;
mod date;
mod digest;
mod dissect;
mod drain;
mod drop;
mod elapsed;
mod filter;
mod fingerprint;
mod geoip;
mod grok;
mod json;
mod kv;
mod meter;
mod metrics;
mod mutate;
mod network;
mod program;
mod prune;
mod redact;
mod regex;
mod reload;
mod ruby_filter;
mod rubycode;
mod sleep;
mod split;
mod syslog_pri;
mod texts;
mod throttle;
mod translate;
mod truncate;
mod urldecode;
mod useragent;
mod uuid;

use alces_plugin::{charset, context, files, host, inspect, ruby};

pub use alces_plugin::{Clock, Context, Disk, EcsMode, Files, Label, NoFiles, Stamp};
pub use condition::{Condition, Undecided};
pub use meter::{FilterStats, Nanos};
pub use program::{Post, Program, describe};
#[doc(hidden)]
pub use rubycode::fuzz as fuzz_ruby_code;

#[cfg(test)]
mod test_support;
