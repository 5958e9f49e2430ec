//! The figures of metric aggregations, one set per bucket.

use super::ast::Metric;
use super::sketch::{Distinct, Quantiles};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

/// What is kept of the values of one bucket.
#[derive(Debug, Clone)]
pub(crate) enum Figure {
    Plain {
        count: u64,
        sum: f64,
        min: f64,
        max: f64,
    },
    /// With the sum of squares.
    Extended {
        count: u64,
        sum: f64,
        min: f64,
        max: f64,
        squares: f64,
    },
    Quantiles(Quantiles),
    Distinct(Distinct),
}

impl Figure {
    pub(crate) fn new(metric: &Metric) -> Self {
        match metric {
            Metric::Percentiles { .. } | Metric::Ranks { .. } => Self::Quantiles(Quantiles::default()),
            Metric::Cardinality => Self::Distinct(Distinct::default()),
            Metric::ExtendedStats(_) => Self::Extended {
                count: 0,
                sum: 0.0,
                min: f64::INFINITY,
                max: f64::NEG_INFINITY,
                squares: 0.0,
            },
            _ => Self::Plain { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY },
        }
    }

    /// Bytes beside its own.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Plain { .. } | Self::Extended { .. } => 0,
            Self::Quantiles(sketch) => sketch.memory(),
            Self::Distinct(sketch) => sketch.memory(),
        }
    }

    /// Whether it may grow.
    pub(crate) fn is_sketch(&self) -> bool {
        matches!(self, Self::Quantiles(_) | Self::Distinct(_))
    }

    pub(crate) fn add(&mut self, value: f64) {
        match self {
            Self::Plain { count, sum, min, max } => {
                *count += 1;
                *sum += value;
                *min = min.min(value);
                *max = max.max(value);
            }
            Self::Extended { count, sum, min, max, squares } => {
                *count += 1;
                *sum += value;
                *squares += value * value;
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
            Self::Quantiles(_) | Self::Extended { .. } => {}
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
            (Self::Extended { count, sum, min, max, squares }, Metric::ExtendedStats(sigma)) => {
                let count = *count as f64;
                let spread = Spread::new(count, *sum, *squares, *sigma);
                let some = (count > 0.0).then_some(());
                match part? {
                    "count" => Some(count),
                    "sum" => Some(*sum),
                    "avg" => some.map(|()| sum / count),
                    "min" => some.map(|()| *min),
                    "max" => some.map(|()| *max),
                    part => spread.part(part),
                }
            }
            (Self::Quantiles(sketch), Metric::Ranks { .. }) => sketch.rank(part?.parse().ok()?),
            (Self::Quantiles(sketch), _) => sketch.percentile(part?.parse().ok()?),
            (Self::Extended { .. }, _) => None,
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
            (Self::Quantiles(sketch), Metric::Ranks { values, keyed }) => {
                let name =
                    |value: f64| if value.fract() == 0.0 { format!("{value:.1}") } else { value.to_string() };
                if *keyed {
                    let ranks = values.iter().map(|v| (name(*v), json!(sketch.rank(*v)))).collect();
                    out.insert("values".into(), Value::Object(ranks));
                } else {
                    let one = |v: &f64| json!({"key": v, "value": sketch.rank(*v)});
                    out.insert("values".into(), values.iter().map(one).collect());
                }
            }
            (Self::Extended { count, .. }, _) => {
                out.insert("count".into(), json!(count));
                for part in ["min", "max", "avg", "sum"] {
                    out.insert(part.into(), json!(value(Some(part))));
                }
                for part in [
                    "sum_of_squares",
                    "variance",
                    "variance_population",
                    "variance_sampling",
                    "std_deviation",
                    "std_deviation_population",
                    "std_deviation_sampling",
                ] {
                    out.insert(part.into(), not_a_number(value(Some(part))));
                }
                let bounds = [
                    "upper",
                    "lower",
                    "upper_population",
                    "lower_population",
                    "upper_sampling",
                    "lower_sampling",
                ];
                let bounds = bounds.map(|part| (part.to_owned(), not_a_number(value(Some(part)))));
                out.insert("std_deviation_bounds".into(), Value::Object(bounds.into_iter().collect()));
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

/// JSON knows no NaN; OpenSearch writes it as a string.
fn not_a_number(value: Option<f64>) -> Value {
    match value {
        Some(value) if value.is_nan() => json!("NaN"),
        value => json!(value),
    }
}

/// How far values lie from their mean.
struct Spread {
    mean: f64,
    squares: f64,
    population: f64,
    sampling: f64,
    sigma: f64,
    empty: bool,
}

impl Spread {
    fn new(count: f64, sum: f64, squares: f64, sigma: f64) -> Self {
        let off = (squares - sum * sum / count).max(0.0);
        Self {
            mean: sum / count,
            squares,
            population: off / count,
            sampling: if count > 1.0 { off / (count - 1.0) } else { f64::NAN },
            sigma,
            empty: count == 0.0,
        }
    }

    fn part(&self, name: &str) -> Option<f64> {
        if self.empty {
            return None;
        }
        let bound = |variance: f64, sign: f64| self.mean + sign * self.sigma * variance.sqrt();
        Some(match name {
            "sum_of_squares" => self.squares,
            "variance" | "variance_population" => self.population,
            "variance_sampling" => self.sampling,
            "std_deviation" | "std_deviation_population" => self.population.sqrt(),
            "std_deviation_sampling" => self.sampling.sqrt(),
            "std_upper" | "upper" | "upper_population" => bound(self.population, 1.0),
            "std_lower" | "lower" | "lower_population" => bound(self.population, -1.0),
            "upper_sampling" => bound(self.sampling, 1.0),
            "lower_sampling" => bound(self.sampling, -1.0),
            _ => return None,
        })
    }
}
