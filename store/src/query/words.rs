//! OpenSearch's standard analyzer: words by Unicode's rules (UAX 29), in lower case.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_segmentation::UnicodeSegmentation;

/// The words of a text.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    each(text, |from, to| {
        let mut word = String::new();
        lower(&text[from..to], &mut word);
        out.push(word);
    });
    out
}

/// Calls back with the ends of each word. Unicode's tables are gone around where the text is ASCII: logs mostly are.
fn each(text: &str, mut visit: impl FnMut(usize, usize)) {
    if !text.is_ascii() {
        text.unicode_word_indices().for_each(|(at, word)| visit(at, at + word.len()));
        return;
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some((from, to)) = ascii(bytes, at) {
        if bytes[from..to].iter().any(u8::is_ascii_alphanumeric) {
            visit(from, to);
        }
        at = to;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Other,
    Letter,
    Digit,
    Underscore,
}

const CLASS: [Class; 128] = {
    let mut table = [Class::Other; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        if byte.is_ascii_alphabetic() {
            table[at] = Class::Letter;
        } else if byte.is_ascii_digit() {
            table[at] = Class::Digit;
        } else if byte == b'_' {
            table[at] = Class::Underscore;
        }
        at += 1;
    }
    table
};

/// The next run of word characters at or after `at`: UAX 29's rules WB5 to WB13b for ASCII.
fn ascii(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let class = |at: usize| bytes.get(at).map_or(Class::Other, |b| CLASS[usize::from(b & 127)]);
    while class(at) == Class::Other {
        at += 1;
        if at >= bytes.len() {
            return None;
        }
    }
    let from = at;
    loop {
        while class(at) != Class::Other {
            at += 1;
        }
        let Some(next) = bytes.get(at) else { break };
        let joins = match next {
            b'.' | b'\'' => {
                let (before, after) = (class(at - 1), class(at + 1));
                before == after && matches!(before, Class::Letter | Class::Digit)
            }
            b':' => class(at - 1) == Class::Letter && class(at + 1) == Class::Letter,
            b',' | b';' => class(at - 1) == Class::Digit && class(at + 1) == Class::Digit,
            _ => false,
        };
        if !joins {
            break;
        }
        at += 1;
    }
    Some((from, at))
}

fn lower(word: &str, out: &mut String) {
    out.clear();
    if word.is_ascii() {
        out.push_str(word);
        out.make_ascii_lowercase();
    } else {
        out.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// The same analyzer, as tantivy wants it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    token: Token,
    ends: Vec<(usize, usize)>,
}

/// The words of one text, one after the other.
pub(crate) struct WordStream<'a> {
    text: &'a str,
    ends: &'a [(usize, usize)],
    token: &'a mut Token,
    next: usize,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        self.ends.clear();
        let ends = &mut self.ends;
        each(text, |from, to| ends.push((from, to)));
        WordStream { text, ends: &self.ends, token: &mut self.token, next: 0 }
    }
}

impl TokenStream for WordStream<'_> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts_like_the_standard_analyzer() {
        assert_eq!(
            words("GET /admin/config.php?x=1 10.0.0.1 don't Ärger_x"),
            ["get", "admin", "config.php", "x", "1", "10.0.0.1", "don't", "ärger_x"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_way_around_the_tables_ends_at_the_same_places(text in "[ab1_.,:;'\" /-]{0,24}") {
            let slow: Vec<String> = text.unicode_words().map(str::to_lowercase).collect();
            prop_assert_eq!(words(&text), slow);
        }
    }
}
