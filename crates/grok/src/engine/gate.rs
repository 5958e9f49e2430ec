//! Literals that every match must hold, in their order: a text without them is not tried a second time.

use super::{
    ast::Node,
    class::ByteSet,
    first::Inside,
    needle::{Needle, rareness},
};

/// The most telling literals of a pattern.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    literals: Vec<Needle>,
    /// A match begins at least this many bytes before the first literal.
    lead: usize,
}

/// As many are looked for, and the last one besides: lines that are cut off lack it.
const MOST: usize = 3;

impl Gate {
    /// The gate of a pattern; none where nothing must be there.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        let mut chain = Chain::default();
        chain.add(node);
        chain.end();
        let mut ranked: Vec<usize> = (0..chain.found.len()).collect();
        ranked.sort_by_key(|at| std::cmp::Reverse(chain.found[*at].worth()));
        ranked.truncate(MOST);
        ranked.extend(chain.found.len().checked_sub(1));
        ranked.sort_unstable();
        ranked.dedup();
        let first = *ranked.first()?;
        let literals = ranked.iter().map(|at| Needle::new(&chain.found[*at].bytes)).collect();
        Some(Self { literals, lead: chain.found[first].lead })
    }

    /// The literal that tells most, for a search for many patterns at once.
    pub(crate) fn best(&self) -> Option<&[u8]> {
        self.literals.iter().map(Needle::bytes).max_by_key(|bytes| worth(bytes))
    }

    /// The last place from `from` on where a match could begin; none where there cannot be one.
    pub(crate) fn last_start(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut end = text.len();
        for literal in self.literals.iter().rev() {
            end = literal.rfind(text.get(..end)?)?;
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
    lead: usize,
}

impl Found {
    fn worth(&self) -> u32 {
        worth(&self.bytes)
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
            Node::Alternate(_) => self.gap(least(node)),
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
            self.found.push(Found { bytes, lead: self.open_lead });
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
        assert!(Gate::of(&parse(r"a?|b").unwrap().0).is_none());
    }
}
