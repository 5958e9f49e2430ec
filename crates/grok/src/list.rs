//! Several patterns, of which the first that matches counts.

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{Grok, Outcome, Spans};

/// Patterns in order. One pass over the text tells which of them can match at all.
#[derive(Clone, Debug)]
pub struct PatternList {
    groks: Vec<Grok>,
    prefilter: Option<Prefilter>,
}

/// What came of a [`PatternList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOutcome {
    /// The first pattern that matched, by its number; the spans are its.
    Match(usize),
    /// None did.
    NoMatch,
    /// One was given up, see [`Outcome::Exhausted`]; those behind it were not tried.
    Exhausted,
}

/// Shorter lists are tried one by one: a look at the whole text costs as much as a pattern that fails early.
const SHORTEST: usize = 3;

/// As many patterns fit into a word of bits; those behind are always tried.
const MOST: usize = 64;

#[derive(Clone, Debug)]
struct Prefilter {
    literals: AhoCorasick,
    /// For each literal, the patterns that need it.
    needed_by: Vec<u64>,
    /// The patterns that need none.
    always: u64,
}

impl PatternList {
    /// A list in the order in which the patterns are tried.
    pub fn new(groks: Vec<Grok>) -> Self {
        let prefilter = (groks.len() >= SHORTEST).then(|| Prefilter::new(&groks)).flatten();
        Self { groks, prefilter }
    }

    /// The patterns.
    pub fn patterns(&self) -> &[Grok] {
        &self.groks
    }

    /// The first pattern that matches `text`; `spans` then holds its captures.
    pub fn first_match(&self, text: &str, spans: &mut Spans) -> ListOutcome {
        let candidates = self.prefilter.as_ref().map_or(u64::MAX, |filter| filter.candidates(text));
        for (at, grok) in self.groks.iter().enumerate() {
            if at < MOST && candidates >> at & 1 == 0 {
                continue;
            }
            match grok.matches(text, spans) {
                Outcome::Match => return ListOutcome::Match(at),
                Outcome::NoMatch => {}
                Outcome::Exhausted => return ListOutcome::Exhausted,
            }
        }
        ListOutcome::NoMatch
    }
}

impl Prefilter {
    fn new(groks: &[Grok]) -> Option<Self> {
        let (mut literals, mut needed_by, mut always) = (Vec::<&[u8]>::new(), Vec::new(), 0);
        for (at, grok) in groks.iter().enumerate().take(MOST) {
            let Some(literal) = grok.required_literal() else {
                always |= 1 << at;
                continue;
            };
            match literals.iter().position(|one| *one == literal) {
                Some(known) => needed_by[known] |= 1 << at,
                None => {
                    literals.push(literal);
                    needed_by.push(1 << at);
                }
            }
        }
        if literals.is_empty() {
            return None;
        }
        // Overlapping ones are all wanted, so the kind is the standard one. The literals are few: they always fit.
        let literals = AhoCorasick::builder().match_kind(MatchKind::Standard).build(literals).ok()?;
        Some(Self { literals, needed_by, always })
    }

    fn candidates(&self, text: &str) -> u64 {
        let all = self.needed_by.iter().fold(self.always, |all, bits| all | bits);
        let mut found = self.always;
        for literal in self.literals.find_overlapping_iter(text) {
            found |= self.needed_by[literal.pattern().as_usize()];
            if found == all {
                break;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PatternSet;

    fn check(patterns: &[&str], text: &str) -> Option<usize> {
        let set = PatternSet::ecs_v1();
        let list = PatternList::new(patterns.iter().map(|p| Grok::compile(&set, p).unwrap()).collect());
        let mut spans = Spans::default();
        let found = match list.first_match(text, &mut spans) {
            ListOutcome::Match(at) => Some(at),
            _ => None,
        };
        let dull = list.patterns().iter().position(|grok| grok.matches(text, &mut spans) == Outcome::Match);
        assert_eq!(found, dull);
        found
    }

    #[test]
    fn the_first_that_matches_whatever_literals_it_needs() {
        let patterns = ["error %{INT:n}", "warn(?:ing)? %{INT:n}", "%{WORD:w} error", "rror", "%{INT:n}"];
        assert_eq!(check(&patterns, "an error 5"), Some(0));
        assert_eq!(check(&patterns, "an error x"), Some(2));
        assert_eq!(check(&patterns, "warning 5"), Some(1));
        assert_eq!(check(&patterns, " terror"), Some(3));
        assert_eq!(check(&patterns, "5"), Some(4));
        assert_eq!(check(&patterns, "nothing"), None);
    }
}
