//! Which bytes a match of a node can begin with, and whether it can be empty. All answers err on the side of more.

use super::{
    ast::{Assertion, Node},
    class::ByteSet,
};

/// Whether something can match without taking a byte. In rising order of how little is known then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Empty {
    /// It takes at least a byte.
    No,
    /// It can, anywhere.
    Always,
    /// It can where a `\b` holds.
    AtBoundary,
    /// It can where some other assertion holds.
    Sometimes,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct First {
    pub(crate) bytes: ByteSet,
    pub(crate) empty: Empty,
}

impl First {
    /// Nothing follows: a match.
    pub(crate) const END: Self = Self { bytes: ByteSet::NONE, empty: Empty::Always };

    fn nothing(empty: Empty) -> Self {
        Self { bytes: ByteSet::NONE, empty }
    }

    pub(crate) fn of(node: &Node) -> Self {
        match node {
            Node::Empty => Self::nothing(Empty::Always),
            Node::Assert(Assertion::WordBoundary) => Self::nothing(Empty::AtBoundary),
            Node::Assert(_) | Node::Look { .. } => Self::nothing(Empty::Sometimes),
            Node::Class(class) => Self { bytes: class.bytes(), empty: Empty::No },
            Node::Literal(bytes) => match bytes.first() {
                Some(byte) => Self { bytes: ByteSet::of(*byte), empty: Empty::No },
                None => Self::nothing(Empty::Always),
            },
            Node::Capture(_, node) | Node::Atomic(node) => Self::of(node),
            Node::Concat(nodes) => {
                nodes.iter().rev().fold(Self::nothing(Empty::Always), |rest, node| Self::of(node).then(rest))
            }
            Node::Alternate(branches) => {
                let mut all = Self::nothing(Empty::No);
                for first in branches.iter().map(Self::of) {
                    all = all.or(first);
                }
                all
            }
            Node::Repeat { node, min, max, .. } => {
                if *max == Some(0) {
                    return Self::nothing(Empty::Always);
                }
                let inner = Self::of(node);
                if *min == 0 { inner.or(Self::nothing(Empty::Always)) } else { inner }
            }
        }
    }

    /// This, and then `rest`.
    pub(crate) fn then(self, rest: Self) -> Self {
        if self.empty == Empty::No {
            return self;
        }
        let empty = if rest.empty == Empty::No { Empty::No } else { self.empty.max(rest.empty) };
        Self { bytes: self.bytes.union(rest.bytes), empty }
    }

    /// This or the other.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { bytes: self.bytes.union(other.bytes), empty: self.empty.max(other.empty) }
    }

    /// Whether a match can begin at this byte; `None` is the end of the text.
    #[inline]
    pub(crate) fn can_begin(&self, byte: Option<u8>) -> bool {
        self.empty != Empty::No || byte.is_some_and(|b| self.bytes.has(b))
    }
}
