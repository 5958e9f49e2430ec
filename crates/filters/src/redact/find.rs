//! Where personal data stand in a text.

use super::{address, card, email, phone, token::Tokens};

/// What is looked for. Where two overlap, the one that begins first gives its name; of two that begin together, the one that comes first here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Token,
    Card,
    Email,
    Ipv6,
    Ipv4,
    Phone,
}

/// Their names in the configuration.
pub(crate) const KINDS: &[(&str, Kind)] = &[
    ("email", Kind::Email),
    ("card", Kind::Card),
    ("token", Kind::Token),
    ("ipv4", Kind::Ipv4),
    ("ipv6", Kind::Ipv6),
    ("phone", Kind::Phone),
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// Bytes `start..end` of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
}

/// Looks for some kinds.
#[derive(Clone, Debug)]
pub(crate) struct Finder {
    kinds: Vec<Kind>,
    tokens: Option<Tokens>,
}

impl Finder {
    pub(crate) fn new(kinds: Vec<Kind>) -> Option<Self> {
        let tokens = if kinds.contains(&Kind::Token) { Some(Tokens::new()?) } else { None };
        Some(Self { kinds, tokens })
    }

    /// Fills `spans` with what is found: in order, none overlapping.
    pub(crate) fn find(&self, text: &str, spans: &mut Vec<Span>) {
        spans.clear();
        for kind in &self.kinds {
            let mut add = |start, end| spans.push(Span { start, end, kind: *kind });
            match kind {
                Kind::Token => {
                    if let Some(tokens) = &self.tokens {
                        tokens.find(text, &mut add);
                    }
                }
                Kind::Card => card::find(text, &mut add),
                Kind::Email => email::find(text, &mut add),
                Kind::Ipv6 => address::find_v6(text, &mut add),
                Kind::Ipv4 => address::find_v4(text, &mut add),
                Kind::Phone => phone::find(text, &mut add),
            }
        }
        if spans.len() > 1 {
            spans.sort_unstable_by_key(|span| (span.start, span.kind, span.end));
            spans.dedup_by(|next, before| {
                let overlap = next.start < before.end;
                if overlap {
                    before.end = before.end.max(next.end);
                }
                overlap
            });
        }
    }
}

/// A letter or digit of ASCII.
pub(crate) fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(u8::is_ascii_alphanumeric)
}

/// The byte before a place.
pub(crate) fn before(bytes: &[u8], at: usize) -> Option<&u8> {
    at.checked_sub(1).and_then(|at| bytes.get(at))
}

/// Where the bytes from a place on that are all `good` end.
pub(crate) fn run(bytes: &[u8], from: usize, good: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| !good(*byte)).unwrap_or(rest.len())
}

/// What the tests of each kind find in a text.
#[cfg(test)]
pub(crate) fn found(text: &str, find: impl Fn(&str, &mut dyn FnMut(usize, usize))) -> Vec<&str> {
    let mut spans = Vec::new();
    find(text, &mut |start, end| spans.push((start, end)));
    spans.into_iter().map(|(start, end)| &text[start..end]).collect()
}
