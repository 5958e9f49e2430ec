//! The agent: tails files, reads the host's metrics, and ships both to a collector over Lumberjack v2.
//!
//! The way of a line: [`tail`] finds files and reads whole lines after the last offset, [`document`] makes each a JSON
//! document with a deterministic id, [`ship`] sends windows and waits, and only an acknowledgement moves the offset in the
//! [`registry`]. The file itself is the buffer: while the collector is away nothing is read, so memory stays flat.
//!
//! Clock, shutdown and output are passed in; [`cli`] alone knows the command line.

pub mod cli;
mod document;
mod error;
mod files;
mod handover;
mod harvester;
mod marker;
mod metrics;
pub mod options;
mod priority;
mod registry;
mod run;
mod ship;
pub mod status;
mod stream;
mod tail;
mod watch;

pub use error::AgentError;
pub use options::{Config, Input, StartAt};
pub use run::{run, run_with};
pub use stream::Tls;
