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

    /// The same, made ready to be held against a whole dictionary.
    pub(crate) fn ready(&self) -> Ready<'_> {
        let regex = match self {
            Self::Glob { wildcard, insensitive } => automaton(wildcard, *insensitive),
            Self::Regexp(_) | Self::Within { .. } => None,
        };
        Ready { pattern: self, regex }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Glob { wildcard, insensitive } => glob(wildcard, text, *insensitive),
            Self::Regexp(regex) => regex.is_match(text),
            Self::Within { prefix, regex } => {
                text.strip_prefix(prefix.as_str()).is_some_and(|rest| regex.is_match(rest))
            }
        }
    }
}

/// A pattern that many terms are held against.
pub(crate) struct Ready<'a> {
    pattern: &'a Pattern,
    /// A wildcard as a regular expression: its library looks for the rarest letters of many bytes at once.
    regex: Option<Regex>,
}

impl Ready<'_> {
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.as_ref().map_or_else(|| self.pattern.matches(text), |regex| regex.is_match(text))
    }
}

/// A wildcard as a regular expression that matches what [`glob`] does; none where letters beyond ASCII are to match in any case, which the two
/// understand differently.
fn automaton(wildcard: &str, insensitive: bool) -> Option<Regex> {
    let mut pieces = Vec::new();
    let mut rest = wildcard;
    while let (Some(piece), left) = next(rest) {
        pieces.push(piece);
        rest = left;
    }
    // Stars at the ends are said by not asking for an end.
    let (open, opened) = (pieces.first().is_none_or(Piece::is_any), pieces.last().is_none_or(Piece::is_any));
    let mut out = String::from("(?s)");
    if !open || pieces.is_empty() {
        out.push_str(r"\A");
    }
    let inner = pieces.iter().enumerate().skip_while(|(_, piece)| piece.is_any()).collect::<Vec<_>>();
    let stars = inner.iter().rev().take_while(|(_, piece)| piece.is_any()).count();
    for (_, piece) in &inner[..inner.len() - stars] {
        match piece {
            Piece::Any => out.push_str(".*?"),
            Piece::One => out.push('.'),
            Piece::Char(c) if !insensitive => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            Piece::Char(c) if !c.is_ascii() => return None,
            // Two letters beyond ASCII are written as these when they are small.
            Piece::Char('i' | 'I') => out.push_str(r"[iI\u{130}]"),
            Piece::Char('k' | 'K') => out.push_str(r"[kK\u{212A}]"),
            Piece::Char(c) if c.is_ascii_alphabetic() => {
                out.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']);
            }
            Piece::Char(c) => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    if !opened || pieces.is_empty() {
        out.push_str(r"\z");
    }
    Regex::new(&out).ok()
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

impl Piece {
    const fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wildcard_made_ready_matches_what_it_matches(
            wildcard in r"[ab*?k\\\n.é(iI]{0,8}", text in "[abAB\nkK\u{212A}\u{130}é.(iI\\\\]{0,10}", insensitive: bool,
        ) {
            let pattern = Pattern::Glob { wildcard: wildcard.clone(), insensitive };
            let ready = pattern.ready();
            prop_assert!(ready.regex.is_some() || (insensitive && wildcard.contains('é')));
            prop_assert_eq!(ready.matches(&text), glob(&wildcard, &text, insensitive), "{:?}", ready.regex);
        }
    }

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
