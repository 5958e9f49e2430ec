//! Aggregations JSON → [`Agg`]. Whatever we do not know is an error that names it.

use super::ast::{
    Agg, Bounds, Choice, Composite, DateSpan, Kind, Metric, Order, Source, SourceBy, Span, Terms,
};
use crate::dates::{self, Format, Rounding, Width};
use crate::error::ApiError;
use crate::query::parse::plain;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::sync::Arc;

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

    fn missing(&mut self) -> Option<Value> {
        self.get("missing").cloned()
    }

    fn format(&mut self) -> Result<Option<Format>> {
        let Some(format) = self.get("format") else { return Ok(None) };
        let known = dates::formats(&plain(format)).ok().and_then(|list| list.into_iter().next());
        known.map(Some).ok_or_else(|| self.error(&format!("does not support [format] = [{format}]")))
    }

    fn zone(&mut self) -> Result<TimeZone> {
        let Some(zone) = self.get("time_zone") else { return Ok(TimeZone::UTC) };
        dates::zone(&plain(zone))
            .ok_or_else(|| self.error(&format!("does not know the [time_zone] [{zone}]")))
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
    if matches!(kind, Kind::Metric { .. } | Kind::TopHits(_)) && !subs.is_empty() {
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
    if kind == "top_hits" {
        let mut request = crate::search::request::Request::parse(value)?;
        if !request.aggs.is_empty() || value.get("query").is_some() {
            return Err(ApiError::parsing(format!(
                "[top_hits] aggregation [{name}] takes no query and no aggs"
            )));
        }
        if value.get("size").is_none() {
            request.size = 3;
        }
        request.track = Some(u64::MAX);
        return Ok(Kind::TopHits(Box::new(request)));
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
        "date_range" => date_range(&mut params)?,
        "composite" => composite(&mut params)?,
        "filters" => filters(&mut params)?,
        "missing" => Kind::Missing { field: params.field()? },
        "avg" => metric(&mut params, Metric::Avg)?,
        "min" => metric(&mut params, Metric::Min)?,
        "max" => metric(&mut params, Metric::Max)?,
        "sum" => metric(&mut params, Metric::Sum)?,
        "stats" => metric(&mut params, Metric::Stats)?,
        "extended_stats" => {
            let sigma = params.float("sigma")?.unwrap_or(2.0);
            metric(&mut params, Metric::ExtendedStats(sigma))?
        }
        "value_count" => metric(&mut params, Metric::ValueCount)?,
        "cardinality" => {
            params.get("precision_threshold");
            metric(&mut params, Metric::Cardinality)?
        }
        "percentiles" => percentiles(&mut params)?,
        "percentile_ranks" => ranks(&mut params)?,
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
    // How a figure is written is of no use to those who read JSON; a wrong pattern would not be found.
    Ok(Kind::Metric { field: params.field()?, metric, missing: params.missing() })
}

fn ranks(params: &mut Body<'_>) -> Result<Kind> {
    let list = params.get("values").and_then(Value::as_array);
    let values: Option<Vec<f64>> = list.and_then(|list| list.iter().map(Value::as_f64).collect());
    let values =
        values.filter(|list| !list.is_empty()).ok_or_else(|| params.error("requires [values], numbers"))?;
    let keyed = params.flag("keyed", true);
    for sketch in ["tdigest", "hdr", "method"] {
        params.get(sketch);
    }
    metric(params, Metric::Ranks { values, keyed })
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
    for sketch in ["tdigest", "hdr", "method"] {
        params.get(sketch);
    }
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
    let order = order(params)?.unwrap_or_else(|| vec![(Order::Count, true)]);
    let missing = params.missing();
    let (include, exclude) = (choice(params, "include")?, choice(params, "exclude")?);
    if matches!(exclude, Some(Choice::Partition(..))) {
        return Err(params.error("cannot have a partition as [exclude]"));
    }
    let format = params.format()?;
    params.get("value_type");
    Ok(Kind::Terms(Terms { field, size, min_count, order, missing, include, exclude, format }))
}

/// `{"_count": "asc"}`, or a list of such.
fn order(params: &mut Body<'_>) -> Result<Option<Vec<(Order, bool)>>> {
    let entries: Vec<(&String, &Value)> = match params.get("order") {
        None => return Ok(None),
        Some(Value::Object(map)) => map.iter().collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).flatten().collect(),
        Some(_) => return Err(params.error("needs an object or a list as [order]")),
    };
    let mut order = Vec::new();
    for (key, direction) in entries {
        let descending = match plain(direction).to_lowercase().as_str() {
            "desc" => true,
            "asc" => false,
            other => return Err(params.error(&format!("cannot order [{other}]: use asc or desc"))),
        };
        let by = match key.as_str() {
            "_count" => Order::Count,
            "_key" | "_term" | "_time" => Order::Key,
            path => match path.split_once('.') {
                Some((sub, value)) => Order::Sub(sub.to_owned(), Some(value.to_owned())),
                None => Order::Sub(path.to_owned(), None),
            },
        };
        order.push((by, descending));
    }
    Ok((!order.is_empty()).then_some(order))
}

fn choice(params: &mut Body<'_>, key: &'static str) -> Result<Option<Choice>> {
    Ok(Some(match params.get(key) {
        None => return Ok(None),
        Some(Value::Array(values)) => Choice::Values(values.clone()),
        Some(Value::String(pattern)) => {
            let regex = crate::query::regexp::compile(pattern, false)
                .map_err(|why| params.error(&format!("[{key}]: {why}")))?;
            Choice::Pattern(Arc::new(regex))
        }
        Some(Value::Object(map)) => {
            let number = |key: &str| map.get(key).and_then(Value::as_u64);
            match (number("partition"), number("num_partitions")) {
                (Some(one), Some(all)) if one < all => Choice::Partition(one, all),
                _ => {
                    return Err(params.error(&format!("needs [partition] below [num_partitions] in [{key}]")));
                }
            }
        }
        Some(_) => return Err(params.error(&format!("cannot read [{key}]"))),
    }))
}

fn offset(params: &mut Body<'_>) -> Result<i64> {
    let Some(value) = params.get("offset") else { return Ok(0) };
    let text = plain(value);
    let (sign, text) = text.strip_prefix('-').map_or((1, text.trim_start_matches('+')), |rest| (-1, rest));
    let millis = if text == "0" { Some(0) } else { dates::span(text) };
    Ok(sign * millis.ok_or_else(|| params.error(&format!("cannot read [offset] = [{value}]")))?)
}

fn rounding(params: &mut Body<'_>) -> Result<Rounding> {
    let offset = offset(params)?;
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
    let width = match (fixed, calendar, legacy) {
        (Some(text), None, None) => Width::Fixed(dates::interval(&text).ok_or_else(|| wrong(&text))?),
        (None, Some(text), None) => Width::Calendar(unit(&text).ok_or_else(|| wrong(&text))?),
        (None, None, Some(text)) => match unit(&text) {
            Some(unit) => Width::Calendar(unit),
            // A bare number is milliseconds.
            None => Width::Fixed(
                dates::interval(&text)
                    .or_else(|| text.parse().ok().filter(|n| *n > 0))
                    .ok_or_else(|| wrong(&text))?,
            ),
        },
        _ => {
            return Err(ApiError::illegal(format!(
                "Required one of fields [interval, calendar_interval, fixed_interval], but none or several were specified in [{}]",
                params.name
            )));
        }
    };
    Ok(Rounding { width, offset, zone: params.zone()? })
}

fn date_histogram(params: &mut Body<'_>) -> Result<Kind> {
    Ok(Kind::DateHistogram {
        field: params.field()?,
        rounding: rounding(params)?,
        min_count: params.count("min_doc_count", 0)?,
        bounds: bounds(params, |value| Some(value.clone()))?,
        format: params.format()?,
        keyed: params.flag("keyed", false),
        order: order(params)?.unwrap_or_else(|| vec![(Order::Key, false)]),
        missing: params.missing(),
    })
}

fn bounds<T>(params: &mut Body<'_>, read: impl Fn(&Value) -> Option<T>) -> Result<Bounds<T>> {
    let mut one = |key: &'static str| match params.get(key) {
        None => Ok(None),
        Some(Value::Object(map)) => {
            if map.keys().any(|key| key != "min" && key != "max") {
                return Err(params.error(&format!("knows [min] and [max] in [{key}]")));
            }
            let end = |name: &str| match map.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(value) => read(value)
                    .map(Some)
                    .ok_or_else(|| params.error(&format!("cannot read [{name}] of [{key}]"))),
            };
            Ok(Some((end("min")?, end("max")?)))
        }
        Some(_) => Err(params.error(&format!("needs an object as [{key}]"))),
    };
    Ok(Bounds { extended: one("extended_bounds")?, hard: one("hard_bounds")? })
}

fn histogram(params: &mut Body<'_>) -> Result<Kind> {
    let field = params.field()?;
    let interval = params.float("interval")?.filter(|n| *n > 0.0 && n.is_finite());
    let interval = interval.ok_or_else(|| params.error("requires an [interval] above 0"))?;
    Ok(Kind::Histogram {
        field,
        interval,
        offset: params.float("offset")?.unwrap_or(0.0),
        min_count: params.count("min_doc_count", 0)?,
        bounds: bounds(params, Value::as_f64)?,
        keyed: params.flag("keyed", false),
        order: order(params)?.unwrap_or_else(|| vec![(Order::Key, false)]),
        missing: params.missing(),
    })
}

fn composite(params: &mut Body<'_>) -> Result<Kind> {
    let size = usize::try_from(params.count("size", 10)?).unwrap_or(usize::MAX);
    let list =
        params.get("sources").and_then(Value::as_array).ok_or_else(|| params.error("requires [sources]"))?;
    let mut sources: Vec<Source> = Vec::new();
    for entry in list {
        let one = entry.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        let inner = one.and_then(|(name, body)| {
            let body = body.as_object().filter(|map| map.len() == 1)?;
            let (kind, map) = body.iter().next()?;
            Some((name, kind, map.as_object()?))
        });
        let Some((name, kind, map)) = inner else {
            return Err(params.error("needs sources such as {\"name\": {\"terms\": {\"field\": …}}}"));
        };
        if sources.iter().any(|source| source.name == *name) {
            return Err(params.error(&format!("has two sources named [{name}]")));
        }
        let mut inner = Params { name, kind, map, known: Vec::new() };
        let by = match kind.as_str() {
            "terms" => SourceBy::Terms,
            "date_histogram" => SourceBy::Date(rounding(&mut inner)?),
            "histogram" => {
                let interval = inner.float("interval")?.filter(|n| *n > 0.0);
                SourceBy::Histogram(interval.ok_or_else(|| inner.error("requires an [interval] above 0"))?)
            }
            other => return Err(params.error(&format!("does not support the source [{other}]"))),
        };
        let descending = match inner.get("order").map(plain).as_deref() {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(other) => return Err(inner.error(&format!("cannot order [{other}]: use asc or desc"))),
        };
        let source = Source {
            name: name.clone(),
            field: inner.field()?,
            by,
            descending,
            missing_bucket: inner.flag("missing_bucket", false),
            format: inner.format()?,
        };
        inner.done()?;
        sources.push(source);
    }
    if sources.is_empty() {
        return Err(params.error("needs at least one of [sources]"));
    }
    let after = match params.get("after") {
        None => None,
        Some(Value::Object(map)) if map.len() == sources.len() => {
            let values: Option<Vec<Value>> =
                sources.iter().map(|source| map.get(&source.name).cloned()).collect();
            Some(values.ok_or_else(|| params.error("needs a value for each source in [after]"))?)
        }
        Some(_) => return Err(params.error("needs a value for each source in [after]")),
    };
    Ok(Kind::Composite(Composite { sources, size, after }))
}

fn date_range(params: &mut Body<'_>) -> Result<Kind> {
    let field = params.field()?;
    let mut ranges = Vec::new();
    for range in params.get("ranges").and_then(Value::as_array).into_iter().flatten() {
        let mut span = DateSpan { key: None, from: None, to: None };
        for (key, value) in range.as_object().into_iter().flatten() {
            match key.as_str() {
                "key" => span.key = Some(plain(value)),
                "from" => span.from = Some(value.clone()).filter(|v| !v.is_null()),
                "to" => span.to = Some(value.clone()).filter(|v| !v.is_null()),
                other => return Err(params.error(&format!("does not support [{other}] in [ranges]"))),
            }
        }
        ranges.push(span);
    }
    if ranges.is_empty() {
        return Err(params.error("needs at least one of [ranges]"));
    }
    Ok(Kind::DateRange {
        field,
        ranges,
        keyed: params.flag("keyed", false),
        format: params.format()?,
        zone: params.zone()?,
        missing: params.missing(),
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
    Ok(Kind::Range { field, ranges, keyed, missing: params.missing() })
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
