//! What terms of a dictionary are held against: wildcards, prefixes, regular expressions.

use regex::Regex;
use std::sync::Arc;

/// A pattern with the literal that it starts with.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// Shell-style, or a bare prefix followed by `*`.
    Glob { wildcard: String, insensitive: bool },
    /// Matches whole terms.
    Regexp(Arc<Regex>),
    /// Terms that begin so and whose rest matches.
    Within { prefix: String, regex: Arc<Regex> },
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob { wildcard: a, insensitive: x }, Self::Glob { wildcard: b, insensitive: y }) => {
                a == b && x == y
            }
            (Self::Regexp(a), Self::Regexp(b)) => a.as_str() == b.as_str(),
            (Self::Within { prefix: a, regex: x }, Self::Within { prefix: b, regex: y }) => {
                a == b && x.as_str() == y.as_str()
            }
            _ => false,
        }
    }
}

impl Pattern {
    /// The part before the first special character: where in the dictionary to begin.
    pub(crate) fn literal(&self) -> &str {
        match self {
            Self::Glob { wildcard, insensitive: false } => {
                wildcard.split(['*', '?', '\\']).next().unwrap_or("")
            }
            Self::Within { prefix, .. } => prefix,
            _ => "",
        }
    }

    /// What all terms that match begin with, if all that begin so match.
    pub(crate) fn prefix(&self) -> Option<&str> {
        match self {
            Self::Glob { wildcard, insensitive: false } => {
                wildcard.strip_suffix('*').filter(|prefix| !prefix.contains(['*', '?', '\\']))
            }
            _ => None,
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Glob { wildcard, insensitive } => glob(wildcard, text, *insensitive),
            Self::Regexp(regex) => regex.is_match(text),
            Self::Within { prefix, regex } => {
                text.strip_prefix(prefix.as_str()).is_some_and(|rest| regex.is_match(rest))
            }
        }
    }
}

/// A text in which no character is special.
pub(crate) fn escaped(text: &str) -> String {
    let special = |c: char| matches!(c, '*' | '?' | '\\').then_some('\\');
    text.chars().flat_map(|c| special(c).into_iter().chain([c])).collect()
}

/// Like [`crate::names::wildcard`], with `\` taking the next character as it is.
fn glob(pattern: &str, text: &str, insensitive: bool) -> bool {
    enum Piece {
        Any,
        One,
        Char(char),
    }
    let fold = |c: char| if insensitive { c.to_lowercase().next().unwrap_or(c) } else { c };
    let mut pieces = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            '*' => Piece::Any,
            '?' => Piece::One,
            '\\' => Piece::Char(fold(chars.next().unwrap_or('\\'))),
            c => Piece::Char(fold(c)),
        });
    }
    let text: Vec<char> = text.chars().map(fold).collect();
    let (mut i, mut j, mut star, mut mark) = (0, 0, None, 0);
    while j < text.len() {
        match pieces.get(i) {
            Some(Piece::Any) => {
                star = Some(i);
                mark = j;
                i += 1;
            }
            Some(Piece::One) => {
                i += 1;
                j += 1;
            }
            Some(Piece::Char(c)) if *c == text[j] => {
                i += 1;
                j += 1;
            }
            _ => {
                let Some(s) = star else { return false };
                i = s + 1;
                mark += 1;
                j = mark;
            }
        }
    }
    pieces[i..].iter().all(|piece| matches!(piece, Piece::Any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        assert!(glob("a*c?", "abbcd", false) && glob("A*", "abc", true) && glob(r"a\*", "a*", false));
        assert!(!glob(r"a\*", "ab", false) && !glob("A*", "abc", false));
        let prefix = |wildcard: &str| {
            let pattern = Pattern::Glob { wildcard: wildcard.to_owned(), insensitive: false };
            pattern.prefix().map(str::to_owned)
        };
        assert_eq!((prefix("ab*"), prefix("*")), (Some("ab".to_owned()), Some(String::new())));
        assert_eq!((prefix("a*b*"), prefix(r"a\*"), prefix("a?*"), prefix("a")), (None, None, None, None));
    }
}
