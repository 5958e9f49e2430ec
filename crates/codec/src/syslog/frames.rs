//! Messages in a stream (RFC 6587): each with its length before it, or each ended by a newline. Which one it is is told of every message
//! alone, as rsyslog does it: a length is digits and a space, and then a message begins with `<`.

use alces_event::{Event, Timestamp};
use bytes::{Buf as _, Bytes, BytesMut};

use crate::Decoder;

/// A message that is longer is cut: 1 MiB.
const LONGEST: usize = 1 << 20;

/// Digits of a length.
const DIGITS: usize = 7;

/// Takes messages out of a stream and gives each to a codec, as a message that is complete in itself.
pub struct Framed {
    codec: Box<dyn Decoder>,
    most: usize,
    rest: BytesMut,
    /// So many bytes of `rest` are known to hold no newline.
    searched: usize,
}

impl Framed {
    /// For a codec of messages.
    pub fn new(codec: Box<dyn Decoder>) -> Self {
        Self::with_longest(codec, LONGEST)
    }

    /// The same with messages of another length.
    pub(super) fn with_longest(codec: Box<dyn Decoder>, most: usize) -> Self {
        Self { codec, most, rest: BytesMut::new(), searched: 0 }
    }

    fn give(&mut self, message: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        if !message.is_empty() {
            self.codec.decode(message, now, out);
            self.codec.flush(now, out);
        }
    }
}

impl Decoder for Framed {
    fn decode(&mut self, mut bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(&bytes);
            bytes.clear();
            while let Some(frame) = front(&self.rest, self.searched, self.most) {
                let mut message = self.rest.split_to(frame.end);
                message.truncate(frame.to);
                message.advance(frame.from);
                self.searched = 0;
                self.give(message.freeze(), now, out);
            }
            self.searched = self.rest.len();
            return;
        }
        while let Some(frame) = front(&bytes, 0, self.most) {
            let message = bytes.split_to(frame.end).slice(frame.from..frame.to);
            self.give(message, now, out);
        }
        self.searched = bytes.len();
        self.rest.extend_from_slice(&bytes);
    }

    fn flush(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        self.searched = 0;
        let rest = self.rest.split().freeze();
        // What is there of a message whose length was said.
        let from = match length(&rest) {
            Some(Length::Said { from, .. }) => from,
            _ => 0,
        };
        self.give(trim(rest.slice(from..)), now, out);
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(Self::with_longest(self.codec.fresh(), self.most))
    }
}

fn trim(line: Bytes) -> Bytes {
    if line.ends_with(b"\r") { line.slice(..line.len() - 1) } else { line }
}

/// A message at the beginning of bytes: where it is, and where the next one begins.
struct Frame {
    from: usize,
    to: usize,
    end: usize,
}

/// The first message, where it is there as a whole.
fn front(bytes: &[u8], searched: usize, most: usize) -> Option<Frame> {
    match length(bytes) {
        Some(Length::Said { from, len }) if len <= most => {
            return (bytes.len() - from >= len).then_some(Frame { from, to: from + len, end: from + len });
        }
        Some(Length::Unknown) => return None,
        _ => {}
    }
    let within = bytes.get(..bytes.len().min(most + 1))?;
    match memchr::memchr(b'\n', within.get(searched.min(within.len())..)?) {
        Some(at) => {
            let at = searched.min(within.len()) + at;
            let returns = usize::from(within.get(..at)?.ends_with(b"\r"));
            Some(Frame { from: 0, to: at - returns, end: at + 1 })
        }
        None if bytes.len() > most => Some(Frame { from: 0, to: most, end: most }),
        None => None,
    }
}

/// What stands before a message.
enum Length {
    /// Its length, and where it begins.
    Said { from: usize, len: usize },
    /// What is here may be the beginning of a length.
    Unknown,
}

/// The length that a message begins with, if it does.
fn length(bytes: &[u8]) -> Option<Length> {
    if !matches!(bytes.first()?, b'1'..=b'9') {
        return None;
    }
    let digits = bytes.iter().take(DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits > DIGITS {
        return None;
    }
    match (bytes.get(digits), bytes.get(digits + 1)) {
        (None, _) | (Some(b' '), None) => Some(Length::Unknown),
        (Some(b' '), Some(b'<')) => {
            let len = bytes.iter().take(digits).fold(0, |len, byte| len * 10 + usize::from(byte - b'0'));
            Some(Length::Said { from: digits + 1, len })
        }
        _ => None,
    }
}
