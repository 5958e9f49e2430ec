//! Blocks of whole lines out of a stream of bytes; the lines of a block share its buffer.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read},
};

use bytes::{Bytes, BytesMut};

/// Bytes of a block, unless a single line is longer. Large enough that handing blocks on costs nothing beside the work on their
/// lines, small enough that they stay in the processor's cache.
const BLOCK: usize = 256 << 10;

/// Buffers that are used again: memory that is given back to the system and asked for again is cleared each time.
const KEPT: usize = 8;

/// Reads blocks.
pub(super) struct Blocks<R> {
    input: R,
    /// Begins with what was read behind the last line's end. All of its length may be read into: clearing it each time would cost
    /// as much as a search for the lines.
    buffer: BytesMut,
    /// How much of `buffer` was read.
    len: usize,
    /// Buffers of blocks that were handed on, oldest first.
    used: VecDeque<Bytes>,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: BytesMut::new(), len: 0, used: VecDeque::new(), ended: false }
    }

    /// The next whole lines that are there, the last one with its end but at the end of the stream; `None` there. Waits for no more
    /// than the first line, so that a slow writer's lines are seen at once.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            // Where it was looked at before there is no end of a line.
            let seen = self.len;
            if !self.read()? {
                self.ended = true;
                let last = std::mem::take(&mut self.buffer).freeze().slice(..self.len);
                self.len = 0;
                return Ok((!last.is_empty()).then_some(last));
            }
            if let Some(at) = memchr::memrchr(b'\n', &self.buffer[seen..self.len]) {
                let end = seen + at + 1;
                let rest = self.len - end;
                let mut next = self.free_buffer(rest);
                next[..rest].copy_from_slice(&self.buffer[end..self.len]);
                self.len = rest;
                let whole = std::mem::replace(&mut self.buffer, next).freeze();
                let block = whole.slice(..end);
                self.used.push_back(whole);
                if self.used.len() > KEPT {
                    self.used.pop_front();
                }
                return Ok(Some(block));
            }
        }
    }

    /// Reads once; false at the end of the stream, for good.
    fn read(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.buffer.len() < 2 * self.len || self.buffer.len() < BLOCK {
            // Twice as much as there is, so that a very long line is not copied again and again.
            self.buffer.resize((2 * self.len).max(BLOCK), 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.len..]) {
                Ok(read) => {
                    self.len += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A buffer of at least `len` bytes; that of the oldest block, if nobody needs it any more.
    fn free_buffer(&mut self, len: usize) -> BytesMut {
        let oldest = self.used.pop_front().map(Bytes::try_into_mut);
        match oldest {
            Some(Ok(buffer)) if (len.max(BLOCK)..=2 * BLOCK).contains(&buffer.len()) => return buffer,
            Some(Err(shared)) => self.used.push_front(shared),
            _ => {}
        }
        BytesMut::zeroed(len.max(BLOCK))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives out what it has in pieces of these lengths.
    struct Pieces(Vec<u8>, Vec<usize>);

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let piece = self.1.pop().unwrap_or(usize::MAX).min(self.0.len()).min(into.len());
            into[..piece].copy_from_slice(&self.0[..piece]);
            self.0.drain(..piece);
            Ok(piece)
        }
    }

    fn blocks(bytes: &[u8], pieces: Vec<usize>, keep: bool) -> Vec<Vec<u8>> {
        let mut blocks = Blocks::new(Pieces(bytes.to_vec(), pieces));
        let (mut out, mut kept) = (Vec::new(), Vec::new());
        while let Some(block) = blocks.next().unwrap() {
            out.push(block.to_vec());
            if keep {
                kept.push(block);
            }
        }
        // A buffer that somebody still reads is not written to.
        kept.iter().zip(&out).for_each(|(kept, out)| assert_eq!(kept, out));
        out
    }

    proptest! {
        #[test]
        fn every_byte_once_and_whole_lines(
            text in "[ab\n]{0,60}",
            pieces in prop::collection::vec(1_usize..9, 0..40),
            keep: bool,
        ) {
            let blocks = blocks(text.as_bytes(), pieces, keep);
            prop_assert_eq!(blocks.concat(), text.as_bytes());
            for block in blocks.iter().rev().skip(1) {
                prop_assert!(block.ends_with(b"\n"));
            }
        }
    }

    #[test]
    fn a_line_is_given_out_when_it_is_there() {
        assert_eq!(blocks(b"a\nb\ncd", vec![1, 1, 1, 2, 2], false), [&b"a\n"[..], b"b\n", b"cd"]);
    }

    #[test]
    fn a_line_longer_than_a_block() {
        let line = vec![b'x'; 3 * BLOCK];
        assert_eq!(blocks(&[&line[..], b"\ny\n"].concat(), vec![], true).concat().len(), line.len() + 3);
    }
}
