//! Bytes cut at a delimiter, in whatever pieces they come.

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;

/// A line without an end is given up at this length, so that memory is bounded: 64 MiB.
pub(crate) const LINE_BYTES: usize = 64 << 20;

/// What came of a stream and is not cut yet.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    finder: Finder<'static>,
    most: usize,
    /// A carriage return before a newline is a part of the delimiter.
    returns: bool,
    rest: BytesMut,
    /// So many bytes of `rest` are known to hold no delimiter.
    searched: usize,
}

/// What was cut.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cut {
    /// A whole line.
    Line(Bytes),
    /// The first part of one that is too long; what comes next goes on with it.
    TooLong(Bytes),
}

impl Cut {
    /// The bytes, whole or not.
    pub(crate) fn bytes(self) -> Bytes {
        match self {
            Self::Line(bytes) | Self::TooLong(bytes) => bytes,
        }
    }
}

impl Lines {
    pub(crate) fn new(delimiter: &str, most: usize) -> Self {
        Self {
            finder: Finder::new(delimiter.as_bytes()).into_owned(),
            most: most.max(1),
            returns: delimiter == "\n",
            rest: BytesMut::new(),
            searched: 0,
        }
    }

    /// The same for another stream.
    pub(crate) fn fresh(&self) -> Self {
        Self { rest: BytesMut::new(), searched: 0, finder: self.finder.clone(), ..*self }
    }

    /// Cuts what came. Lines that lie in it as a whole are parts of it, not copies.
    pub(crate) fn cut(&mut self, mut bytes: Bytes, mut each: impl FnMut(Cut)) {
        let width = self.finder.needle().len();
        while !self.rest.is_empty() {
            // No more than could make the line too long, and what the delimiter may need.
            let room = (self.most + width).saturating_sub(self.rest.len()).min(bytes.len());
            let before = bytes.clone();
            self.rest.extend_from_slice(&bytes.split_to(room));
            let from = self.searched.saturating_sub(width - 1);
            match self.rest.get(from..).and_then(|rest| self.finder.find(rest)) {
                Some(at) => {
                    let mut line = self.rest.split_to(from + at + width);
                    line.truncate(from + at);
                    // The delimiter ends in what was just taken; what is after it goes back.
                    bytes = before.slice(room - self.rest.len()..);
                    self.rest.clear();
                    self.searched = 0;
                    each(Cut::Line(self.trim(line.freeze())));
                }
                None if self.rest.len() >= self.most + width => {
                    let part = self.rest.split_to(self.most).freeze();
                    self.searched = 0;
                    each(Cut::TooLong(part));
                }
                None => {
                    self.searched = self.rest.len();
                    if bytes.is_empty() {
                        return;
                    }
                }
            }
        }
        loop {
            let within = bytes.get(..(self.most + width).min(bytes.len())).unwrap_or_default();
            match self.finder.find(within) {
                Some(at) => {
                    let line = bytes.split_to(at);
                    bytes = bytes.split_off(width);
                    each(Cut::Line(self.trim(line)));
                }
                None if within.len() >= self.most + width => each(Cut::TooLong(bytes.split_to(self.most))),
                None => break,
            }
        }
        self.searched = bytes.len();
        self.rest.extend_from_slice(&bytes);
    }

    /// What is left without a delimiter; `None` where nothing is.
    pub(crate) fn rest(&mut self) -> Option<Bytes> {
        self.searched = 0;
        let rest = self.rest.split().freeze();
        (!rest.is_empty()).then(|| self.trim(rest))
    }

    /// Whether a line has begun.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn trim(&self, line: Bytes) -> Bytes {
        if self.returns && line.ends_with(b"\r") { line.slice(..line.len() - 1) } else { line }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(lines: &mut Lines, bytes: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        lines.cut(Bytes::copy_from_slice(bytes), |cut| {
            let mark = if matches!(cut, Cut::TooLong(_)) { "…" } else { "" };
            out.push(String::from_utf8_lossy(&cut.bytes()).into_owned() + mark);
        });
        out
    }

    #[test]
    fn lines_within_a_piece_are_parts_of_it() {
        let bytes = Bytes::from_static(b"one\r\ntwo\nrest");
        let mut lines = Lines::new("\n", 100);
        let mut found = Vec::new();
        lines.cut(bytes.clone(), |cut| found.push(cut.bytes()));
        assert_eq!(found, ["one", "two"]);
        assert_eq!(found[1].as_ptr() as usize - bytes.as_ptr() as usize, 5);
        assert_eq!(lines.rest().unwrap(), "rest");
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut lines = Lines::new("\n", 4);
        assert_eq!(
            cut(&mut lines, b"abcdefghij\nabcd\nabcde\n"),
            ["abcd…", "efgh…", "ij", "abcd", "abcd…", "e"]
        );
    }

    proptest! {
        /// However bytes are chopped, the lines are the same.
        #[test]
        fn in_any_pieces(text in "[a|\r\n]{0,40}", sizes in prop::collection::vec(1_usize..7, 1..9), most in 1_usize..9, delimiter in "(\n|\\|\\||\\|a\\|)") {
            let mut whole = Lines::new(&delimiter, most);
            let mut expect = cut(&mut whole, text.as_bytes());
            expect.extend(whole.rest().map(|rest| String::from_utf8_lossy(&rest).into_owned()));
            let mut lines = Lines::new(&delimiter, most);
            let (mut found, mut rest, mut turn) = (Vec::new(), text.as_bytes(), sizes.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(*turn.next().unwrap()));
                found.extend(cut(&mut lines, piece));
                rest = after;
            }
            found.extend(lines.rest().map(|rest| String::from_utf8_lossy(&rest).into_owned()));
            prop_assert_eq!(found, expect);
        }
    }
}
