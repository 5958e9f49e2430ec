//! The syntax tree of a regular expression.

use super::class::Class;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    Empty,
    /// One character of a set.
    Class(Class),
    /// These bytes.
    Literal(Vec<u8>),
    Assert(Assertion),
    /// A capture group with its number.
    Capture(usize, Box<Node>),
    Concat(Vec<Node>),
    /// The first that leads to a match wins.
    Alternate(Vec<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        /// None: without end.
        max: Option<u32>,
        greedy: bool,
    },
    /// `(?>…)`: once matched, never reconsidered.
    Atomic(Box<Node>),
    Look {
        node: Box<Node>,
        behind: bool,
        negated: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Assertion {
    /// `^`
    LineStart,
    /// `$`
    LineEnd,
    /// `\A`
    TextStart,
    /// `\z`
    TextEnd,
    /// `\Z`
    TextEndBeforeNewline,
    /// `\b`
    WordBoundary,
    /// `\B`
    NotWordBoundary,
}

impl Node {
    /// The number of characters that it matches, where that is fixed (look-behind needs it).
    pub(crate) fn width(&self) -> Option<usize> {
        match self {
            Self::Empty | Self::Assert(_) | Self::Look { .. } => Some(0),
            Self::Class(_) => Some(1),
            Self::Literal(bytes) => Some(bytes.iter().filter(|b| **b & 0xc0 != 0x80).count()),
            Self::Capture(_, node) | Self::Atomic(node) => node.width(),
            Self::Concat(nodes) => nodes.iter().map(Self::width).sum(),
            Self::Alternate(nodes) => {
                let first = nodes.first()?.width()?;
                nodes.iter().all(|n| n.width() == Some(first)).then_some(first)
            }
            Self::Repeat { node, min, max, .. } => {
                (Some(*min) == *max).then(|| node.width()).flatten().map(|w| w * *min as usize)
            }
        }
    }
}
