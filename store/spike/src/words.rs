//! The store's analyzer (UAX 29 words in lower case), and the same with a way around Unicode's tables for ASCII.

use std::sync::atomic::{AtomicBool, Ordering};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_segmentation::UnicodeSegmentation;

/// Set by `words=uax`: measure the analyzer as the store has it now.
pub static SLOW: AtomicBool = AtomicBool::new(false);

/// Calls back with the ends of each word.
pub fn each(text: &str, mut visit: impl FnMut(usize, usize)) {
    if !text.is_ascii() || SLOW.load(Ordering::Relaxed) {
        text.unicode_word_indices().for_each(|(at, word)| visit(at, at + word.len()));
        return;
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(next) = ascii(bytes, at) {
        if bytes[next.0..next.1].iter().any(u8::is_ascii_alphanumeric) {
            visit(next.0, next.1);
        }
        at = next.1;
    }
}

const OTHER: u8 = 0;
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const UNDERSCORE: u8 = 3;

const CLASS: [u8; 128] = {
    let mut table = [OTHER; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        table[at] = if byte.is_ascii_alphabetic() {
            LETTER
        } else if byte.is_ascii_digit() {
            DIGIT
        } else if byte == b'_' {
            UNDERSCORE
        } else {
            OTHER
        };
        at += 1;
    }
    table
};

/// The next run of word characters at or after `at`: UAX 29's rules WB5 to WB13b for ASCII.
fn ascii(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let class = |at: usize| bytes.get(at).map_or(OTHER, |b| CLASS[usize::from(b & 127)]);
    while class(at) == OTHER {
        at += 1;
        if at >= bytes.len() {
            return None;
        }
    }
    let from = at;
    loop {
        while class(at) != OTHER {
            at += 1;
        }
        if at >= bytes.len() {
            break;
        }
        let joins = match bytes[at] {
            b'.' | b'\'' => {
                let (before, after) = (class(at - 1), class(at + 1));
                before == after && matches!(before, LETTER | DIGIT)
            }
            b':' => class(at - 1) == LETTER && class(at + 1) == LETTER,
            b',' | b';' => class(at - 1) == DIGIT && class(at + 1) == DIGIT,
            _ => false,
        };
        if !joins {
            break;
        }
        at += 1;
    }
    Some((from, at))
}

/// Lower case of a word, into `out`.
pub fn lower(word: &str, out: &mut String) {
    out.clear();
    if word.is_ascii() {
        out.push_str(word);
        out.make_ascii_lowercase();
    } else {
        out.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// The analyzer as tantivy wants it.
#[derive(Clone, Default)]
pub struct Words {
    token: Token,
    ends: Vec<(usize, usize)>,
}

pub struct Stream<'a> {
    text: &'a str,
    ends: &'a [(usize, usize)],
    token: &'a mut Token,
    next: usize,
}

impl Tokenizer for Words {
    type TokenStream<'a> = Stream<'a>;
    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        self.token.reset();
        self.ends.clear();
        let ends = &mut self.ends;
        each(text, |from, to| ends.push((from, to)));
        Stream { text, ends: &self.ends, token: &mut self.token, next: 0 }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some((from, to)) = self.ends.get(self.next).copied() else { return false };
        self.next += 1;
        lower(&self.text[from..to], &mut self.token.text);
        self.token.position = self.token.position.wrapping_add(1);
        (self.token.offset_from, self.token.offset_to) = (from, to);
        true
    }
    fn token(&self) -> &Token {
        self.token
    }
    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// Compares both ways over a file's lines.
pub fn check(text: &str) -> Result<(), String> {
    let mut fast = Vec::new();
    each(text, |from, to| fast.push(&text[from..to]));
    let slow: Vec<&str> = text.unicode_words().collect();
    if fast == slow { Ok(()) } else { Err(format!("{text}\n{fast:?}\n{slow:?}")) }
}
