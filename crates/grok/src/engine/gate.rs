//! What every match must hold, in its order: a text without it is not tried again and again.

use super::{
    ast::Node,
    class::ByteSet,
    first::{First, Inside, Last, Open},
    needle::{Needle, rareness},
};

/// The most telling marks of a pattern.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    marks: Vec<Mark>,
    /// A match begins at least this many bytes before the first mark.
    lead: usize,
}

/// What must stand somewhere.
#[derive(Clone, Debug)]
enum Mark {
    Literal(Needle),
    /// One of these bytes.
    Byte([u8; 3]),
}

/// So many literals are looked for at most.
const MOST: usize = 3;

/// And so many of the last marks besides: lines that are cut off lack one of them.
const LAST: usize = 5;

impl Gate {
    /// The gate of a pattern; none where nothing must be there.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        let mut chain = Chain::default();
        chain.add(node);
        chain.end();
        let found = chain.found;
        let mut ranked: Vec<usize> = (0..found.len()).filter(|at| found[*at].is_literal).collect();
        ranked.sort_by_key(|at| std::cmp::Reverse(worth(&found[*at].bytes)));
        ranked.truncate(MOST);
        ranked.extend(found.len().saturating_sub(LAST)..found.len());
        ranked.sort_unstable();
        ranked.dedup();
        let lead = found.get(*ranked.first()?)?.lead;
        Some(Self { marks: ranked.iter().filter_map(|at| found[*at].mark()).collect(), lead })
    }

    /// The literal that tells most, for a search for many patterns at once.
    pub(crate) fn best(&self) -> Option<&[u8]> {
        let literals = self.marks.iter().filter_map(|mark| match mark {
            Mark::Literal(needle) => Some(needle.bytes()),
            Mark::Byte(_) => None,
        });
        literals.max_by_key(|bytes| worth(bytes))
    }

    /// The last place from `from` on where a match could begin; none where there cannot be one.
    pub(crate) fn last_start(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut end = text.len();
        for mark in self.marks.iter().rev() {
            let before = text.get(..end)?;
            end = match mark {
                Mark::Literal(needle) => needle.rfind(before)?,
                Mark::Byte([a, b, c]) => memchr::memrchr3(*a, *b, *c, before)?,
            };
        }
        end.checked_sub(self.lead).filter(|last| *last >= from)
    }
}

/// Longer is better, and rare is better than frequent.
fn worth(bytes: &[u8]) -> u32 {
    bytes.iter().map(|b| rareness(*b)).sum()
}

#[derive(Default)]
struct Chain {
    found: Vec<Found>,
    /// The one being put together.
    open: Vec<u8>,
    /// At least so many bytes stand before it.
    lead: usize,
    open_lead: usize,
}

struct Found {
    bytes: Vec<u8>,
    /// All of the bytes; else one of them.
    is_literal: bool,
    lead: usize,
}

impl Found {
    fn mark(&self) -> Option<Mark> {
        if self.is_literal {
            return Some(Mark::Literal(Needle::new(&self.bytes)));
        }
        self.bytes.as_slice().try_into().ok().map(Mark::Byte)
    }
}

impl Chain {
    fn add(&mut self, node: &Node) {
        match node {
            Node::Literal(bytes) => self.bytes(bytes),
            Node::Class(class) => match class.single().filter(char::is_ascii) {
                Some(c) => self.bytes(&[c as u8]),
                None => self.gap(1),
            },
            // Nothing stands between what is before and what is after.
            Node::Empty | Node::Assert(_) | Node::Look { .. } => {}
            Node::Capture(_, node) | Node::Atomic(node) => self.add(node),
            Node::Concat(nodes) => nodes.iter().for_each(|node| self.add(node)),
            Node::Alternate(_) => self.alternation(node),
            Node::Repeat { node, min, max, .. } => {
                if *max == Some(0) {
                    return;
                }
                if *min == 0 {
                    return self.gap(0);
                }
                for copy in 0..(*min).min(2) {
                    if copy > 0 || *min == 1 || Inside::of(node).all != ByteSet::NONE {
                        self.add(node);
                    }
                }
                if *max != Some(*min) || *min > 2 {
                    self.gap(least(node).saturating_mul((*min).saturating_sub(2) as usize));
                }
            }
        }
    }

    /// Where all branches begin with one of a few bytes, and end with one, these are marks.
    fn alternation(&mut self, node: &Node) {
        let least = least(node);
        let (first, last) = (First::of(node, First::END), Last::of(node, Last::UNKNOWN));
        self.end();
        if least >= 2 && first.open == Open::No && !first.end && !last.unknown {
            self.one_of(first.bytes, self.lead);
            self.one_of(last.bytes, self.lead + least - 1);
        }
        self.lead = self.lead.saturating_add(least);
    }

    fn one_of(&mut self, set: ByteSet, lead: usize) {
        if (1..=3).contains(&set.len()) {
            // One of two is one of three.
            let bytes: Vec<u8> = set.iter().collect();
            let bytes = bytes.iter().cycle().take(3).copied().collect();
            self.found.push(Found { bytes, is_literal: false, lead });
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if self.open.is_empty() {
            self.open_lead = self.lead;
        }
        self.open.extend(bytes);
        self.lead += bytes.len();
    }

    fn gap(&mut self, least: usize) {
        self.end();
        self.lead = self.lead.saturating_add(least);
    }

    fn end(&mut self) {
        if !self.open.is_empty() {
            let bytes = std::mem::take(&mut self.open);
            self.found.push(Found { bytes, is_literal: true, lead: self.open_lead });
        }
    }
}

/// The least number of bytes that a match takes.
pub(crate) fn least(node: &Node) -> usize {
    match node {
        Node::Empty | Node::Assert(_) | Node::Look { .. } => 0,
        Node::Class(_) => 1,
        Node::Literal(bytes) => bytes.len(),
        Node::Capture(_, node) | Node::Atomic(node) => least(node),
        Node::Concat(nodes) => nodes.iter().map(least).fold(0, usize::saturating_add),
        Node::Alternate(nodes) => nodes.iter().map(least).min().unwrap_or(0),
        Node::Repeat { node, min, .. } => least(node).saturating_mul(*min as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse::parse;

    fn check(regex: &str, text: &str) -> Option<usize> {
        Gate::of(&parse(regex).unwrap().0).unwrap().last_start(text.as_bytes(), 0)
    }

    #[test]
    fn the_last_place_that_can_begin() {
        assert_eq!(check(r"\d+ \[(?:a|b)\]", "x 1 [a] 22 [b] 3"), Some(9));
        assert_eq!(check(r"\d+ \[(?:a|b)\]", "x 1 [a"), None);
        assert_eq!(check(r"(?:ab){2}c", "xababcx"), Some(1));
        assert_eq!(check(r"(?:ab){3,}c", "abababc"), Some(2));
        assert_eq!(check(r"(?:ab)+c", "xabababc"), Some(5));
        // Branches that begin and end with one of a few bytes.
        assert_eq!(check(r#" (?:"[^"]*"|'[^']*')"#, r#"a 'x' "y"#), Some(1));
        assert_eq!(check(r#"x(?:"[^"]*"|'[^']*') (?:"[^"]*"|'[^']*')"#, r#"x"a" "b"#), None);
        assert!(Gate::of(&parse(r"a?|b").unwrap().0).is_none());
    }
}
