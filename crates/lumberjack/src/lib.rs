//! Lumberjack, the protocol between Beats and Logstash, as bytes: no sockets, no clock.
//!
//! A sender opens a *window* (`W`, a count), sends that many data frames (`J`, or `D` in version 1), usually inside one
//! compressed frame (`C`), and waits for an acknowledgement (`A`) of the last sequence number. The receiver
//! acknowledges a window **as a whole and never across windows**: Filebeat takes anything else for a broken stream
//! (vectordotdev/vector#23346). While a window is being worked on, `A 0` keeps the connection alive.
//!
//! [`WindowReader`] is the receiver's half, [`encode_window`], [`encode_ack`] and [`AckReader`] are the sender's and the
//! small change. All sizes that come from outside are limited by [`Limits`].

mod error;
mod read;
mod write;

pub use error::ProtocolError;
pub use read::{AckReader, Limits, Payload, Window, WindowReader};
pub use write::{encode_ack, encode_window};

/// The port that Beats and Logstash agree on.
pub const PORT: u16 = 5044;
