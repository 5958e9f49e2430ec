//! Which bytes can come next, which came before, and which can stand inside. All answers err on the side of more.

use super::{
    ast::{Assertion, Node},
    class::{ByteSet, Class},
    compile::single_class,
};

/// Whether a condition on the next byte is all that is known to be needed. In rising order of how little is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Open {
    /// The next byte must be one of the set (or the end of the text, where said).
    No,
    /// Nothing more is needed: the expression ends here.
    Always,
    /// A `\b` is needed, and nothing more.
    AtBoundary,
    /// Something is needed that is not told.
    Sometimes,
}

/// What must stand at a place, so that a match can go on from there: a necessary condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct First {
    pub(crate) bytes: ByteSet,
    /// The end of the text will do too.
    pub(crate) end: bool,
    pub(crate) open: Open,
}

impl First {
    /// Nothing follows: a match.
    pub(crate) const END: Self = Self { bytes: ByteSet::NONE, end: false, open: Open::Always };

    /// Nothing is known.
    pub(crate) const UNKNOWN: Self = Self { bytes: ByteSet::NONE, end: false, open: Open::Sometimes };

    fn closed(bytes: ByteSet, end: bool) -> Self {
        Self { bytes, end, open: Open::No }
    }

    /// What must come next for `node`, and what comes after it, to match.
    pub(crate) fn of(node: &Node, follow: Self) -> Self {
        match node {
            Node::Empty => follow,
            Node::Assert(Assertion::LineEnd) => follow.and(ByteSet::of(b'\n'), true),
            Node::Assert(Assertion::TextEnd) => follow.and(ByteSet::NONE, true),
            Node::Assert(Assertion::WordBoundary) => Self {
                open: if follow.open == Open::Always { Open::AtBoundary } else { follow.open },
                ..follow
            },
            Node::Assert(_) => follow.unless_closed(),
            Node::Look { node, behind: false, negated } => match (single_class(node), negated) {
                (Some(class), true) => follow.and(class.certain_bytes().complement(), true),
                (Some(class), false) => follow.and(class.bytes(), false),
                _ => follow.unless_closed(),
            },
            Node::Look { .. } => follow.unless_closed(),
            Node::Class(class) => Self::closed(class.bytes(), false),
            Node::Literal(bytes) => match bytes.first() {
                Some(byte) => Self::closed(ByteSet::of(*byte), false),
                None => follow,
            },
            Node::Capture(_, node) | Node::Atomic(node) => Self::of(node, follow),
            Node::Concat(nodes) => nodes.iter().rev().fold(follow, |rest, node| Self::of(node, rest)),
            Node::Alternate(branches) => {
                branches.iter().map(|branch| Self::of(branch, follow)).reduce(Self::or).unwrap_or(follow)
            }
            Node::Repeat { node, min, max, .. } => {
                if *max == Some(0) {
                    return follow;
                }
                // A second round can begin with nothing that the first could not.
                let inner = Self::of(node, follow);
                if *min == 0 { inner.or(follow) } else { inner }
            }
        }
    }

    /// This or the other.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.union(other.bytes),
            end: self.end || other.end,
            open: self.open.max(other.open),
        }
    }

    /// With one more condition on the next byte.
    fn and(self, bytes: ByteSet, end: bool) -> Self {
        match self.open {
            Open::No => Self::closed(self.bytes.intersect(bytes), self.end && end),
            _ => Self::closed(bytes, end),
        }
    }

    fn unless_closed(self) -> Self {
        if self.open == Open::No { self } else { Self::UNKNOWN }
    }

    /// Whether a match can go on at this byte; `None` is the end of the text.
    #[inline]
    pub(crate) fn can_begin(&self, byte: Option<u8>) -> bool {
        self.open != Open::No || byte.map_or(self.end, |b| self.bytes.has(b))
    }

    /// The same for bytes of ASCII only; of others no.
    #[inline]
    pub(crate) fn can_begin_ascii(&self, byte: Option<u8>) -> bool {
        byte.map_or(self.end, |b| b < 0x80 && self.bytes.has(b))
    }

    /// Whether the two can never both go on at one place.
    pub(crate) fn is_disjoint(&self, other: &Self) -> bool {
        self.open == Open::No
            && other.open == Open::No
            && self.bytes.is_disjoint(&other.bytes)
            && !(self.end && other.end)
    }
}

/// What came before a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Last {
    pub(crate) bytes: ByteSet,
    /// It may also be the beginning of the text, or anything.
    pub(crate) unknown: bool,
}

impl Last {
    pub(crate) const UNKNOWN: Self = Self { bytes: ByteSet::NONE, unknown: true };

    /// What stands before the end of `node`, given what stands before its beginning.
    pub(crate) fn of(node: &Node, before: Self) -> Self {
        match node {
            Node::Empty | Node::Assert(_) | Node::Look { .. } => before,
            Node::Class(class) => Self { bytes: class.bytes(), unknown: false },
            Node::Literal(bytes) => match bytes.last() {
                Some(byte) => Self { bytes: ByteSet::of(*byte), unknown: false },
                None => before,
            },
            Node::Capture(_, node) | Node::Atomic(node) => Self::of(node, before),
            Node::Concat(nodes) => nodes.iter().fold(before, |before, node| Self::of(node, before)),
            Node::Alternate(branches) => {
                branches.iter().map(|branch| Self::of(branch, before)).reduce(Self::or).unwrap_or(before)
            }
            Node::Repeat { node, min, max, .. } => {
                if *max == Some(0) {
                    return before;
                }
                let inner = Self::of(node, before);
                if *min == 0 { inner.or(before) } else { inner }
            }
        }
    }

    /// Before a second round of `node`, it may be the end of the first.
    pub(crate) fn in_loop(node: &Node, before: Self) -> Self {
        Self::of(node, before).or(before)
    }

    fn or(self, other: Self) -> Self {
        Self { bytes: self.bytes.union(other.bytes), unknown: self.unknown || other.unknown }
    }
}

/// The bytes that can stand in a match: anywhere, and behind its first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside {
    pub(crate) all: ByteSet,
    pub(crate) behind_first: ByteSet,
    /// It can match nothing at all.
    pub(crate) nullable: bool,
}

impl Inside {
    pub(crate) fn of(node: &Node) -> Self {
        let nothing = Self { all: ByteSet::NONE, behind_first: ByteSet::NONE, nullable: true };
        match node {
            Node::Empty | Node::Assert(_) | Node::Look { .. } => nothing,
            Node::Class(class) => Self {
                all: class.bytes(),
                behind_first: class.bytes().intersect(ByteSet::wide()),
                nullable: false,
            },
            Node::Literal(bytes) => Self {
                all: bytes.iter().fold(ByteSet::NONE, |set, b| set.union(ByteSet::of(*b))),
                behind_first: bytes.iter().skip(1).fold(ByteSet::NONE, |set, b| set.union(ByteSet::of(*b))),
                nullable: bytes.is_empty(),
            },
            Node::Capture(_, node) | Node::Atomic(node) => Self::of(node),
            Node::Concat(nodes) => {
                let mut whole = nothing;
                for part in nodes.iter().map(Self::of) {
                    // Where nothing stands before, the first byte of this one is the first of all.
                    let begins = whole.all == ByteSet::NONE;
                    whole.behind_first =
                        whole.behind_first.union(if begins { part.behind_first } else { part.all });
                    whole.all = whole.all.union(part.all);
                    whole.nullable &= part.nullable;
                }
                whole
            }
            Node::Alternate(branches) => {
                let mut whole = Self { nullable: false, ..nothing };
                for part in branches.iter().map(Self::of) {
                    whole.all = whole.all.union(part.all);
                    whole.behind_first = whole.behind_first.union(part.behind_first);
                    whole.nullable |= part.nullable;
                }
                whole
            }
            Node::Repeat { node, min, max, .. } => {
                if *max == Some(0) {
                    return nothing;
                }
                let one = Self::of(node);
                Self {
                    all: one.all,
                    behind_first: if *max == Some(1) { one.behind_first } else { one.all },
                    nullable: one.nullable || *min == 0,
                }
            }
        }
    }
}

/// Whether `node` has, from any one beginning, at most one end at which `follow` can go on.
///
/// Were there two, the byte at the nearer one would stand inside the match that reaches to the further one, and in `follow`
/// too: where the two sets are apart, that cannot be.
pub(crate) fn has_one_end(node: &Node, follow: First) -> bool {
    if follow.open != Open::No {
        return false;
    }
    let inside = Inside::of(node);
    let bytes = if inside.nullable { inside.all } else { inside.behind_first };
    bytes.is_disjoint(&follow.bytes)
}

/// Whether an assertion or a one-character look always holds, given what stands before and what must come next.
pub(crate) fn always_holds(node: &Node, before: Last, follow: First) -> bool {
    match node {
        Node::Assert(Assertion::WordBoundary) => {
            let word = Class::ascii_word().bytes();
            let other = word.union(ByteSet::wide()).complement();
            let known = !before.unknown && follow.open == Open::No;
            let (left, right) = (before.bytes, follow.bytes);
            known
                && ((left.is_subset(&word) && right.is_subset(&other))
                    || (left.is_subset(&other) && right.is_subset(&word) && !follow.end))
        }
        Node::Look { node, behind, negated: true } => match single_class(node) {
            Some(class) if *behind => !before.unknown && class.bytes().is_disjoint(&before.bytes),
            Some(class) => follow.open == Open::No && class.bytes().is_disjoint(&follow.bytes),
            None => false,
        },
        _ => false,
    }
}
