//! OpenSearch's standard analyzer: words by Unicode's rules (UAX 29), in lower case.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_segmentation::{UnicodeSegmentation, UnicodeWordIndices};

/// The words of a text.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(lower).collect()
}

fn lower(word: &str) -> String {
    let mut out = String::new();
    lower_into(word, &mut out);
    out
}

fn lower_into(word: &str, out: &mut String) {
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
}

/// The words of one text, one after the other.
pub(crate) struct WordStream<'a> {
    words: UnicodeWordIndices<'a>,
    token: &'a mut Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { words: text.unicode_word_indices(), token: &mut self.token }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((at, word)) = self.words.next() else { return false };
        lower_into(word, &mut self.token.text);
        self.token.position = self.token.position.wrapping_add(1);
        self.token.offset_from = at;
        self.token.offset_to = at + word.len();
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

    #[test]
    fn cuts_like_the_standard_analyzer() {
        assert_eq!(
            words("GET /admin/config.php?x=1 10.0.0.1 don't Ärger_x"),
            ["get", "admin", "config.php", "x", "1", "10.0.0.1", "don't", "ärger_x"]
        );
    }
}
