//! The output before an engine that answers as it is told.

mod engine;
mod reach;
mod sniffing;
