//! Buckets and figures → OpenSearch's answer.

use super::ast::{Agg, Kind, Order, Step};
use super::exec::{Node, Tree, date_key};
use super::figures::Figure;
use super::table::Key;
use crate::dates::{self, Format, Round};
use crate::error::ApiError;
use crate::mapping::types::{FieldType, ip_text};
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// OpenSearch's `search.max_buckets`.
const BUCKET_LIMIT: usize = 65_535;

type Result<T> = std::result::Result<T, ApiError>;

struct Renderer {
    left: usize,
    now: i64,
}

impl Tree {
    /// The value of `aggregations`.
    pub(crate) fn finish(&self) -> Result<Value> {
        let mut renderer = Renderer { left: BUCKET_LIMIT, now: self.now };
        renderer.all(&self.nodes, Some(0)).map(Value::Object)
    }
}

impl Renderer {
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
        Ok(())
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
                let figure = parent.and_then(|at| node.figures.get(at as usize));
                let empty = Figure::new(metric);
                let date = |value: f64| dates::iso(value as i64);
                let is_date = matches!(node.field, Some(FieldType::Date { .. }));
                let writer: Option<&dyn Fn(f64) -> String> = if is_date { Some(&date) } else { None };
                Ok(figure.unwrap_or(&empty).json(metric, writer))
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
            Kind::Terms(_) => self.terms(node, parent),
            Kind::DateHistogram { .. } => self.dates(node, parent),
            Kind::Histogram { interval, offset, min_count, bounds, keyed, .. } => {
                let mut found = parent.map_or_else(Vec::new, |parent| node.table.of(parent));
                found.sort();
                let place = |value: f64| ((value - offset) / interval).floor() as i64;
                let bounds = bounds.map(|(low, high)| (place(low), place(high)));
                let filled = self.fill(found, *min_count, bounds, |n| Some(n + 1), &node.table.counts)?;
                let mut buckets = Vec::new();
                for (place, at) in filled {
                    let key = place as f64 * interval + offset;
                    let head = Map::from_iter([("key".to_owned(), json!(key))]);
                    buckets.push((format!("{key:?}"), self.bucket(node, at, head)?));
                }
                Ok(json!({"buckets": shape(buckets, *keyed)}))
            }
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

    /// Buckets in order, with the empty ones between and within the bounds if they are wanted.
    fn fill(
        &mut self,
        found: Vec<(Key, u32)>,
        min_count: u64,
        bounds: Option<(i64, i64)>,
        next: impl Fn(i64) -> Option<i64>,
        counts: &[u64],
    ) -> Result<Vec<(i64, Option<u32>)>> {
        let mut found: Vec<(i64, u32)> = found
            .into_iter()
            .filter_map(|(key, at)| match key {
                Key::Int(n) => Some((n, at)),
                _ => None,
            })
            .collect();
        if min_count > 0 {
            found.retain(|(_, at)| counts[*at as usize] >= min_count);
            self.take(found.len())?;
            return Ok(found.into_iter().map(|(n, at)| (n, Some(at))).collect());
        }
        let ends = |n: Option<i64>, bound: Option<i64>, pick: fn(i64, i64) -> i64| match (n, bound) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        let first = ends(found.first().map(|f| f.0), bounds.map(|b| b.0), i64::min);
        let last = ends(found.last().map(|f| f.0), bounds.map(|b| b.1), i64::max);
        let (Some(mut at), Some(last)) = (first, last) else { return Ok(Vec::new()) };
        let mut out = Vec::new();
        let mut rest = found.into_iter().peekable();
        while at <= last {
            self.take(1)?;
            out.push((at, rest.next_if(|(n, _)| *n == at).map(|(_, bucket)| bucket)));
            match next(at) {
                Some(more) if more > at => at = more,
                _ => break,
            }
        }
        Ok(out)
    }

    fn dates(&mut self, node: &Node, parent: Option<u32>) -> Result<Value> {
        let Kind::DateHistogram { step, min_count, bounds, format, keyed, descending, field } =
            &node.agg.kind
        else {
            return Ok(Value::Null);
        };
        let mut found = parent.map_or_else(Vec::new, |parent| node.table.of(parent));
        found.sort();
        let formats: Vec<Format> = format.iter().copied().chain(dates::DEFAULT.iter().copied()).collect();
        let bound = |value: &Value| {
            let text = crate::query::parse::plain(value);
            let millis = value.as_i64().or_else(|| dates::math(&text, &formats, self.now, Round::Down));
            millis.map(|millis| date_key(*step, millis)).ok_or_else(|| {
                ApiError::illegal(format!(
                    "[extended_bounds] of the histogram on [{field}]: cannot read [{value}]"
                ))
            })
        };
        let bounds = match bounds {
            Some((low, high)) => Some((bound(low)?, bound(high)?)),
            None => None,
        };
        let next = |at: i64| match step {
            Step::Fixed(size, _) => at.checked_add(*size),
            Step::Calendar(unit) => dates::shift(at, 1, *unit),
        };
        let mut filled = self.fill(found, *min_count, bounds, next, &node.table.counts)?;
        if *descending {
            filled.reverse();
        }
        let mut buckets = Vec::with_capacity(filled.len());
        for (millis, at) in filled {
            let text = dates::write(millis, format.unwrap_or(Format::Iso));
            let head = Map::from_iter([
                ("key_as_string".to_owned(), json!(text)),
                ("key".to_owned(), json!(millis)),
            ]);
            buckets.push((text, self.bucket(node, at, head)?));
        }
        Ok(json!({"buckets": shape(buckets, *keyed)}))
    }

    fn terms(&mut self, node: &Node, parent: Option<u32>) -> Result<Value> {
        let Kind::Terms(terms) = &node.agg.kind else { return Ok(Value::Null) };
        for (order, _) in &terms.order {
            if let Order::Sub(name, _) = order
                && !node.subs.iter().any(|(sub, n)| sub == name && matches!(n.agg.kind, Kind::Metric { .. }))
            {
                return Err(ApiError::illegal(format!(
                    "Invalid aggregation order path [{name}]: there is no metric of that name beneath the terms on [{}]",
                    terms.field
                )));
            }
        }
        let counts = &node.table.counts;
        let mut found = parent.map_or_else(Vec::new, |parent| node.table.of(parent));
        found.retain(|(_, at)| counts[*at as usize] >= terms.min_count);
        let total: u64 = found.iter().map(|(_, at)| counts[*at as usize]).sum();
        found.sort_by(|a, b| {
            let orders = terms.order.iter().map(|(order, descending)| {
                let by = match order {
                    Order::Count => counts[a.1 as usize].cmp(&counts[b.1 as usize]),
                    Order::Key => a.0.cmp(&b.0),
                    Order::Sub(name, part) => {
                        return figures(node, name, part.as_deref(), (a.1, b.1), *descending);
                    }
                };
                if *descending { by.reverse() } else { by }
            });
            orders.into_iter().find(|o| *o != Ordering::Equal).unwrap_or_else(|| a.0.cmp(&b.0))
        });
        found.truncate(terms.size);
        self.take(found.len())?;
        let mut shown = 0;
        let mut buckets = Vec::with_capacity(found.len());
        for (key, at) in found {
            shown += counts[at as usize];
            let mut head = Map::new();
            match (&key, &node.field) {
                (Key::Text(text), Some(FieldType::Ip)) => head.insert("key".into(), json!(ip_text(text))),
                (Key::Text(text), _) => head.insert("key".into(), json!(**text)),
                (Key::Float(_), _) => head.insert("key".into(), json!(key.float())),
                (Key::Int(n), kind) => {
                    match kind {
                        Some(FieldType::Date { .. }) => {
                            head.insert("key_as_string".into(), json!(dates::iso(*n)))
                        }
                        Some(FieldType::Boolean) => {
                            head.insert("key_as_string".into(), json!((*n == 1).to_string()))
                        }
                        _ => None,
                    };
                    head.insert("key".into(), json!(n))
                }
            };
            buckets.push(Value::Object(self.bucket(node, Some(at), head)?));
        }
        Ok(
            json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": total - shown, "buckets": buckets}),
        )
    }
}

/// Compares two buckets by a metric below them. A bucket without the figure comes last either way.
fn figures(node: &Node, name: &str, part: Option<&str>, (a, b): (u32, u32), descending: bool) -> Ordering {
    let Some((_, sub)) = node.subs.iter().find(|(sub, _)| sub == name) else { return Ordering::Equal };
    let Agg { kind: Kind::Metric { metric, .. }, .. } = &sub.agg else { return Ordering::Equal };
    let value = |at: u32| sub.figures.get(at as usize).and_then(|figure| figure.value(metric, part));
    match (value(a), value(b)) {
        (Some(a), Some(b)) if descending => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
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
