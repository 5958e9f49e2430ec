//! Documents that are data frames already.

use std::ops::Range;

use crate::Packer;

/// Bytes before a document: `2J`, its number, its length.
const HEAD: usize = 10;

/// Documents kept as the data frames that they leave in, one behind the other in one buffer and numbered from 1: a window of all of
/// them is a copy of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Where each frame begins.
    starts: Vec<usize>,
}

/// Bytes that are no frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at} of the frames is not where frame {number} is")]
pub struct FramesError {
    /// The number of the frame that is not there, from 1.
    pub number: usize,
    /// Where it should begin.
    pub at: usize,
}

impl Frames {
    /// None, and room for as many documents and bytes as there are here.
    #[must_use]
    pub fn empty_like(&self) -> Self {
        let (buffer, starts) = (Vec::with_capacity(self.buffer.len()), Vec::with_capacity(self.starts.len()));
        Self { buffer, starts }
    }

    /// Adds a document that `write` appends to the buffer; it must leave alone what is there. Returns the document's length in bytes.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let start = self.buffer.len();
        self.starts.push(start);
        let number = self.starts.len() as u32;
        self.buffer.extend_from_slice(b"2J");
        self.buffer.extend_from_slice(&number.to_be_bytes());
        self.buffer.extend_from_slice(&[0; 4]);
        let body = self.buffer.len();
        write(&mut self.buffer);
        let len = self.buffer.len().saturating_sub(body);
        if let Some(place) = self.buffer.get_mut(body - 4..body) {
            place.copy_from_slice(&(len as u32).to_be_bytes());
        }
        len
    }

    /// Adds a document.
    pub fn push(&mut self, document: &[u8]) {
        self.push_with(|buffer| buffer.extend_from_slice(document));
    }

    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Bytes of all documents, without what frames add.
    pub fn bytes(&self) -> usize {
        self.buffer.len() - HEAD * self.starts.len()
    }

    /// Bytes of the documents of `range`.
    pub fn bytes_of(&self, range: Range<usize>) -> usize {
        let range = range.start.min(self.len())..range.end.min(self.len());
        self.span(range.clone()).len() - HEAD * range.len()
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The documents in order.
    pub fn documents(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|at| {
            let frame = self.buffer.get(self.span(at..at + 1)).unwrap_or_default();
            frame.get(HEAD..).unwrap_or_default()
        })
    }

    /// The last of `range` so that its documents are at most `limit` bytes, but at least one.
    pub fn fitting(&self, range: Range<usize>, limit: usize) -> Range<usize> {
        let Some(first) = self.starts.get(range.start) else { return range };
        let within = |at: usize| self.span(at..at + 1).end - first - HEAD * (at + 1 - range.start) <= limit;
        let end = (range.start + 1..range.end).find(|at| !within(*at)).unwrap_or(range.end);
        range.start..end
    }

    /// Appends a window of the documents of `range` to `out`, numbered from 1. What is beyond the last document is not in it.
    pub fn window(&self, range: Range<usize>, packer: &mut Packer, out: &mut Vec<u8>) {
        let range = range.start.min(self.len())..range.end.min(self.len());
        out.extend_from_slice(b"2W");
        out.extend_from_slice(&(range.len() as u32).to_be_bytes());
        let frames = self.buffer.get(self.span(range.clone())).unwrap_or_default();
        if frames.is_empty() {
        } else if packer.is_plain() {
            let from = out.len();
            out.extend_from_slice(frames);
            self.renumber(range, out.get_mut(from..).unwrap_or_default());
        } else if range.start == 0 {
            packer.pack(frames, out);
        } else {
            let mut renumbered = std::mem::take(&mut packer.renumbered);
            renumbered.clear();
            renumbered.extend_from_slice(frames);
            self.renumber(range, &mut renumbered);
            packer.pack(&renumbered, out);
            packer.renumbered = renumbered;
        }
    }

    /// The same where nothing of it has to be made: appends what stands before the frames to `out`, and says where they are in
    /// [`Frames::as_buffer`]. `None` where they are packed or have to be numbered anew; nothing is appended then.
    pub fn plain_window(
        &self,
        range: Range<usize>,
        packer: &Packer,
        out: &mut Vec<u8>,
    ) -> Option<Range<usize>> {
        if range.start > 0 || !packer.is_plain() {
            return None;
        }
        let range = 0..range.end.min(self.len());
        out.extend_from_slice(b"2W");
        out.extend_from_slice(&(range.len() as u32).to_be_bytes());
        Some(self.span(range))
    }

    /// The buffer, for [`Frames::from_buffer`].
    pub fn as_buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// What [`Frames::as_buffer`] gave.
    ///
    /// # Errors
    /// It is not that.
    pub fn from_buffer(buffer: Vec<u8>) -> Result<Self, FramesError> {
        let mut starts = Vec::new();
        let mut at = 0;
        while at < buffer.len() {
            let number = starts.len() + 1;
            at = frame_end(&buffer, at, number as u32)
                .ok_or(FramesError { number, at })
                .inspect(|_| starts.push(at))?;
        }
        Ok(Self { buffer, starts })
    }

    /// Where the frames of a range stand.
    fn span(&self, range: Range<usize>) -> Range<usize> {
        let start = |at: usize| self.starts.get(at).copied().unwrap_or(self.buffer.len());
        start(range.start)..start(range.end).max(start(range.start))
    }

    /// Numbers a copy of the frames of `range` from 1.
    fn renumber(&self, range: Range<usize>, copy: &mut [u8]) {
        if range.start == 0 {
            return;
        }
        let Some(starts) = self.starts.get(range) else { return };
        for (number, start) in (1_u32..).zip(starts) {
            let at = start - starts[0];
            if let Some(place) = copy.get_mut(at + 2..at + 6) {
                place.copy_from_slice(&number.to_be_bytes());
            }
        }
    }
}

/// Where the frame at `at` ends, if that is what stands there.
fn frame_end(buffer: &[u8], at: usize, number: u32) -> Option<usize> {
    let head = buffer.get(at..at + HEAD)?;
    let (begin, len) = head.split_at(6);
    if begin != [b"2J", &number.to_be_bytes()[..]].concat() {
        return None;
    }
    let end = at + HEAD + u32::from_be_bytes(len.try_into().ok()?) as usize;
    (end <= buffer.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{Compression, Limits, Payload, WindowReader, encode_window};

    fn frames(documents: &[String]) -> Frames {
        let mut frames = Frames::default();
        documents.iter().for_each(|document| frames.push(document.as_bytes()));
        frames
    }

    fn read(bytes: &[u8]) -> Vec<String> {
        let mut reader = WindowReader::new(Limits::default());
        reader.allow_zstd();
        let mut input = BytesMut::from(bytes);
        let window = reader.next_window(&mut input).unwrap().expect("a whole window");
        assert!(input.is_empty());
        assert_eq!(window.ack as usize, window.events.len());
        let text = |payload: &Payload| match payload {
            Payload::Json(json) => String::from_utf8(json.to_vec()).unwrap(),
            Payload::Pairs(_) => panic!("version 1"),
        };
        window.events.iter().map(text).collect()
    }

    fn compression() -> impl Strategy<Value = Compression> {
        prop_oneof![
            Just(Compression::Plain),
            (0_u32..=9).prop_map(Compression::Zlib),
            (-3_i32..4).prop_map(Compression::Zstd)
        ]
    }

    proptest! {
        #[test]
        fn a_window_is_what_the_dull_way_writes(
            documents in vec("[ -~]{0,60}", 0..30), from in 0_usize..30, to in 0_usize..32,
            ways in vec(compression(), 1..4),
        ) {
            let frames = frames(&documents);
            let to = to.max(from);
            let part = &documents[from.min(documents.len())..to.min(documents.len())];
            let mut packer = Packer::default();
            for way in ways {
                packer.set(way);
                let mut got = Vec::new();
                frames.window(from..to, &mut packer, &mut got);
                prop_assert_eq!(&read(&got), part);
                if way == Compression::Plain {
                    let mut dull = Vec::new();
                    encode_window(&mut dull, part.iter().map(String::as_bytes), 0);
                    prop_assert_eq!(got, dull);
                }
            }
        }

        #[test]
        fn documents_are_kept_and_the_buffer_is_all_there_is(documents in vec("[ -~]{0,60}", 0..30)) {
            let frames = frames(&documents);
            let got: Vec<_> = frames.documents().map(|d| String::from_utf8(d.to_vec()).unwrap()).collect();
            prop_assert_eq!(&got, &documents);
            prop_assert_eq!(frames.bytes(), documents.iter().map(String::len).sum::<usize>());
            prop_assert_eq!(Frames::from_buffer(frames.as_buffer().to_vec()), Ok(frames));
        }

        #[test]
        fn other_bytes_are_no_frames(documents in vec("[a-z]{0,9}", 1..9), at in any::<prop::sample::Index>(), byte: u8) {
            let frames = frames(&documents);
            let mut buffer = frames.as_buffer().to_vec();
            let at = at.index(buffer.len());
            buffer[at] = byte;
            if let Ok(other) = Frames::from_buffer(buffer.clone()) {
                prop_assert_eq!(other.as_buffer(), &buffer[..]);
                prop_assert!(other.documents().map(<[u8]>::len).sum::<usize>() == other.bytes());
            }
            buffer.truncate(at);
            let _ = Frames::from_buffer(buffer);
        }

        #[test]
        fn a_range_is_cut_where_its_bytes_are_too_many(sizes in vec(0_usize..9, 1..20), from in 0_usize..20, limit in 0_usize..40) {
            let documents: Vec<_> = sizes.iter().map(|n| "x".repeat(*n)).collect();
            let from = from.min(sizes.len() - 1);
            let got = frames(&documents).fitting(from..sizes.len(), limit);
            let sum = |end: usize| sizes[from..end].iter().sum::<usize>();
            prop_assert!(got.start == from && got.end > from);
            prop_assert_eq!(frames(&documents).bytes_of(got.clone()), sum(got.end));
            prop_assert!(got.len() == 1 || sum(got.end) <= limit);
            prop_assert!(got.end == sizes.len() || sum(got.end + 1) > limit);
        }
    }
}
