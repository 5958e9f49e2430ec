//! Buckets and figures → OpenSearch's answer.

mod histogram;
mod order;
mod terms;

use super::ast::Kind;
use super::exec::{Node, Tree};
use super::figures::Figure;
use super::table::Key;
use crate::dates::{self, Format};
use crate::error::ApiError;
use crate::mapping::types::{FieldType, ip_text};
use crate::search::budget::Budget;
use crate::search::request::Request;
use crate::search::top::Hit;
use serde_json::{Map, Value, json};

/// OpenSearch's `search.max_buckets`.
const BUCKET_LIMIT: usize = 65_535;

type Result<T> = std::result::Result<T, ApiError>;

/// Writes the hits of a `top_hits`.
pub(crate) type Show<'a> = dyn Fn(&[Hit], &Request) -> Result<Value> + 'a;

/// About what one bucket of an answer takes as JSON in memory, and one figure.
const BUCKET: usize = 600;
const FIGURE: usize = 300;

struct Renderer<'a> {
    left: usize,
    budget: &'a Budget,
    now: i64,
    show: &'a Show<'a>,
}

impl Tree {
    /// The value of `aggregations`.
    pub(crate) fn finish(&self, show: &Show<'_>) -> Result<Value> {
        let mut renderer = Renderer { left: BUCKET_LIMIT, budget: &self.budget, now: self.now, show };
        renderer.all(&self.nodes, Some(0)).map(Value::Object)
    }
}

impl Renderer<'_> {
    fn all(&mut self, nodes: &[(String, Node)], bucket: Option<u32>) -> Result<Map<String, Value>> {
        nodes.iter().map(|(name, node)| Ok((name.clone(), self.node(node, bucket)?))).collect()
    }

    fn take(&mut self, count: usize) -> Result<()> {
        if count > self.left {
            return Err(ApiError::new(
                400,
                "too_many_buckets_exception",
                format!(
                    "Trying to create too many buckets. Must be less than or equal to: [{BUCKET_LIMIT}]. Use a wider \
                         interval or a smaller size"
                ),
            ));
        }
        self.left -= count;
        self.budget.wanted()?;
        self.budget.hold(count.saturating_mul(BUCKET))
    }

    fn node(&mut self, node: &Node, parent: Option<u32>) -> Result<Value> {
        let mut value = self.body(node, parent)?;
        if let (Some(meta), Value::Object(map)) = (&node.agg.meta, &mut value) {
            map.insert("meta".into(), meta.clone());
        }
        Ok(value)
    }

    fn body(&mut self, node: &Node, parent: Option<u32>) -> Result<Value> {
        match &node.agg.kind {
            Kind::Metric { metric, .. } => {
                self.budget.hold(FIGURE)?;
                let figure = parent.and_then(|at| node.figures.get(at as usize));
                let empty = Figure::new(metric);
                let format = date_format(node.field());
                let date =
                    |value: f64| format.as_ref().map_or_else(String::new, |f| dates::write(value as i64, f));
                let writer: Option<&dyn Fn(f64) -> String> =
                    if format.is_some() { Some(&date) } else { None };
                Ok(figure.unwrap_or(&empty).json(metric, writer))
            }
            Kind::TopHits(request) => {
                let hits = node.best(parent);
                let total = parent.and_then(|at| node.tops.get(at as usize)).map_or(0, |top| top.seen);
                let mut shown = (self.show)(&hits, request)?;
                shown["total"] = json!({"value": total, "relation": "eq"});
                Ok(json!({"hits": shown}))
            }
            Kind::Filter(_) | Kind::Missing { .. } => {
                self.take(1)?;
                let bucket = parent.and_then(|parent| node.table.find(parent, &Key::Int(0)));
                self.bucket(node, bucket, Map::new()).map(Value::Object)
            }
            Kind::Filters { filters, keyed, other } => {
                let mut names: Vec<&String> = filters.iter().map(|(name, _)| name).collect();
                names.extend(other);
                self.take(names.len())?;
                let mut buckets = Vec::new();
                for (place, name) in names.into_iter().enumerate() {
                    let at = parent.and_then(|parent| node.table.find(parent, &Key::Int(place as i64)));
                    buckets.push((name.clone(), self.bucket(node, at, Map::new())?));
                }
                Ok(json!({"buckets": shape(buckets, *keyed)}))
            }
            Kind::Range { ranges, keyed, .. } => {
                self.take(ranges.len())?;
                let mut places: Vec<usize> = (0..ranges.len()).collect();
                let low = |at: usize| ranges[at].from.unwrap_or(f64::NEG_INFINITY);
                let high = |at: usize| ranges[at].to.unwrap_or(f64::INFINITY);
                places.sort_by(|a, b| low(*a).total_cmp(&low(*b)).then(high(*a).total_cmp(&high(*b))));
                let mut buckets = Vec::new();
                for place in places {
                    let range = &ranges[place];
                    let end = |end: Option<f64>| end.map_or("*".to_owned(), |n| format!("{n:?}"));
                    let name =
                        range.key.clone().unwrap_or_else(|| format!("{}-{}", end(range.from), end(range.to)));
                    let mut head = Map::new();
                    if !keyed {
                        head.insert("key".into(), json!(name));
                    }
                    for (key, value) in [("from", range.from), ("to", range.to)] {
                        if let Some(value) = value {
                            head.insert(key.into(), json!(value));
                        }
                    }
                    let at = parent.and_then(|parent| node.table.find(parent, &Key::Int(place as i64)));
                    buckets.push((name, self.bucket(node, at, head)?));
                }
                Ok(json!({"buckets": shape(buckets, *keyed)}))
            }
            Kind::DateRange { ranges, keyed, format, zone, .. } => {
                self.take(ranges.len())?;
                let format = format.clone().or_else(|| date_format(node.field())).unwrap_or(Format::Iso);
                let write = |millis: i64| dates::write_in(millis, &format, zone);
                let mut places: Vec<usize> = (0..ranges.len()).collect();
                let low = |at: usize| node.spans.get(at).and_then(|span| span.0).unwrap_or(i64::MIN);
                let high = |at: usize| node.spans.get(at).and_then(|span| span.1).unwrap_or(i64::MAX);
                places.sort_by_key(|at| (low(*at), high(*at)));
                let mut buckets = Vec::new();
                for place in places {
                    let (from, to) = node.spans.get(place).copied().unwrap_or((None, None));
                    let end = |end: Option<i64>| end.map_or("*".to_owned(), write);
                    let name =
                        ranges[place].key.clone().unwrap_or_else(|| format!("{}-{}", end(from), end(to)));
                    let mut head = Map::new();
                    if !keyed {
                        head.insert("key".into(), json!(name));
                    }
                    for (key, value) in [("from", from), ("to", to)] {
                        if let Some(value) = value {
                            head.insert(key.into(), json!(value as f64));
                            head.insert(format!("{key}_as_string"), json!(write(value)));
                        }
                    }
                    let at = parent.and_then(|parent| node.table.find(parent, &Key::Int(place as i64)));
                    buckets.push((name, self.bucket(node, at, head)?));
                }
                Ok(json!({"buckets": shape(buckets, *keyed)}))
            }
            Kind::Terms(_) => self.terms(node, parent),
            Kind::Composite(_) => self.composite(node, parent),
            Kind::DateHistogram { .. } => self.dates(node, parent),
            Kind::Histogram { .. } => self.numbers(node, parent),
        }
    }

    /// One bucket: its head, its count, and what is nested in it.
    fn bucket(
        &mut self,
        node: &Node,
        at: Option<u32>,
        mut head: Map<String, Value>,
    ) -> Result<Map<String, Value>> {
        let count = at.map_or(0, |at| node.table.counts[at as usize]);
        head.insert("doc_count".into(), json!(count));
        head.extend(self.all(&node.subs, at)?);
        Ok(head)
    }
}

/// How a date field writes itself.
fn date_format(kind: Option<&FieldType>) -> Option<Format> {
    match kind {
        Some(FieldType::Date { formats }) => Some(formats.first().cloned().unwrap_or(Format::Iso)),
        _ => None,
    }
}

/// A key as JSON, by its field's type, and as text where numbers have one.
fn key_json(key: &Key, kind: Option<&FieldType>, format: Option<&Format>) -> (Value, Option<String>) {
    match (key, kind) {
        (Key::Text(text), Some(FieldType::Ip)) => (json!(ip_text(text)), None),
        (Key::Text(text), _) => (json!(**text), None),
        (Key::Float(_), _) => (json!(key.float()), None),
        (Key::Int(n), kind @ Some(FieldType::Date { .. })) => {
            let own = date_format(kind);
            let format = format.or(own.as_ref()).unwrap_or(&Format::Iso);
            (json!(n), Some(dates::write(*n, format)))
        }
        (Key::Int(n), Some(FieldType::Boolean)) => (json!(n), Some((*n == 1).to_string())),
        (Key::Int(n), _) => (json!(n), None),
        (Key::Null | Key::Many(_), _) => (Value::Null, None),
    }
}

/// A list of buckets, or an object by their names.
fn shape(buckets: Vec<(String, Map<String, Value>)>, keyed: bool) -> Value {
    if keyed {
        Value::Object(buckets.into_iter().map(|(name, bucket)| (name, Value::Object(bucket))).collect())
    } else {
        Value::Array(buckets.into_iter().map(|(_, bucket)| Value::Object(bucket)).collect())
    }
}
