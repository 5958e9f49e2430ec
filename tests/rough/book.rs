//! What was written: every line's number, the file that it was written to, and what must arrive of it.

use std::collections::BTreeMap;

/// The longest line that is shipped whole, in bytes; the agent is told so.
pub(crate) const MAX_LINE: usize = 64 << 10;

/// What the first line of many files says, so long that no first kilobyte tells them from each other.
pub(crate) fn head() -> String {
    format!("# version: 1 {}", "field ".repeat(200))
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) generation: u32,
    /// Of the text that must arrive.
    pub(crate) hash: u64,
}

/// The reference: written before the line is, so that nothing can arrive before it is here.
#[derive(Debug, Default)]
pub(crate) struct Book {
    lines: Vec<Written>,
    /// What each generation is: the log's name and what became of the one before it.
    generations: Vec<String>,
    /// How many files have a head.
    pub(crate) heads: u64,
    /// How many of those may have come where the same head was before, in the same file by all that a file system tells: an agent
    /// that had written down no more than that one before it was killed cannot know of the other.
    pub(crate) same_heads: u64,
    /// Lines longer than the limit.
    pub(crate) long: u64,
    /// How often each kind of rotation took place.
    pub(crate) rotations: BTreeMap<&'static str, u64>,
}

impl Book {
    /// A file's life from empty to empty.
    pub(crate) fn generation(&mut self, what: String) -> u32 {
        self.generations.push(what);
        self.generations.len() as u32 - 1
    }

    /// A new line, with `more` behind its number: its number and its text, without the line feed.
    pub(crate) fn line(&mut self, generation: u32, more: &str) -> (u64, String) {
        let number = self.lines.len() as u64;
        let text = format!("L{number:09} {more}");
        let arrives = text.get(..MAX_LINE).unwrap_or(&text);
        self.long += u64::from(arrives.len() < text.len());
        self.lines.push(Written { generation, hash: hash(arrives) });
        (number, text)
    }

    pub(crate) fn lines(&self) -> &[Written] {
        &self.lines
    }

    pub(crate) fn generations(&self) -> usize {
        self.generations.len()
    }

    pub(crate) fn what(&self, generation: u32) -> &str {
        self.generations.get(generation as usize).map_or("?", String::as_str)
    }
}

/// The number of a line that [`Book::line`] made.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('L')?.get(..9)?;
    (text.as_bytes().get(10) == Some(&b' ')).then(|| digits.parse().ok())?
}

pub(crate) fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
