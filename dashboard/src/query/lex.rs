//! The pieces of a query's text. What ends a word depends on where it stands (`a:b` is a field and its value, but in
//! `url:http://x` the second colon belongs to the value), so the parser asks for one piece after the other.

use super::ast::{Piece, Place, Word};
use super::error::{Problem, QueryError};

/// Where a word stands, which decides what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Where a field's name could be, or in a group of values: a colon ends it.
    Free,
    /// Behind a field or a comparison.
    Value,
    /// In brackets.
    Bound,
}

/// A word between terms, or a sign that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Not,
}

/// Whether a word without escapes is one of the operators, in any case as KQL takes them.
pub(super) fn operator(word: &str) -> Option<Operator> {
    match word {
        "&&" => Some(Operator::And),
        "||" => Some(Operator::Or),
        _ if word.eq_ignore_ascii_case("and") => Some(Operator::And),
        _ if word.eq_ignore_ascii_case("or") => Some(Operator::Or),
        _ if word.eq_ignore_ascii_case("not") => Some(Operator::Not),
        _ => None,
    }
}

/// Whether a character ends a word wherever it stands.
pub(super) fn ends(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"')
}

/// Whether a character ends a word that stands there.
fn ends_at(c: char, stand: Stand) -> bool {
    ends(c)
        || match stand {
            Stand::Free => matches!(c, ':' | '<' | '>'),
            Stand::Value => matches!(c, '<' | '>'),
            Stand::Bound => matches!(c, '[' | ']' | '{' | '}'),
        }
}

/// A text and how far it has been read.
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The byte that is next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What has been read since `start`.
    pub(super) fn since(&self, start: usize) -> Place {
        Place { start, end: self.at }
    }

    /// What was typed there.
    pub(super) fn typed(&self, place: Place) -> &'t str {
        self.text.get(place.start..place.end).unwrap_or_default()
    }

    /// The character that is next.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes the next character if it is `c`.
    pub(super) fn take(&mut self, c: char) -> bool {
        let there = self.rest().starts_with(c);
        if there {
            self.at += c.len_utf8();
        }
        there
    }

    /// Takes blanks.
    pub(super) fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// The operator that is next, not taken: a whole word, and no field's name.
    pub(super) fn peek_operator(&self) -> Option<(Operator, Place)> {
        let rest = self.rest();
        let end = rest.find(|c| ends_at(c, Stand::Free)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let found = operator(word).filter(|_| !behind.starts_with(':'))?;
        Some((found, Place { start: self.at, end: self.at + end }))
    }

    /// Goes to the end of what was peeked.
    pub(super) fn skip_to(&mut self, end: usize) {
        self.at = end;
    }

    /// A word, if one begins here.
    pub(super) fn word(&mut self, stand: Stand) -> Result<Option<(Word, Place)>, QueryError> {
        let start = self.at;
        let mut pieces = Vec::new();
        while let Some(c) = self.peek().filter(|c| !ends_at(*c, stand)) {
            self.at += c.len_utf8();
            match c {
                '\\' => {
                    let Some(escaped) = self.peek() else {
                        let place = Place { start: self.at - 1, end: self.at };
                        return Err(QueryError::new(Problem::LoneBackslash, place));
                    };
                    self.at += escaped.len_utf8();
                    pieces.push(Piece::Char(escaped));
                }
                // Two stars mean no more than one.
                '*' if pieces.last() == Some(&Piece::Any) => {}
                '*' => pieces.push(Piece::Any),
                '?' => pieces.push(Piece::One),
                c => pieces.push(Piece::Char(c)),
            }
        }
        Ok((!pieces.is_empty()).then(|| (Word(pieces), self.since(start))))
    }

    /// A text in quotes, if one begins here. A backslash stands for itself but before `"` and `\`, as paths of Windows
    /// have many.
    pub(super) fn phrase(&mut self) -> Result<Option<(String, Place)>, QueryError> {
        let start = self.at;
        if !self.take('"') {
            return Ok(None);
        }
        let mut out = String::new();
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(Some((out, self.since(start)))),
                '\\' => match self.peek().filter(|c| matches!(c, '"' | '\\')) {
                    Some(escaped) => {
                        self.at += 1;
                        out.push(escaped);
                    }
                    None => out.push('\\'),
                },
                c => out.push(c),
            }
        }
        Err(QueryError::new(Problem::OpenPhrase, Place { start, end: start + 1 }))
    }
}
