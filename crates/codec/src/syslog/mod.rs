//! Syslog: messages of RFC 3164 (as it is spoken, which is more than is written there) and of RFC 5424, and how RFC 6587 puts them
//! into a stream.
//!
//! A message is read into ranges of its text, so that who holds the text copies nothing.

mod data;
mod frames;
mod legacy;
mod structured;
#[cfg(test)]
mod tests;
mod time;

use std::ops::Range;

pub use data::{Datum, data};
pub use frames::Framed;
pub use time::Time;

/// A message, as ranges of bytes of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Facility times eight, and severity.
    pub priority: u16,
    /// The version of RFC 5424; none for RFC 3164.
    pub version: Option<u16>,
    /// When it was written.
    pub time: Option<(Range<usize>, Time)>,
    /// By which machine.
    pub host: Option<Range<usize>>,
    /// By which program.
    pub program: Option<Range<usize>>,
    /// The process; a number in RFC 3164, any word in RFC 5424.
    pub process: Option<Range<usize>>,
    /// What kind of message it is (RFC 5424).
    pub kind: Option<Range<usize>>,
    /// The structured data (RFC 5424), for [`data()`].
    pub data: Option<Range<usize>>,
    /// What it says.
    pub text: Range<usize>,
}

/// Reads a message; none where it is of neither kind.
pub fn parse(line: &str) -> Option<Message> {
    let end = line.trim_end_matches(['\n', '\r', '\0']).len();
    let line = line.get(..end)?;
    let (priority, at) = priority(line)?;
    structured::parse(line, priority, at).or_else(|| legacy::parse(line, priority, at))
}

/// `<PRI>` of one to three digits, and where it ends.
fn priority(line: &str) -> Option<(u16, usize)> {
    let inside = line.strip_prefix('<')?;
    let digits = inside.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let number = inside.get(..digits).filter(|number| *number == "0" || !number.starts_with('0'))?;
    let priority = number.parse().ok().filter(|_| digits <= 3)?;
    (inside.as_bytes().get(digits) == Some(&b'>')).then_some((priority, digits + 2))
}

/// The word that begins at a place: all up to a space or the end, and not nothing.
fn word(line: &str, at: usize) -> Option<Range<usize>> {
    let rest = line.get(at..)?;
    let len = memchr::memchr(b' ', rest.as_bytes()).unwrap_or(rest.len());
    (len > 0).then_some(at..at + len)
}

/// The place behind a space.
fn space(line: &str, at: usize) -> Option<usize> {
    (line.as_bytes().get(at) == Some(&b' ')).then_some(at + 1)
}
