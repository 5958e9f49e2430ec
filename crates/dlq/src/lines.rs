//! The lines of a queue, with their places, whatever happened to the file.

use std::io::{self, BufRead, BufReader, Read};

use crate::Entry;

/// What is longer is no letter of ours: inputs have limits far below.
const LONGEST_LINE: usize = 256 << 20;

/// Reads one line after the other.
#[derive(Debug)]
pub struct Lines<R> {
    input: BufReader<R>,
    at: u64,
    line: Vec<u8>,
}

/// A line and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// Where it begins.
    pub start: u64,
    /// Where the next one begins.
    pub end: u64,
    /// Its bytes, without the end of the line; cut where it is longer than a letter can be.
    pub bytes: &'l [u8],
    /// Whether it has its end: what has not was torn by a crash, or is being written.
    pub is_whole: bool,
}

impl<'l> Line<'l> {
    /// The letter; none where the line is damaged.
    pub fn entry(&self) -> Option<Entry<'l>> {
        Entry::read(self.bytes)
    }

    /// Whether nothing stands on it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.is_whole
    }
}

impl<R: Read> Lines<R> {
    /// The lines of `input`, the first of which begins at `at`.
    pub fn new(input: R, at: u64) -> Self {
        Self { input: BufReader::with_capacity(256 << 10, input), at, line: Vec::new() }
    }

    /// Where the next line begins.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    /// The file cannot be read.
    #[allow(clippy::should_implement_trait, reason = "a line borrows the buffer of the reader")]
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.next_of(LONGEST_LINE)
    }

    fn next_of(&mut self, longest: usize) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let start = self.at;
        let mut is_whole = false;
        while !is_whole {
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                break;
            }
            let (text, used) = match memchr::memchr(b'\n', bytes) {
                Some(end) => (&bytes[..end], end + 1),
                None => (bytes, bytes.len()),
            };
            is_whole = used > text.len();
            let room = longest.saturating_sub(self.line.len());
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            self.input.consume(used);
            self.at += used as u64;
        }
        if self.at == start {
            return Ok(None);
        }
        Ok(Some(Line { start, end: self.at, bytes: &self.line, is_whole }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], longest: usize) -> Vec<(u64, u64, Vec<u8>, bool)> {
        let mut lines = Lines { input: BufReader::with_capacity(3, bytes), at: 0, line: Vec::new() };
        let mut found = Vec::new();
        while let Some(line) = lines.next_of(longest).unwrap() {
            found.push((line.start, line.end, line.bytes.to_vec(), line.is_whole));
        }
        found
    }

    proptest! {
        #[test]
        fn every_byte_is_in_one_line(text in "[ab\n]{0,40}") {
            let (mut at, mut dull) = (0, Vec::new());
            for line in text.split_inclusive('\n') {
                let bytes = line.trim_end_matches('\n').as_bytes().to_vec();
                let start = at;
                at += line.len() as u64;
                dull.push((start, at, bytes, line.ends_with('\n')));
            }
            prop_assert_eq!(&read(text.as_bytes(), 100), &dull);
            // A line that is too long is cut and keeps its place.
            for line in &mut dull {
                line.2.truncate(2);
            }
            prop_assert_eq!(&read(text.as_bytes(), 2), &dull);
        }
    }
}
