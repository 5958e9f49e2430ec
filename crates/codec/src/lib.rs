//! Logstash's codecs: bytes of an input into events, and events into bytes of an output.
//!
//! [`decoder`] and [`encoder`] check a codec's options and compile it. A [`Decoder`] belongs to one stream (a connection, a
//! file, standard input) and keeps what of it is not whole yet; an [`Encoder`] is shared by all who write.
//!
//! [`syslog`] is no codec of Logstash: it is what the input of that name reads with.
//!
//! No I/O, no threads, no clock of its own: the time is passed in with the bytes.

mod cef;
mod codec;
mod csv;
mod dots;
mod json;
mod json_lines;
mod line;
mod lines;
mod made;
mod msgpack;
mod multiline;
mod plain;
mod rubydebug;
pub mod syslog;
mod text;

pub use codec::{Decoder, DecoderPlan, Encoder, Framing, decoder, describe, encoder};
pub use rubydebug::RubyDebug;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod test_support;
