//! Aggregations as a typed tree, before any index is looked at.

use crate::dates::Format;
use crate::query::ast::Query;
use serde_json::Value;

/// One aggregation and what is nested in it.
#[derive(Debug, Clone)]
pub(crate) struct Agg {
    pub(crate) kind: Kind,
    pub(crate) subs: Vec<(String, Agg)>,
    pub(crate) meta: Option<Value>,
}

/// What an aggregation does.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Terms(Terms),
    DateHistogram {
        field: String,
        step: Step,
        min_count: u64,
        bounds: Option<(Value, Value)>,
        format: Option<Format>,
        keyed: bool,
        descending: bool,
    },
    Histogram {
        field: String,
        interval: f64,
        offset: f64,
        min_count: u64,
        bounds: Option<(f64, f64)>,
        keyed: bool,
    },
    Range {
        field: String,
        ranges: Vec<Span>,
        keyed: bool,
    },
    Filter(Query),
    Filters {
        filters: Vec<(String, Query)>,
        keyed: bool,
        other: Option<String>,
    },
    Missing {
        field: String,
    },
    Metric {
        field: String,
        metric: Metric,
    },
}

/// `terms`.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) field: String,
    pub(crate) size: usize,
    pub(crate) min_count: u64,
    pub(crate) order: Vec<(Order, bool)>,
    pub(crate) missing: Option<Value>,
}

/// What buckets are ordered by; the flag beside it means descending.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    Count,
    Key,
    /// A metric among the nested aggregations, and which of its values.
    Sub(String, Option<String>),
}

/// The width of a date bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// Milliseconds, and where the first bucket starts.
    Fixed(i64, i64),
    /// A calendar unit as in date math.
    Calendar(char),
}

/// One range of a `range` aggregation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) key: Option<String>,
    pub(crate) from: Option<f64>,
    pub(crate) to: Option<f64>,
}

/// A figure over one field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Metric {
    Avg,
    Min,
    Max,
    Sum,
    Stats,
    ValueCount,
    Cardinality,
    Percentiles { percents: Vec<f64>, keyed: bool },
}
