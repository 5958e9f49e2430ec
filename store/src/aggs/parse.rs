//! Aggregations JSON → [`Agg`]. Whatever we do not know is an error that names it.

use super::ast::{Agg, Kind, Metric, Order, Span, Step, Terms};
use crate::dates;
use crate::error::ApiError;
use crate::query::parse::plain;
use serde_json::{Map, Value};

type Result<T> = std::result::Result<T, ApiError>;
type Body<'a> = Params<'a>;

const DEPTH_LIMIT: usize = 20;

/// The parameters of one aggregation, watched so that none stays unread.
struct Params<'a> {
    name: &'a str,
    kind: &'a str,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Params<'a> {
    fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn error(&self, what: &str) -> ApiError {
        ApiError::parsing(format!("[{}] aggregation [{}] {what}", self.kind, self.name))
    }

    fn field(&mut self) -> Result<String> {
        self.get("field")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| self.error("requires [field]"))
    }

    fn count(&mut self, key: &'static str, default: u64) -> Result<u64> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => {
                plain(value).parse().map_err(|_| self.error(&format!("cannot have [{key}] = [{value}]")))
            }
        }
    }

    fn float(&mut self, key: &'static str) -> Result<Option<f64>> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => plain(value)
                .parse()
                .map(Some)
                .map_err(|_| self.error(&format!("cannot have [{key}] = [{value}]"))),
        }
    }

    fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.get(key).and_then(Value::as_bool).unwrap_or(default)
    }

    fn done(&self) -> Result<()> {
        match self.map.keys().find(|key| !self.known.contains(&key.as_str())) {
            Some(key) => Err(self.error(&format!("does not support the parameter [{key}]"))),
            None => Ok(()),
        }
    }
}

/// Parses the value of `aggs`.
pub(crate) fn parse(json: &Value, depth: usize) -> Result<Vec<(String, Agg)>> {
    if depth > DEPTH_LIMIT {
        return Err(ApiError::illegal(format!("aggregations are nested deeper than [{DEPTH_LIMIT}] levels")));
    }
    let Value::Object(map) = json else {
        return Err(ApiError::parsing("aggregations must be an object"));
    };
    map.iter().map(|(name, body)| Ok((name.clone(), one(name, body, depth)?))).collect()
}

fn one(name: &str, body: &Value, depth: usize) -> Result<Agg> {
    if name.is_empty() || name.contains(['[', ']', '>']) {
        return Err(ApiError::parsing(format!(
            "Invalid aggregation name [{name}]: it must not be empty or hold [, ] or >"
        )));
    }
    let Value::Object(map) = body else {
        return Err(ApiError::parsing(format!("aggregation [{name}] must be an object")));
    };
    let (mut found, mut subs, mut meta) = (None, Vec::new(), None);
    for (key, value) in map {
        match key.as_str() {
            "aggs" | "aggregations" => subs = parse(value, depth + 1)?,
            "meta" => meta = Some(value.clone()),
            kind if found.is_none() => found = Some((kind, value)),
            other => {
                return Err(ApiError::parsing(format!(
                    "Found two aggregation type definitions in [{name}]: [{other}] is too many"
                )));
            }
        }
    }
    let (kind_name, value) =
        found.ok_or_else(|| ApiError::parsing(format!("Missing definition for aggregation [{name}]")))?;
    let kind = kind(name, kind_name, value)?;
    if matches!(kind, Kind::Metric { .. }) && !subs.is_empty() {
        return Err(ApiError::illegal(format!(
            "Aggregator [{name}] of type [{kind_name}] cannot accept sub-aggregations"
        )));
    }
    Ok(Agg { kind, subs, meta })
}

fn kind(name: &str, kind: &str, value: &Value) -> Result<Kind> {
    if kind == "filter" {
        return Ok(Kind::Filter(crate::query::parse::parse(value)?));
    }
    let Value::Object(map) = value else {
        return Err(ApiError::parsing(format!("[{kind}] aggregation [{name}] must be an object")));
    };
    let mut params = Params { name, kind, map, known: Vec::new() };
    let parsed = match kind {
        "terms" => terms(&mut params)?,
        "date_histogram" => date_histogram(&mut params)?,
        "histogram" => histogram(&mut params)?,
        "range" => range(&mut params)?,
        "filters" => filters(&mut params)?,
        "missing" => Kind::Missing { field: params.field()? },
        "avg" => metric(&mut params, Metric::Avg)?,
        "min" => metric(&mut params, Metric::Min)?,
        "max" => metric(&mut params, Metric::Max)?,
        "sum" => metric(&mut params, Metric::Sum)?,
        "stats" => metric(&mut params, Metric::Stats)?,
        "value_count" => metric(&mut params, Metric::ValueCount)?,
        "cardinality" => {
            params.get("precision_threshold");
            metric(&mut params, Metric::Cardinality)?
        }
        "percentiles" => percentiles(&mut params)?,
        other => {
            return Err(ApiError::parsing(format!(
                "Unknown aggregation type [{other}] of [{name}]: this store does not support it"
            )));
        }
    };
    params.done()?;
    Ok(parsed)
}

fn metric(params: &mut Body<'_>, metric: Metric) -> Result<Kind> {
    Ok(Kind::Metric { field: params.field()?, metric })
}

fn percentiles(params: &mut Body<'_>) -> Result<Kind> {
    let percents = match params.get("percents") {
        None => vec![1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0],
        Some(value) => {
            let list: Option<Vec<f64>> =
                value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
            list.filter(|list| !list.is_empty() && list.iter().all(|p| (0.0..=100.0).contains(p)))
                .ok_or_else(|| params.error("needs [percents] from 0 to 100"))?
        }
    };
    let keyed = params.flag("keyed", true);
    // Which sketch is ours to choose: the answer is within its bound either way.
    params.get("tdigest");
    metric(params, Metric::Percentiles { percents, keyed })
}

fn terms(params: &mut Body<'_>) -> Result<Kind> {
    let field = params.field()?;
    let size = usize::try_from(params.count("size", 10)?).unwrap_or(usize::MAX);
    if size == 0 {
        return Err(params.error("needs a [size] above 0"));
    }
    let min_count = params.count("min_doc_count", 1)?;
    if min_count == 0 {
        return Err(params.error("does not support [min_doc_count] = 0"));
    }
    // Hints to a cluster: one process counts exactly.
    for hint in
        ["shard_size", "shard_min_doc_count", "show_term_doc_count_error", "execution_hint", "collect_mode"]
    {
        params.get(hint);
    }
    let mut order = Vec::new();
    let entries: Vec<(&String, &Value)> = match params.get("order") {
        None => Vec::new(),
        Some(Value::Object(map)) => map.iter().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).flatten().collect(),
        Some(_) => return Err(params.error("needs an object or a list as [order]")),
    };
    for (key, direction) in entries {
        let descending = match plain(direction).to_lowercase().as_str() {
            "desc" => true,
            "asc" => false,
            other => return Err(params.error(&format!("cannot order [{other}]: use asc or desc"))),
        };
        let by = match key.as_str() {
            "_count" => Order::Count,
            "_key" | "_term" => Order::Key,
            path => match path.rsplit_once('.') {
                Some((sub, value)) => Order::Sub(sub.to_owned(), Some(value.to_owned())),
                None => Order::Sub(path.to_owned(), None),
            },
        };
        order.push((by, descending));
    }
    if order.is_empty() {
        order.push((Order::Count, true));
    }
    let missing = params.get("missing").cloned();
    Ok(Kind::Terms(Terms { field, size, min_count, order, missing }))
}

fn date_histogram(params: &mut Body<'_>) -> Result<Kind> {
    let field = params.field()?;
    let offset = match params.get("offset") {
        None => 0,
        Some(value) => {
            let text = plain(value);
            let (sign, text) =
                text.strip_prefix('-').map_or((1, text.trim_start_matches('+')), |rest| (-1, rest));
            sign * dates::interval(text)
                .ok_or_else(|| params.error(&format!("cannot read [offset] = [{value}]")))?
        }
    };
    let fixed = params.get("fixed_interval").map(plain);
    let calendar = params.get("calendar_interval").map(plain);
    let legacy = params.get("interval").map(plain);
    let unit = |text: &str| match text {
        "second" | "1s" => Some('s'),
        "minute" | "1m" => Some('m'),
        "hour" | "1h" => Some('h'),
        "day" | "1d" => Some('d'),
        "week" | "1w" => Some('w'),
        "month" | "1M" => Some('M'),
        "quarter" | "1q" => Some('q'),
        "year" | "1y" => Some('y'),
        _ => None,
    };
    let wrong = |text: &str| params.error(&format!("cannot use [{text}] as an interval"));
    let step = match (fixed, calendar, legacy) {
        (Some(text), None, None) => Step::Fixed(dates::interval(&text).ok_or_else(|| wrong(&text))?, offset),
        (None, Some(text), None) => Step::Calendar(unit(&text).ok_or_else(|| wrong(&text))?),
        (None, None, Some(text)) => match unit(&text) {
            Some(unit) => Step::Calendar(unit),
            None => Step::Fixed(dates::interval(&text).ok_or_else(|| wrong(&text))?, offset),
        },
        _ => return Err(params.error("requires exactly one of [fixed_interval], [calendar_interval]")),
    };
    let step = match step {
        // Units without daylight saving are fixed in UTC, which is the only time zone here.
        Step::Calendar('s') => Step::Fixed(1000, offset),
        Step::Calendar('m') => Step::Fixed(60_000, offset),
        Step::Calendar('h') => Step::Fixed(3_600_000, offset),
        Step::Calendar('d') => Step::Fixed(86_400_000, offset),
        Step::Calendar(_) if offset != 0 => {
            return Err(params.error("does not support [offset] with this calendar interval"));
        }
        other => other,
    };
    if let Some(zone) = params.get("time_zone")
        && !matches!(plain(zone).as_str(), "UTC" | "Z" | "+00:00" | "Etc/UTC" | "GMT")
    {
        return Err(params.error(&format!("supports only [time_zone] UTC, not [{zone}]")));
    }
    let format = match params.get("format") {
        None => None,
        Some(format) => {
            let known = dates::formats(&plain(format)).ok().and_then(|list| list.first().copied());
            Some(known.ok_or_else(|| params.error(&format!("does not support [format] = [{format}]")))?)
        }
    };
    let bounds = bounds(params)?;
    let descending = match params.get("order") {
        None => false,
        Some(order) if order["_key"] == "asc" => false,
        Some(order) if order["_key"] == "desc" => true,
        Some(order) => return Err(params.error(&format!("can only be ordered by _key, not [{order}]"))),
    };
    let (min_count, keyed) = (params.count("min_doc_count", 0)?, params.flag("keyed", false));
    Ok(Kind::DateHistogram { field, step, min_count, bounds, format, keyed, descending })
}

fn bounds(params: &mut Body<'_>) -> Result<Option<(Value, Value)>> {
    let Some(bounds) = params.get("extended_bounds") else { return Ok(None) };
    match (bounds.get("min"), bounds.get("max")) {
        (Some(min), Some(max)) => Ok(Some((min.clone(), max.clone()))),
        _ => Err(params.error("needs [min] and [max] in [extended_bounds]")),
    }
}

fn histogram(params: &mut Body<'_>) -> Result<Kind> {
    let field = params.field()?;
    let interval = params.float("interval")?.filter(|n| *n > 0.0 && n.is_finite());
    let interval = interval.ok_or_else(|| params.error("requires an [interval] above 0"))?;
    let offset = params.float("offset")?.unwrap_or(0.0);
    let bounds = match bounds(params)? {
        None => None,
        Some((min, max)) => match (min.as_f64(), max.as_f64()) {
            (Some(min), Some(max)) => Some((min, max)),
            _ => return Err(params.error("needs numbers in [extended_bounds]")),
        },
    };
    Ok(Kind::Histogram {
        field,
        interval,
        offset,
        min_count: params.count("min_doc_count", 0)?,
        bounds,
        keyed: params.flag("keyed", false),
    })
}

fn range(params: &mut Body<'_>) -> Result<Kind> {
    let field = params.field()?;
    let keyed = params.flag("keyed", false);
    let mut ranges = Vec::new();
    let list = params.get("ranges").and_then(Value::as_array).cloned().unwrap_or_default();
    for range in list {
        let mut span = Span { key: None, from: None, to: None };
        for (key, value) in range.as_object().into_iter().flatten() {
            let number = || {
                plain(value).parse().map_err(|_| params.error(&format!("cannot read [{key}] = [{value}]")))
            };
            match key.as_str() {
                "key" => span.key = Some(plain(value)),
                "from" if !value.is_null() => span.from = Some(number()?),
                "to" if !value.is_null() => span.to = Some(number()?),
                "from" | "to" => {}
                other => return Err(params.error(&format!("does not support [{other}] in [ranges]"))),
            }
        }
        ranges.push(span);
    }
    if ranges.is_empty() {
        return Err(params.error("needs at least one of [ranges]"));
    }
    Ok(Kind::Range { field, ranges, keyed })
}

fn filters(params: &mut Body<'_>) -> Result<Kind> {
    let (filters, keyed) = match params.get("filters") {
        Some(Value::Object(map)) => {
            let parse =
                |(name, query): (&String, &Value)| Ok((name.clone(), crate::query::parse::parse(query)?));
            (map.iter().map(parse).collect::<Result<Vec<_>>>()?, true)
        }
        Some(Value::Array(list)) => {
            let parse = |query: &Value| Ok((String::new(), crate::query::parse::parse(query)?));
            (list.iter().map(parse).collect::<Result<Vec<_>>>()?, false)
        }
        _ => return Err(params.error("requires [filters]")),
    };
    let key = params.get("other_bucket_key").map(plain);
    let other = if params.flag("other_bucket", key.is_some()) {
        Some(key.unwrap_or_else(|| "_other_".into()))
    } else {
        None
    };
    Ok(Kind::Filters { filters, keyed, other })
}
