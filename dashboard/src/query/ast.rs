//! A query as it is in memory: what was typed, with the places where it stood. What a value means depends on its field,
//! so values stay text until `dsl.rs` knows the field.

use std::ops::Range;

/// A stretch of the query's text, in bytes.
///
/// Where a term stood is no part of what it means, so all places are equal: `a  b` is the same query as `a b`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// The first byte.
    pub(crate) start: usize,
    /// The byte behind the last.
    pub(crate) end: usize,
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl From<Range<usize>> for Place {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// A query or a part of one.
///
/// [`Node::all`], [`Node::any`] and [`Node::not`] keep it in one shape: no conjunction directly in a conjunction, no
/// alternative directly in an alternative, no negation of a negation, and at least two parts in each list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// `*` without a field, or an empty text: every document.
    Everything,
    /// All of them.
    And(Vec<Node>),
    /// At least one of them.
    Or(Vec<Node>),
    /// Whatever does not match it.
    Not(Box<Node>),
    /// One question to one word's fields.
    Term(Term),
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term {
    /// The field; without it the message fields are meant.
    pub(crate) field: Option<Field>,
    /// What the field must hold.
    pub(crate) wanted: Wanted,
    /// Where the value stood.
    pub(crate) place: Place,
}

/// A field as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// Its name, without escapes.
    pub(crate) name: String,
    /// Where it stood.
    pub(crate) place: Place,
}

/// What a field must hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// A word, perhaps with wildcards.
    Word(Word),
    /// A text in quotes.
    Phrase(String),
    /// Anything at all: `field:*`.
    Exists,
    /// Something between two ends, of which at least one is there.
    Between(Bounds),
}

/// The ends of a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// The lower end.
    pub(crate) low: Option<Edge>,
    /// The upper end.
    pub(crate) high: Option<Edge>,
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edge {
    /// The value, without escapes.
    pub(crate) text: String,
    /// Whether the value itself belongs to the range.
    pub(crate) closed: bool,
    /// Where it stood.
    pub(crate) place: Place,
}

/// A word in pieces; never empty.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word(pub(crate) Vec<Piece>);

/// A piece of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A character that stands for itself.
    Char(char),
    /// `?`: one character, whichever.
    One,
    /// `*`: any characters, or none.
    Any,
}

impl Word {
    /// The word as text, if it has no wildcards.
    pub(crate) fn plain(&self) -> Option<String> {
        let char = |piece: &Piece| match piece {
            Piece::Char(c) => Some(*c),
            Piece::One | Piece::Any => None,
        };
        self.0.iter().map(char).collect()
    }

    /// The word in the syntax of a `wildcard` query.
    pub(crate) fn pattern(&self) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Char(c) => {
                    if matches!(c, '*' | '?' | '\\') {
                        out.push('\\');
                    }
                    out.push(*c);
                }
                Piece::One => out.push('?'),
                Piece::Any => out.push('*'),
            }
        }
        out
    }

    /// Whether it is `*` and nothing else.
    pub(crate) fn is_star(&self) -> bool {
        self.0 == [Piece::Any]
    }
}

impl Node {
    /// All of `parts`, of which there is at least one.
    pub(crate) fn all(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        Self::one_or(flat, Self::And)
    }

    /// At least one of `parts`, of which there is at least one.
    pub(crate) fn any(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        Self::one_or(flat, Self::Or)
    }

    /// Whatever does not match `self`.
    pub(crate) fn not(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    fn one_or(mut parts: Vec<Self>, list: fn(Vec<Self>) -> Self) -> Self {
        match (parts.len(), parts.pop()) {
            (_, None) => Self::Everything,
            (1, Some(only)) => only,
            (_, Some(last)) => {
                parts.push(last);
                list(parts)
            }
        }
    }

    /// The fields that are asked for by name, each once.
    pub(crate) fn fields<'a>(&'a self, out: &mut Vec<&'a str>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.fields(out)),
            Self::Not(part) => part.fields(out),
            Self::Term(Term { field: Some(field), .. }) if !out.contains(&field.name.as_str()) => {
                out.push(&field.name);
            }
            Self::Everything | Self::Term(_) => {}
        }
    }

    /// Whether any term names no field, negated or not.
    pub(crate) fn asks_messages(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::asks_messages),
            Self::Not(part) => part.asks_messages(),
            Self::Term(term) => term.field.is_none(),
            Self::Everything => false,
        }
    }

    /// The words and phrases without a field that a matching document has, as far as they are text.
    pub(crate) fn words(&self, out: &mut Vec<String>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.words(out)),
            Self::Term(Term { field: None, wanted, .. }) => match wanted {
                Wanted::Word(word) => {
                    // Of `time*out` both ends can be shown.
                    let literals = word.0.split(|piece| !matches!(piece, Piece::Char(_)));
                    out.extend(literals.filter_map(|pieces| Word(pieces.to_vec()).plain()));
                }
                Wanted::Phrase(text) => out.push(text.clone()),
                Wanted::Exists | Wanted::Between(_) => {}
            },
            Self::Everything | Self::Not(_) | Self::Term(_) => {}
        }
    }
}
