//! Aggregations as a typed tree, before any index is looked at.

use crate::dates::{Format, Rounding};
use crate::query::ast::Query;
use crate::search::request::Request;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::sync::Arc;

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
        rounding: Rounding,
        min_count: u64,
        bounds: Bounds<Value>,
        format: Option<Format>,
        keyed: bool,
        order: Vec<(Order, bool)>,
        missing: Option<Value>,
    },
    Histogram {
        field: String,
        interval: f64,
        offset: f64,
        min_count: u64,
        bounds: Bounds<f64>,
        keyed: bool,
        order: Vec<(Order, bool)>,
        missing: Option<Value>,
    },
    Range {
        field: String,
        ranges: Vec<Span>,
        keyed: bool,
        missing: Option<Value>,
    },
    DateRange {
        field: String,
        ranges: Vec<DateSpan>,
        keyed: bool,
        format: Option<Format>,
        zone: TimeZone,
        missing: Option<Value>,
    },
    Composite(Composite),
    TopHits(Box<Request>),
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
        missing: Option<Value>,
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
    pub(crate) include: Option<Choice>,
    pub(crate) exclude: Option<Choice>,
    pub(crate) format: Option<Format>,
}

/// Which terms get a bucket.
#[derive(Debug, Clone)]
pub(crate) enum Choice {
    Values(Vec<Value>),
    Pattern(Arc<regex::Regex>),
    /// One of so many partitions by the hash of the term.
    Partition(u64, u64),
}

/// The ends of a histogram: buckets are made up to them, or cut at them.
#[derive(Debug, Clone)]
pub(crate) struct Bounds<T> {
    pub(crate) extended: Option<(Option<T>, Option<T>)>,
    pub(crate) hard: Option<(Option<T>, Option<T>)>,
}

/// `composite`: buckets of several sources at once, a page at a time.
#[derive(Debug, Clone)]
pub(crate) struct Composite {
    pub(crate) sources: Vec<Source>,
    pub(crate) size: usize,
    /// The last bucket of the page before, by source.
    pub(crate) after: Option<Vec<Value>>,
}

/// One source of a `composite`.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) field: String,
    pub(crate) by: SourceBy,
    pub(crate) descending: bool,
    pub(crate) missing_bucket: bool,
    pub(crate) format: Option<Format>,
}

/// What a source makes of a value.
#[derive(Debug, Clone)]
pub(crate) enum SourceBy {
    Terms,
    Date(Rounding),
    Histogram(f64),
}

/// What buckets are ordered by; the flag beside it means descending.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    Count,
    Key,
    /// A metric among the nested aggregations, and which of its values.
    Sub(String, Option<String>),
}

/// One range of a `range` aggregation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) key: Option<String>,
    pub(crate) from: Option<f64>,
    pub(crate) to: Option<f64>,
}

/// One range of a `date_range`, its ends as date math.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DateSpan {
    pub(crate) key: Option<String>,
    pub(crate) from: Option<Value>,
    pub(crate) to: Option<Value>,
}

/// A figure over one field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Metric {
    Avg,
    Min,
    Max,
    Sum,
    Stats,
    /// With the number of standard deviations of its bounds.
    ExtendedStats(f64),
    ValueCount,
    Cardinality,
    Percentiles {
        percents: Vec<f64>,
        keyed: bool,
    },
    Ranks {
        values: Vec<f64>,
        keyed: bool,
    },
}
