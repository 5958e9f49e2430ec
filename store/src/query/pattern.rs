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
    /// What all terms that match begin with: where in the dictionary to begin.
    pub(crate) fn literal(&self) -> String {
        match self {
            Self::Glob { wildcard, insensitive: false } => beginning(wildcard).0,
            Self::Within { prefix, .. } => prefix.clone(),
            _ => String::new(),
        }
    }

    /// The same, if all terms that begin so match.
    pub(crate) fn prefix(&self) -> Option<String> {
        match self {
            Self::Glob { wildcard, insensitive: false } => {
                let (literal, rest) = beginning(wildcard);
                (rest == "*").then_some(literal)
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

/// A wildcard up to its first special character, as text, and the rest of it.
fn beginning(wildcard: &str) -> (String, &str) {
    let (mut literal, mut rest) = (String::new(), wildcard);
    while let (Some(Piece::Char(c)), left) = next(rest) {
        literal.push(c);
        rest = left;
    }
    (literal, rest)
}

enum Piece {
    Any,
    One,
    Char(char),
}

/// The first piece of a pattern, and the rest of it.
fn next(pattern: &str) -> (Option<Piece>, &str) {
    let mut chars = pattern.chars();
    let piece = chars.next().map(|c| match c {
        '*' => Piece::Any,
        '?' => Piece::One,
        '\\' => Piece::Char(chars.next().unwrap_or('\\')),
        c => Piece::Char(c),
    });
    (piece, chars.as_str())
}

/// Like [`crate::names::wildcard`], with `\` taking the next character as it is.
fn glob(mut pattern: &str, mut text: &str, insensitive: bool) -> bool {
    let fold = |c: char| if insensitive { c.to_lowercase().next().unwrap_or(c) } else { c };
    // The pattern behind the last star, and the text that this has not taken.
    let mut star: Option<(&str, &str)> = None;
    loop {
        let mut chars = text.chars();
        let (piece, left) = next(pattern);
        match (piece, chars.next()) {
            (Some(Piece::Any), _) => {
                star = Some((left, text));
                pattern = left;
            }
            (None, None) => return true,
            (Some(Piece::One), Some(_)) => (pattern, text) = (left, chars.as_str()),
            (Some(Piece::Char(a)), Some(b)) if fold(a) == fold(b) => (pattern, text) = (left, chars.as_str()),
            _ => {
                // The star takes one more, if there is one.
                let Some((behind, taken)) = star else { return false };
                let mut more = taken.chars();
                if more.next().is_none() {
                    return false;
                }
                star = Some((behind, more.as_str()));
                (pattern, text) = (behind, more.as_str());
            }
        }
    }
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
            pattern.prefix()
        };
        assert_eq!((prefix("ab*"), prefix("*")), (Some("ab".to_owned()), Some(String::new())));
        assert_eq!((prefix("a*b*"), prefix(r"a\*"), prefix("a?*"), prefix("a")), (None, None, None, None));
        assert_eq!(prefix(r"\/a\*b*"), Some("/a*b".to_owned()));
        assert!(glob("**", "", false) && glob("*a*b", "xaabab", false) && glob("?\u{e9}*", "x\u{c9}", true));
        assert!(!glob("*a?", "ba", false) && !glob("", "a", false) && glob("", "", false));
    }
}
