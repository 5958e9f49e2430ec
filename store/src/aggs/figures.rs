//! The figures of metric aggregations, one set per bucket.

use super::ast::Metric;
use super::sketch::{Distinct, Quantiles};
use crate::segments::Number;
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

/// What is kept of the values of one bucket.
#[derive(Debug, Clone)]
pub(crate) enum Figure {
    Plain { count: u64, sum: f64, min: f64, max: f64 },
    Quantiles(Quantiles),
    Distinct(Distinct),
}

impl Figure {
    pub(crate) fn new(metric: &Metric) -> Self {
        match metric {
            Metric::Percentiles { .. } => Self::Quantiles(Quantiles::default()),
            Metric::Cardinality => Self::Distinct(Distinct::default()),
            _ => Self::Plain { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY },
        }
    }

    pub(crate) fn add(&mut self, number: Number) {
        let value = number.float();
        match self {
            Self::Plain { count, sum, min, max } => {
                *count += 1;
                *sum += value;
                *min = min.min(value);
                *max = max.max(value);
            }
            Self::Quantiles(sketch) => sketch.add(value),
            Self::Distinct(sketch) => sketch.add(xxh3_64(&value.to_bits().to_le_bytes())),
        }
    }

    /// A string, by the hash of its text.
    pub(crate) fn add_text(&mut self, hash: u64) {
        match self {
            Self::Plain { count, .. } => *count += 1,
            Self::Distinct(sketch) => sketch.add(hash),
            Self::Quantiles(_) => {}
        }
    }

    /// The figure to sort buckets by; `part` picks one of several.
    pub(crate) fn value(&self, metric: &Metric, part: Option<&str>) -> Option<f64> {
        match (self, metric) {
            (Self::Plain { count, sum, min, max }, metric) => {
                let some = (*count > 0).then_some(());
                let pick = match (metric, part) {
                    (Metric::Stats, part) => part?,
                    (Metric::Avg, _) => "avg",
                    (Metric::Min, _) => "min",
                    (Metric::Max, _) => "max",
                    (Metric::Sum, _) => "sum",
                    _ => "count",
                };
                match pick {
                    "count" => Some(*count as f64),
                    "sum" => Some(*sum),
                    "avg" => some.map(|()| sum / *count as f64),
                    "min" => some.map(|()| *min),
                    "max" => some.map(|()| *max),
                    _ => None,
                }
            }
            (Self::Distinct(sketch), _) => Some(sketch.count() as f64),
            (Self::Quantiles(sketch), _) => sketch.percentile(part?.parse().ok()?),
        }
    }

    /// The figure as the answer shows it. `date` writes a value a second time, as text.
    pub(crate) fn json(&self, metric: &Metric, date: Option<&dyn Fn(f64) -> String>) -> Value {
        let mut out = Map::new();
        let value = |part: Option<&str>| self.value(metric, part);
        match (self, metric) {
            (Self::Quantiles(sketch), Metric::Percentiles { percents, keyed }) => {
                let name = |percent: f64| {
                    if percent.fract() == 0.0 { format!("{percent:.1}") } else { percent.to_string() }
                };
                if *keyed {
                    let values: Map<String, Value> =
                        percents.iter().map(|p| (name(*p), json!(sketch.percentile(*p)))).collect();
                    out.insert("values".into(), Value::Object(values));
                } else {
                    let one = |p: &f64| json!({"key": p, "value": sketch.percentile(*p)});
                    out.insert("values".into(), percents.iter().map(one).collect());
                }
            }
            (Self::Plain { count, .. }, Metric::Stats) => {
                out.insert("count".into(), json!(count));
                for part in ["min", "max", "avg", "sum"] {
                    let figure = value(Some(part));
                    out.insert(part.into(), json!(figure));
                    if let (Some(figure), Some(date)) = (figure, date) {
                        out.insert(format!("{part}_as_string"), json!(date(figure)));
                    }
                }
            }
            (_, Metric::ValueCount | Metric::Cardinality) => {
                out.insert("value".into(), json!(value(None).unwrap_or(0.0) as u64));
            }
            _ => {
                let figure = value(None);
                out.insert("value".into(), json!(figure));
                if let (Some(figure), Some(date)) = (figure, date) {
                    out.insert("value_as_string".into(), json!(date(figure)));
                }
            }
        }
        Value::Object(out)
    }
}
