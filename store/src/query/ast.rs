//! The query language as a typed tree, before any index is looked at.

use serde_json::Value;

/// A query node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Query {
    All,
    None,
    Bool {
        must: Vec<Query>,
        filter: Vec<Query>,
        should: Vec<Query>,
        must_not: Vec<Query>,
        minimum: Option<Minimum>,
    },
    /// The field holds exactly one of the values.
    Terms {
        field: String,
        values: Vec<Value>,
        insensitive: bool,
    },
    Range {
        field: String,
        bounds: Bounds,
    },
    Exists {
        field: String,
    },
    Match {
        field: String,
        text: Value,
        all: bool,
        minimum: Option<Minimum>,
    },
    Phrase {
        field: String,
        text: Value,
        slop: u32,
        prefix: bool,
    },
    Prefix {
        field: String,
        value: String,
        insensitive: bool,
    },
    Wildcard {
        field: String,
        pattern: String,
        insensitive: bool,
        /// Bring it to the case of a text's words.
        fold: bool,
    },
    /// A query string that cannot be read, and why: an error of the query, as OpenSearch has it, not of the request.
    Unreadable(String),
    Regexp {
        field: String,
        pattern: String,
        insensitive: bool,
    },
    /// The query over each of the fields that the patterns mean; its own field is empty.
    Many {
        fields: Vec<String>,
        /// A field whose type the value does not fit finds nothing.
        lenient: bool,
        query: Box<Query>,
    },
    Ids(Vec<String>),
    /// Score every hit the same.
    Constant(Box<Query>),
    Boost(Box<Query>, f32),
}

impl Query {
    /// How many regular expressions are in it.
    pub(crate) fn regexps(&self) -> usize {
        match self {
            Self::Regexp { .. } => 1,
            Self::Bool { must, filter, should, must_not, .. } => {
                [must, filter, should, must_not].into_iter().flatten().map(Self::regexps).sum()
            }
            Self::Many { query, .. } | Self::Constant(query) | Self::Boost(query, _) => query.regexps(),
            _ => 0,
        }
    }
}

/// How many optional clauses must match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Minimum {
    Count(i64),
    Percent(i64),
}

impl Minimum {
    /// The number out of `total` clauses; negative values mean how many may be missing.
    pub(crate) fn of(self, total: usize) -> usize {
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        let wanted = match self {
            Self::Count(n) if n < 0 => total + n,
            Self::Count(n) => n,
            Self::Percent(p) if p < 0 => total - total * -p / 100,
            Self::Percent(p) => total * p / 100,
        };
        usize::try_from(wanted.max(0)).unwrap_or(0)
    }
}

/// The ends of a range as written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Bounds {
    pub(crate) low: Option<(Value, bool)>,
    pub(crate) high: Option<(Value, bool)>,
    pub(crate) format: Option<String>,
    /// Where dates without a zone are.
    pub(crate) zone: Option<String>,
}
