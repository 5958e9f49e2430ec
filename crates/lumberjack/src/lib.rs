//! Lumberjack, the protocol between Beats and Logstash, as bytes: no sockets, no clock.
//!
//! A sender opens a *window* (`W`, a count), sends that many data frames (`J`, or `D` in version 1), usually inside one
//! compressed frame (`C`), and waits for an acknowledgement (`A`) of the last sequence number. The receiver
//! acknowledges a window **as a whole and never across windows**: Filebeat takes anything else for a broken stream
//! (vectordotdev/vector#23346). While a window is being worked on, `A 0` keeps the connection alive.
//!
//! [`WindowReader`] is the receiver's half, [`Frames`], [`Packer`] and [`AnswerReader`] are the sender's; [`encode_window`] and
//! [`encode_ack`] are the small change. All sizes that come from outside are limited by [`Limits`].
//!
//! # Frames of zstd
//!
//! Between our own ends windows may be packed with zstd, which costs a fraction of zlib. Nobody else knows it, so it is asked for in a
//! way that others do not notice:
//!
//! 1. The first document of a connection has `{"alces": {"frames": ["zstd"]}}` in its `@metadata` ([`ask`]). Other receivers keep
//!    that beside the event or drop it, and never answer.
//! 2. A receiver that knows it answers with `2Z` and a version, 1, as a 32-bit number ([`encode_offer`]), before the acknowledgement
//!    of that window. It takes the question off the event.
//! 3. From then on the sender may put `2Z`, a 32-bit length and one zstd frame of whole data frames in the place of `C`; numbers are
//!    big-endian, as everywhere. A decoder needs no window above 8 MiB.

mod answer;
mod ask;
mod error;
mod frame;
mod frames;
mod pack;
mod read;
mod write;

pub use answer::{Answer, AnswerReader};
pub use ask::{ask, asks};
pub use error::ProtocolError;
pub use frames::{Frames, FramesError};
pub use pack::{Compression, Packer};
pub use read::{Limits, Payload, Window, WindowReader};
pub use write::{encode_ack, encode_offer, encode_window};

/// The port that Beats and Logstash agree on.
pub const PORT: u16 = 5044;
