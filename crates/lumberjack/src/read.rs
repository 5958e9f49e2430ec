//! Bytes to windows.

use std::{borrow::Cow, sync::Arc};

use bytes::{Bytes, BytesMut};

use crate::{
    Line, ProtocolError, Template,
    frame::{Frame, Step, check, step},
    lines,
    pack::{unpack_zlib, unpack_zstd},
};

/// What a receiver accepts.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Events in one window. Filebeat sends 2,048 unless told otherwise.
    pub window_events: usize,
    /// Bytes of one frame as it comes over the wire.
    pub frame_bytes: usize,
    /// Bytes that one compressed frame may become, and that all frames of a window may have together.
    pub window_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { window_events: 65_536, frame_bytes: 64 << 20, window_bytes: 256 << 20 }
    }
}

/// One event as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A JSON document (version 2).
    Json(Bytes),
    /// Key and value pairs (version 1).
    Pairs(Vec<(Bytes, Bytes)>),
    /// A line of our own form.
    Line {
        /// What its document has besides.
        template: Arc<Template>,
        /// What is written there; UTF-8, if the sender is honest.
        text: Bytes,
        /// Where it begins in its file.
        offset: u64,
        /// It is not whole.
        cut: bool,
        /// Of several lines.
        several: bool,
    },
}

impl Payload {
    /// The JSON document that it is or is short for. `None` for pairs of version 1.
    pub fn document(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Json(json) => Some(Cow::Borrowed(json)),
            Self::Pairs(_) => None,
            Self::Line { template, text, offset, cut, several } => {
                let text = String::from_utf8_lossy(text);
                let line = Line { text: &text, offset: *offset, cut: *cut, several: *several };
                let mut document = Vec::new();
                template.write(&line, &mut document);
                Some(Cow::Owned(document))
            }
        }
    }

    /// Bytes that it would have if it stood alone, about.
    fn size(&self) -> usize {
        match self {
            Self::Json(json) => json.len(),
            Self::Pairs(pairs) => pairs.iter().map(|(k, v)| k.len() + v.len()).sum(),
            Self::Line { template, text, .. } => template.len() + text.len(),
        }
    }
}

/// All events of one window, to be acknowledged together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The events in order.
    pub events: Vec<Payload>,
    /// What the acknowledgement must say: the highest sequence number (some senders do not begin at 1), 0 for an
    /// empty window.
    pub ack: u32,
    /// The protocol's version, for the acknowledgement.
    pub version: u8,
}

/// Collects frames into windows.
#[derive(Debug)]
pub struct WindowReader {
    limits: Limits,
    want: usize,
    open: bool,
    bytes: usize,
    /// `B` and `Z` frames may come.
    records: bool,
    /// A frame that is still packed.
    packed: Option<Packed>,
    window: Window,
}

/// What comes next out of a [`WindowReader`].
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// More bytes are needed.
    More,
    /// A packed frame is whole, and waits for [`WindowReader::unpack`]: it takes a tenth of the memory as long as it is packed.
    Packed,
    /// A window is complete.
    Window(Window),
}

#[derive(Debug)]
enum Packed {
    Zlib(Bytes),
    Zstd(Bytes),
}

impl WindowReader {
    /// A reader for one connection.
    pub fn new(limits: Limits) -> Self {
        let window = Window { events: Vec::new(), ack: 0, version: b'2' };
        Self { limits, want: 0, open: false, bytes: 0, records: false, packed: None, window }
    }

    /// Takes `B` and `Z` frames from now on: the sender has been told that it may send them.
    pub fn allow_records(&mut self) {
        self.records = true;
    }

    /// The protocol's version of the last frame, as the window will have it.
    pub fn version(&self) -> u8 {
        self.window.version
    }

    /// Whether a window has begun and is not complete, so that the end of the stream here cuts it.
    pub fn is_inside_window(&self) -> bool {
        self.open
    }

    /// Takes frames off `input` until a window is complete, and unpacks what is packed; `None` means that more bytes are needed.
    ///
    /// # Errors
    /// Anything that is not the protocol; the stream cannot be read on.
    pub fn next_window(&mut self, input: &mut BytesMut) -> Result<Option<Window>, ProtocolError> {
        loop {
            match self.advance(input)? {
                Next::More => return Ok(None),
                Next::Packed => self.unpack()?,
                Next::Window(window) => return Ok(Some(window)),
            }
        }
    }

    /// Takes frames off `input` until a window is complete or a packed frame is whole.
    ///
    /// # Errors
    /// As [`next_window`](Self::next_window).
    pub fn advance(&mut self, input: &mut BytesMut) -> Result<Next, ProtocolError> {
        loop {
            if self.packed.is_some() {
                return Ok(Next::Packed);
            }
            if self.open && self.window.events.len() == self.want {
                self.open = false;
                self.bytes = 0;
                let next = Window { events: Vec::new(), ack: 0, version: self.window.version };
                return Ok(Next::Window(std::mem::replace(&mut self.window, next)));
            }
            match self.step(input)? {
                Step::NeedMore => return Ok(Next::More),
                Step::Frame(version, frame) => {
                    self.window.version = version;
                    self.take(frame)?;
                }
            }
        }
    }

    /// Unpacks the frame at which [`advance`](Self::advance) stopped; nothing where it did not.
    ///
    /// # Errors
    /// As [`next_window`](Self::next_window).
    pub fn unpack(&mut self) -> Result<(), ProtocolError> {
        match self.packed.take() {
            Some(Packed::Zlib(packed)) => self.take_all(unpack_zlib(&packed, self.limits.window_bytes)?),
            Some(Packed::Zstd(packed)) => self.take_records(&unpack_zstd(&packed, self.limits.window_bytes)?),
            None => Ok(()),
        }
    }

    fn step(&self, input: &mut BytesMut) -> Result<Step, ProtocolError> {
        step(input, self.records, self.limits.frame_bytes)
    }

    fn take(&mut self, frame: Frame) -> Result<(), ProtocolError> {
        match frame {
            Frame::Window(count) => {
                if self.open {
                    let got = self.window.events.len();
                    return Err(ProtocolError::WindowCutShort { got, want: self.want });
                }
                let limit = self.limits.window_events;
                check("a window", u64::from(count), limit)?;
                self.want = count as usize;
                self.open = true;
                Ok(())
            }
            Frame::Data(seq, payload) => self.take_event(seq, payload),
            Frame::Records(records) => self.take_records(&records),
            Frame::Zlib(packed) => {
                self.packed = Some(Packed::Zlib(packed));
                Ok(())
            }
            Frame::Zstd(packed) => {
                self.packed = Some(Packed::Zstd(packed));
                Ok(())
            }
        }
    }

    fn take_event(&mut self, seq: u32, payload: Payload) -> Result<(), ProtocolError> {
        if !self.open || self.window.events.len() >= self.want {
            return Err(ProtocolError::OutsideWindow);
        }
        self.bytes += payload.size();
        check("a window's data", self.bytes as u64, self.limits.window_bytes)?;
        self.window.ack = self.window.ack.max(seq);
        self.window.events.push(payload);
        Ok(())
    }

    /// Records have no numbers: the first of a window is the first.
    fn take_records(&mut self, records: &Bytes) -> Result<(), ProtocolError> {
        lines::read(records, |payload| self.take_event(self.window.events.len() as u32 + 1, payload))
    }

    /// What was inside a compressed frame: whole frames, none of them compressed.
    fn take_all(&mut self, mut inner: BytesMut) -> Result<(), ProtocolError> {
        while !inner.is_empty() {
            match self.step(&mut inner)? {
                Step::Frame(_, Frame::Zlib(_)) => return Err(ProtocolError::FrameType(b'C')),
                Step::Frame(_, Frame::Records(_)) => return Err(ProtocolError::FrameType(b'B')),
                Step::Frame(_, Frame::Zstd(_)) => return Err(ProtocolError::FrameType(b'Z')),
                Step::Frame(_, frame) => self.take(frame)?,
                Step::NeedMore => return Err(ProtocolError::Compressed("it ends inside a frame".to_owned())),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode_window;

    fn read_all(mut bytes: &[u8], chunk: usize) -> Result<Vec<Window>, ProtocolError> {
        let mut reader = WindowReader::new(Limits::default());
        let (mut input, mut windows) = (BytesMut::new(), Vec::new());
        while !bytes.is_empty() {
            let n = chunk.min(bytes.len());
            input.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
            while let Some(window) = reader.next_window(&mut input)? {
                windows.push(window);
            }
        }
        Ok(windows)
    }

    fn frame(kind: u8, numbers: &[u32], body: &[u8]) -> Vec<u8> {
        let mut out = vec![b'2', kind];
        numbers.iter().for_each(|n| out.extend(n.to_be_bytes()));
        out.extend(body);
        out
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn an_empty_window_is_acknowledged_with_0() {
        let windows = read_all(&frame(b'W', &[0], b""), 1).unwrap();
        assert_eq!((windows.len(), windows[0].ack), (1, 0));
    }

    #[test]
    fn the_highest_sequence_number_is_acknowledged_where_it_does_not_begin_at_1() {
        let bytes =
            [frame(b'W', &[2], b""), frame(b'J', &[8, 2], b"{}"), frame(b'J', &[9, 2], b"{}")].concat();
        assert_eq!(read_all(&bytes, 3).unwrap()[0].ack, 9);
    }

    #[test]
    fn version_1_pairs() {
        let mut body = Vec::new();
        for text in ["line", "hello", "host", "a"] {
            body.extend((text.len() as u32).to_be_bytes());
            body.extend(text.as_bytes());
        }
        let mut bytes = [frame(b'W', &[1], b""), frame(b'D', &[1, 2], &body)].concat();
        bytes[0] = b'1';
        bytes[6] = b'1';
        let windows = read_all(&bytes, 2).unwrap();
        let Payload::Pairs(pairs) = &windows[0].events[0] else { panic!("pairs") };
        assert_eq!(pairs[0], (Bytes::from("line"), Bytes::from("hello")));
        assert_eq!(windows[0].version, b'1');
    }

    #[test]
    fn records_are_read_once_they_are_allowed_and_their_sizes_are_limited() {
        let packed = |body: &[u8], level| zstd::bulk::compress(body, level).unwrap();
        let window =
            |kind, body: &[u8]| [frame(b'W', &[1], b""), frame(kind, &[body.len() as u32], body)].concat();
        let read = |bytes: &[u8]| {
            let mut reader = WindowReader::new(Limits { window_bytes: 1 << 20, ..Limits::default() });
            reader.allow_records();
            reader.next_window(&mut BytesMut::from(bytes))
        };
        for (kind, body) in [(b'Z', packed(b"\0\x02{}", 1)), (b'B', b"\0\x02{}".to_vec())] {
            let good = window(kind, &body);
            let refused = WindowReader::new(Limits::default()).next_window(&mut BytesMut::from(&good[..]));
            assert_eq!(refused, Err(ProtocolError::FrameType(kind)));
            let window = read(&good).unwrap().unwrap();
            assert_eq!((window.ack, window.events), (1, vec![Payload::Json(Bytes::from("{}"))]));
        }
        let wide = {
            use std::io::Write as _;
            let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(27).unwrap();
            encoder.write_all(&vec![0; 1 << 10]).unwrap();
            encoder.finish().unwrap()
        };
        // A template of almost a megabyte that three bytes each ask for again.
        let mut heavy = b"\x01".to_vec();
        heavy.extend([0x80, 0x80, 0x38, 0, 0]);
        heavy.resize(heavy.len() + (0x38 << 14) - 2, b' ');
        heavy.extend(b"\x12\0\0\x02\0");
        let two = |body: &[u8]| [frame(b'W', &[2], b""), frame(b'B', &[body.len() as u32], body)].concat();
        for (bytes, words) in [
            (window(b'Z', &packed(&vec![0; 2 << 20], 1)), "an inflated frame"),
            (window(b'Z', &wide), "too much memory"),
            (window(b'Z', b"abc"), "is broken"),
            (window(b'B', b"\0\x03{}"), "byte 0 of the records"),
            (window(b'B', b"\0\x02{}\x02\0"), "byte 4 of the records"),
            (window(b'B', b"\0\x02{}\0\x02{}"), "outside of its window"),
            (two(&heavy), "a window's data"),
        ] {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error} has no {words}");
        }
    }

    #[test]
    fn a_wrong_length_a_bomb_and_strangers_are_refused() {
        let window = frame(b'W', &[1], b"");
        let bomb = zlib(&vec![0; 300 << 20]);
        let nested = zlib(&frame(b'C', &[1], b"x"));
        for (bytes, words) in [
            (b"\x16\x03\x01".to_vec(), "speaking TLS"),
            (b"2X".to_vec(), "frame type"),
            (frame(b'J', &[1, 2], b"{}"), "outside of its window"),
            ([window.clone(), window.clone()].concat(), "0 of 1 events"),
            (frame(b'W', &[u32::MAX], b""), "over the limit"),
            ([window.clone(), frame(b'J', &[1, u32::MAX], b"")].concat(), "over the limit"),
            ([window.clone(), frame(b'C', &[bomb.len() as u32], &bomb)].concat(), "an inflated frame"),
            ([window.clone(), frame(b'C', &[3], b"abc")].concat(), "is broken"),
            ([window, frame(b'C', &[nested.len() as u32], &nested)].concat(), "frame type"),
        ] {
            let error = read_all(&bytes, 1 << 20).unwrap_err().to_string();
            assert!(error.contains(words), "{error} has no {words}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(
            payloads in proptest::collection::vec("[ -~]{0,40}", 0..20), level in 0_u32..=9, chunk in 1_usize..64,
        ) {
            let mut bytes = Vec::new();
            let parts: Vec<&[u8]> = payloads.iter().map(String::as_bytes).collect();
            encode_window(&mut bytes, parts.iter().copied(), level);
            encode_window(&mut bytes, parts.iter().copied(), level);
            let windows = read_all(&bytes, chunk).unwrap();
            proptest::prop_assert_eq!(windows.len(), 2);
            for window in windows {
                proptest::prop_assert_eq!(window.ack as usize, payloads.len());
                for (got, want) in window.events.iter().zip(&payloads) {
                    proptest::prop_assert_eq!(got, &Payload::Json(Bytes::from(want.clone())));
                }
            }
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(
            proptest::prop_oneof![proptest::strategy::Just(b'2'), proptest::strategy::Just(b'J'),
                proptest::strategy::Just(b'W'), proptest::strategy::Just(b'C'), proptest::strategy::Just(b'D'),
                proptest::strategy::Just(0), proptest::strategy::Just(1), proptest::arbitrary::any::<u8>()], 0..200),
            chunk in 1_usize..20) {
            let _ = read_all(&bytes, chunk);
        }
    }
}
