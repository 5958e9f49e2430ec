//! The collector: runs a Logstash pipeline.
//!
//! The way of an event: an [`input`] makes a [`batch::Batch`] (all events of one Lumberjack window) and keeps its half of
//! the acknowledgement; a [`worker`] runs the filters and hands the events to every [`output`]; only when all of them
//! have all events does the worker resolve the batch, and only then does the input acknowledge. A batch that is dropped on
//! the way was *not* delivered: its sender will send it again. An acknowledgement therefore means *indexed*, or kept in the
//! [dead-letter queue](dlq) with the reason, or dropped by a filter on purpose.
//!
//! Where a pipeline has a [`queue`] on disk, a batch is resolved when it is durable there.
//!
//! Two stages: [`Plan::compile`] checks a pipeline's text and reports all errors at once; [`Collector::bind`] opens its
//! listeners, and [`Collector::run`] runs it until it is told to stop. Clock, environment and shutdown are passed in.

mod access;
mod account;
pub mod api;
mod batch;
mod check;
pub mod cli;
mod collector;
mod describe;
mod dlq;
mod error;
mod files;
mod generation;
mod input;
mod lag;
mod ledger;
mod letters;
mod live;
mod output;
mod overflow;
mod pipes;
mod plan;
mod plugins;
mod queue;
mod renew;
pub mod settings;
mod share;
mod stall;
mod stats;
mod tap;
#[cfg(test)]
mod test_authority;
mod tls;
mod undecided;
mod worker;

pub use access::Access;
pub use check::{Report, check};
pub use collector::{Collector, Reload, Settings};
pub use describe::{PluginInfo, describe};
pub use error::CollectorError;
#[doc(hidden)]
pub use input::fuzz as fuzz_inputs;
pub use ledger::Accounts;
pub use letters::{Pick, through};
pub use output::{Outcome, Resender};
pub use pipes::Bus;
pub use plan::{Plan, PlanErrors, PlanOptions};
pub use queue::DiskQueue;
pub use settings::describe_settings;
pub use stats::Stats;
pub use tap::condition as tap_condition;
