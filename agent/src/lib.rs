//! The agent: tails files, reads the host's metrics, and ships both to a collector over Lumberjack v2.
//!
//! The way of a line: [`tail`] finds files and reads whole lines after the last offset, [`document`] makes each a JSON
//! document with a deterministic id, [`ship`] has its couriers send windows and wait, and only an acknowledgement moves the offset in the
//! [`registry`]. The file itself is the buffer: while the collector is away nothing is read, so memory stays flat.
//!
//! Clock, shutdown and output are passed in; [`cli`] alone knows the command line.

mod batch;
mod buffer;
pub mod cli;
mod courier;
mod document;
mod error;
mod files;
mod handover;
mod hosts;
#[cfg(feature = "inside")]
pub mod inside;
mod marker;
mod metrics;
pub mod options;
mod outbox;
mod outlet;
mod pace;
mod priority;
mod registry;
mod run;
mod ship;
mod speak;
pub mod status;
mod stream;
mod tail;
pub mod watch;
mod wire;

pub use error::AgentError;
pub use options::{Compression, Config, Input, StartAt};
pub use run::{run, run_with};
pub use stream::Tls;
