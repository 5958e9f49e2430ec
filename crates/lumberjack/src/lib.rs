//! Lumberjack, the protocol between Beats and Logstash, as bytes: no sockets, no clock.
//!
//! A sender opens a *window* (`W`, a count), sends that many data frames (`J`, or `D` in version 1), usually inside one
//! compressed frame (`C`), and waits for an acknowledgement (`A`) of the last sequence number. The receiver
//! acknowledges a window **as a whole and never across windows**: Filebeat takes anything else for a broken stream
//! (vectordotdev/vector#23346). While a window is being worked on, `A 0` keeps the connection alive.
//!
//! [`WindowReader`] is the receiver's half, [`Lines`], [`Packer`] and [`AnswerReader`] are the sender's; [`encode_window`] and
//! [`encode_ack`] are the small change. All sizes that come from outside are limited by [`Limits`].
//!
//! # Our own form
//!
//! A document around a line of a log is mostly the same text again and again. Between our own ends it is sent once, and of each line
//! no more than its text, which costs a fraction of the bytes, of the packing and of the reading. Nobody else knows that form, so it is
//! asked for in a way that others do not notice:
//!
//! 1. The first document of a connection has `{"alces": {"frames": ["records"]}}` in its `@metadata` ([`ask`]). Other receivers keep
//!    that beside the event or drop it, and never answer.
//! 2. A receiver that knows it answers with `2B` and a version, 1, as a 32-bit number ([`encode_offer`]), before the acknowledgement
//!    of that window. It takes the question off the event.
//! 3. From then on the sender may put one frame in the place of a window's data frames: `2B`, a 32-bit length and records; or `2Z`, a
//!    32-bit length and records as one zstd frame. Numbers are big-endian, as everywhere. A decoder needs no window above 8 MiB. Such a
//!    window is acknowledged with the number of its events.
//!
//! A record is a byte that tells what it is, its length as LEB128, for some lines an offset as LEB128, and its bytes:
//!
//! | byte | record |
//! |---|---|
//! | 0 | a JSON document, as a data frame would have it |
//! | 1 | a [`Template`]: length and bytes of its start, length and bytes of its place, then its rest. It is that of the lines behind it |
//! | 2, + 4 if of several lines, + 8 if cut, + 16 if placed | a line: its text in UTF-8, as it is. Where it is not placed, it begins one byte behind the end of the line before it; the first behind a template or a document is placed |

mod answer;
mod ask;
mod error;
mod frame;
mod lines;
mod pack;
mod read;
mod write;

pub use answer::{Answer, AnswerReader};
pub use ask::{ask, asks};
pub use error::ProtocolError;
pub use lines::{Line, Lines, LinesError, Template, write_id};
pub use pack::{Compression, Packer};
pub use read::{Limits, Next, Payload, Window, WindowReader};
pub use write::{encode_ack, encode_offer, encode_window};

/// The port that Beats and Logstash agree on.
pub const PORT: u16 = 5044;
