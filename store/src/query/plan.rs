//! A query and a mapping → what the engine is to look for. Values are coerced here, so that `"200"` finds the number.

use super::ast::{Bounds, Query};
use super::parse::{CLAUSE_LIMIT, plain, too_many_clauses};
use super::pattern::{Pattern, escaped};
use super::words::words;
use crate::dates::{self, Format, Round};
use crate::error::ApiError;
use crate::mapping::Mapping;
use crate::mapping::beyond::{NEXT, PATHS, SIGN};
use crate::mapping::types::{FieldType, Scalar, cidr};
use crate::segments::Number;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::ops::Bound;
use std::sync::Arc;

/// What the engine looks for. Paths are those of columns and postings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plan {
    All,
    None,
    Bool {
        must: Vec<Plan>,
        filter: Vec<Plan>,
        should: Vec<Plan>,
        must_not: Vec<Plan>,
        minimum: usize,
    },
    /// An exact string of a keyword path.
    Exact {
        path: String,
        key: String,
    },
    /// Any of these strings.
    ExactAny {
        path: String,
        keys: Vec<String>,
    },
    /// Strings between two ends.
    ExactRange {
        path: String,
        low: Bound<String>,
        high: Bound<String>,
    },
    /// Strings (or words, if `text`) that match a pattern.
    Pattern {
        path: String,
        pattern: Pattern,
        text: bool,
    },
    /// Numbers between two ends.
    Numbers {
        path: String,
        low: Bound<Number>,
        high: Bound<Number>,
    },
    /// One word of a text path.
    Word {
        path: String,
        word: String,
    },
    /// Words one after the other.
    Phrase {
        path: String,
        words: Vec<String>,
        slop: u32,
    },
    /// The path has a value. `text` paths have no column.
    Exists {
        path: String,
        text: bool,
    },
    Ids(Vec<String>),
    /// The score is that of the best.
    Best(Vec<Plan>),
    Constant(Box<Plan>),
    Boost(Box<Plan>, f32),
}

/// What a plan is made for.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) mapping: &'a Mapping,
    pub(crate) now: i64,
}

type Result<T> = std::result::Result<T, ApiError>;

impl Context<'_> {
    /// The meaning of a query for this index.
    pub(crate) fn plan(&self, query: &Query) -> Result<Plan> {
        let plan = self.of(query)?;
        if self.mapping.has_beyond() { self.place(plan) } else { Ok(plan) }
    }

    /// What is asked of a field beyond the limit is asked of the column that all of those share.
    fn place(&self, plan: Plan) -> Result<Plan> {
        let path = match plan {
            Plan::Bool { must, filter, should, must_not, minimum } => {
                let all =
                    |plans: Vec<Plan>| plans.into_iter().map(|plan| self.place(plan)).collect::<Result<_>>();
                let (must, filter) = (all(must)?, all(filter)?);
                return Ok(Plan::Bool {
                    must,
                    filter,
                    should: all(should)?,
                    must_not: all(must_not)?,
                    minimum,
                });
            }
            Plan::Constant(inner) => return Ok(Plan::Constant(Box::new(self.place(*inner)?))),
            Plan::Exact { ref path, .. }
            | Plan::ExactAny { ref path, .. }
            | Plan::ExactRange { ref path, .. }
            | Plan::Pattern { ref path, text: false, .. }
            | Plan::Exists { ref path, text: false }
                if self.mapping.is_beyond(path) =>
            {
                path.clone()
            }
            plan => return Ok(plan),
        };
        let at = |value: &str| format!("{path}{SIGN}{value}");
        let end = |end: Bound<String>, open: Bound<String>| match end {
            Bound::Included(value) => Bound::Included(at(&value)),
            Bound::Excluded(value) => Bound::Excluded(at(&value)),
            Bound::Unbounded => open,
        };
        let paths = || PATHS.to_owned();
        let glob = |wildcard: &str, insensitive| {
            let wildcard = format!("{}{wildcard}", escaped(&at("")));
            Plan::Pattern { path: paths(), pattern: Pattern::Glob { wildcard, insensitive }, text: false }
        };
        Ok(match plan {
            Plan::Exact { key, .. } => Plan::Exact { path: paths(), key: at(&key) },
            Plan::ExactAny { keys, .. } => {
                Plan::ExactAny { path: paths(), keys: keys.iter().map(|key| at(key)).collect() }
            }
            Plan::ExactRange { low, high, .. } => Plan::ExactRange {
                path: paths(),
                low: end(low, Bound::Included(at(""))),
                high: end(high, Bound::Excluded(format!("{path}{NEXT}"))),
            },
            Plan::Exists { .. } => {
                let below = escaped(&format!("{path}."));
                let wildcard = format!("{below}*");
                let below = Plan::Pattern {
                    path: paths(),
                    pattern: Pattern::Glob { wildcard, insensitive: false },
                    text: false,
                };
                any(vec![glob("*", false), below])
            }
            Plan::Pattern { pattern: Pattern::Glob { wildcard, insensitive }, .. } => {
                glob(&wildcard, insensitive)
            }
            Plan::Pattern { pattern: Pattern::Regexp(regex), .. } => {
                let within = Pattern::Within { prefix: at(""), regex };
                Plan::Pattern { path: paths(), pattern: within, text: false }
            }
            plan => plan,
        })
    }

    fn of(&self, query: &Query) -> Result<Plan> {
        Ok(match query {
            Query::All => Plan::All,
            Query::None => Plan::None,
            Query::Bool { must, filter, should, must_not, minimum } => {
                let all =
                    |queries: &[Query]| queries.iter().map(|q| self.plan(q)).collect::<Result<Vec<_>>>();
                // Those of query strings too, which are not counted when they are read.
                match must.len() + filter.len() + should.len() + must_not.len() {
                    0 => return Ok(Plan::All),
                    clauses if clauses > CLAUSE_LIMIT => return Err(too_many_clauses()),
                    _ => {}
                }
                let least = minimum.map_or(0, |minimum| minimum.of(should.len()));
                // Where nothing is required one of the wishes is, whatever was asked for (as in Lucene).
                let alone = must.is_empty() && filter.is_empty() && !should.is_empty();
                let least = if alone { least.max(1) } else { least };
                // Of what is only forbidden a minimum means nothing.
                let negative = must.is_empty() && filter.is_empty() && should.is_empty();
                let least = if negative { 0 } else { least };
                let (must, filter, should, must_not) =
                    (all(must)?, all(filter)?, all(should)?, all(must_not)?);
                if least > should.len() {
                    return Ok(Plan::None);
                }
                Plan::Bool { must, filter, should, must_not, minimum: least }
            }
            Query::Terms { field, values, insensitive } => self.terms(field, values, *insensitive)?,
            Query::Range { field, bounds } => self.range(field, bounds)?,
            Query::Exists { field } => self.exists(field),
            Query::Match { field, text, all, minimum } => match self.kind(field) {
                Some(FieldType::Text) => {
                    let words = words(&plain(text));
                    if words.len() > CLAUSE_LIMIT {
                        return Err(too_many_clauses());
                    }
                    let mut plans: Vec<Plan> =
                        words.into_iter().map(|word| Plan::Word { path: field.clone(), word }).collect();
                    match plans.len() {
                        0 => Plan::None,
                        1 => plans.remove(0),
                        n => {
                            let least = if *all { n } else { minimum.map_or(1, |m| m.of(n)).max(1) };
                            if least > n {
                                return Ok(Plan::None);
                            }
                            Plan::Bool {
                                must: vec![],
                                filter: vec![],
                                should: plans,
                                must_not: vec![],
                                minimum: least,
                            }
                        }
                    }
                }
                _ => self.terms(field, std::slice::from_ref(text), false)?,
            },
            Query::Phrase { field, text, slop, prefix } => match self.kind(field) {
                Some(FieldType::Text) => {
                    let mut words = words(&plain(text));
                    if words.len() > CLAUSE_LIMIT {
                        return Err(too_many_clauses());
                    }
                    match (words.len(), prefix) {
                        (0, _) => Plan::None,
                        (1, false) => Plan::Word { path: field.clone(), word: words.remove(0) },
                        (1, true) => self.glob(field, format!("{}*", escaped(&words[0])), false)?,
                        (_, true) => {
                            return Err(ApiError::illegal(format!(
                                "[match_phrase_prefix] on [{field}] with more than one word is not supported"
                            )));
                        }
                        (_, false) => Plan::Phrase { path: field.clone(), words, slop: *slop },
                    }
                }
                _ => self.terms(field, std::slice::from_ref(text), false)?,
            },
            Query::Many { fields, lenient, query } => self.many(fields, *lenient, query)?,
            Query::Prefix { field, value, insensitive } => {
                self.glob(field, format!("{}*", escaped(value)), *insensitive)?
            }
            Query::Wildcard { field, pattern, insensitive, fold } => {
                // Words are kept in lower case; only query strings bring a pattern to it.
                let fold = *fold && self.kind(field) == Some(&FieldType::Text);
                let pattern = if fold { pattern.to_lowercase() } else { pattern.clone() };
                self.glob(field, pattern, *insensitive)?
            }
            Query::Unreadable(why) => return Err(ApiError::new(400, "query_shard_exception", why.clone())),
            Query::Regexp { field, pattern, insensitive } => {
                let regex = super::regexp::compile(pattern, *insensitive).map_err(ApiError::illegal)?;
                self.pattern(field, Pattern::Regexp(Arc::new(regex)))?
            }
            Query::Ids(ids) => Plan::Ids(ids.clone()),
            Query::Constant(inner) => Plan::Constant(Box::new(self.plan(inner)?)),
            Query::Boost(inner, by) => Plan::Boost(Box::new(self.plan(inner)?), *by),
        })
    }

    fn kind(&self, field: &str) -> Option<&FieldType> {
        let beyond = || self.mapping.is_beyond(field).then_some(&FieldType::FlatObject);
        self.mapping.type_of(field).or_else(beyond)
    }

    fn terms(&self, field: &str, values: &[Value], insensitive: bool) -> Result<Plan> {
        if field == "_id" {
            return Ok(Plan::Ids(values.iter().map(plain).collect()));
        }
        let Some(kind) = self.kind(field) else { return Ok(Plan::None) };
        if insensitive && !kind.is_numeric() {
            let plans = values.iter().map(|v| self.glob(field, escaped(&plain(v)), true));
            return Ok(any(plans.collect::<Result<_>>()?));
        }
        let path = || field.to_owned();
        let mut keys = Vec::new();
        let mut plans = Vec::new();
        for value in values {
            if *kind == FieldType::Text {
                plans.push(Plan::Word { path: path(), word: plain(value) });
                continue;
            }
            if let (FieldType::Ip, Some((low, high))) = (kind, cidr(&plain(value))) {
                plans.push(Plan::ExactRange {
                    path: path(),
                    low: Bound::Included(low),
                    high: Bound::Included(high),
                });
                continue;
            }
            if let FieldType::Date { formats } = kind {
                let low = self.date(field, value, formats, Round::Down, &TimeZone::UTC)?;
                let high = self.date(field, value, formats, Round::Up, &TimeZone::UTC)?;
                plans.push(numbers(
                    path(),
                    Bound::Included(Number::Int(low)),
                    Bound::Included(Number::Int(high)),
                ));
                continue;
            }
            if let FieldType::Integer { .. } = kind
                && plain(value).parse::<f64>().is_ok_and(|n| n.fract() != 0.0)
            {
                continue;
            }
            match kind.coerce(value) {
                Ok(Some(Scalar::Exact(key))) => keys.push(key),
                Ok(Some(Scalar::Int(n))) => {
                    plans.push(numbers(
                        path(),
                        Bound::Included(Number::Int(n)),
                        Bound::Included(Number::Int(n)),
                    ));
                }
                Ok(Some(Scalar::Float(n))) => {
                    plans.push(numbers(
                        path(),
                        Bound::Included(Number::Float(n)),
                        Bound::Included(Number::Float(n)),
                    ));
                }
                Ok(_) => {
                    return Err(ApiError::illegal(format!(
                        "field name [{field}] cannot be searched for null"
                    )));
                }
                // A number that no document can hold finds nothing; text in a number's place is the client's mistake.
                Err(_) if plain(value).parse::<f64>().is_ok() => {}
                Err(reason) => {
                    return Err(ApiError::new(
                        400,
                        "query_shard_exception",
                        format!("failed to create query: {reason} (field [{field}])"),
                    ));
                }
            }
        }
        match keys.len() {
            0 => {}
            1 => plans.push(Plan::Exact { path: path(), key: keys.remove(0) }),
            _ => plans.push(Plan::ExactAny { path: path(), keys }),
        }
        Ok(any(plans))
    }

    /// The query over the fields that the patterns mean; the best of them scores.
    fn many(&self, fields: &[String], lenient: bool, query: &Query) -> Result<Plan> {
        let mut plans = Vec::new();
        for name in fields {
            let (name, boost) = match name.split_once('^') {
                Some((name, boost)) => {
                    let by = boost
                        .parse()
                        .map_err(|_| ApiError::parsing(format!("bad boost [{boost}] of [{name}]")))?;
                    (name, by)
                }
                None => (name.as_str(), 1.0f32),
            };
            let expanded: Vec<&str> = if name.contains('*') {
                let all = self.mapping.fields.iter();
                // Those that OpenSearch asks for words; booleans and whole objects are not.
                let asked = |ty: &FieldType| !matches!(ty, FieldType::Boolean | FieldType::FlatObject);
                all.filter(|(path, f)| asked(&f.ty) && !f.source_only && crate::names::wildcard(name, path))
                    .map(|(path, _)| path.as_str())
                    .collect()
            } else {
                vec![name]
            };
            for field in expanded {
                let plan = match self.plan(&with_field(query, field)) {
                    Ok(plan) => plan,
                    Err(_) if lenient => continue,
                    Err(error) => return Err(error),
                };
                if plan != Plan::None {
                    plans.push(if boost == 1.0 { plan } else { Plan::Boost(Box::new(plan), boost) });
                }
            }
        }
        if plans.len() > CLAUSE_LIMIT {
            return Err(too_many_clauses());
        }
        Ok(match plans.len() {
            0 => Plan::None,
            1 => plans.remove(0),
            _ => Plan::Best(plans),
        })
    }

    fn glob(&self, field: &str, wildcard: String, insensitive: bool) -> Result<Plan> {
        self.pattern(field, Pattern::Glob { wildcard, insensitive })
    }

    fn pattern(&self, field: &str, pattern: Pattern) -> Result<Plan> {
        let text = match self.kind(field) {
            None => return Ok(Plan::None),
            Some(FieldType::Text) => true,
            Some(FieldType::Keyword | FieldType::FlatObject) => false,
            Some(_) => {
                return Err(ApiError::new(
                    400,
                    "query_shard_exception",
                    format!(
                        "Can only use wildcard, prefix and regexp queries on keyword and text fields - not on [{field}]"
                    ),
                ));
            }
        };
        Ok(Plan::Pattern { path: field.to_owned(), pattern, text })
    }

    fn exists(&self, field: &str) -> Plan {
        if let Some(kind) = self.mapping.fields.get(field).map(|f| &f.ty)
            && *kind != FieldType::FlatObject
        {
            return Plan::Exists { path: field.to_owned(), text: *kind == FieldType::Text };
        }
        // An object exists when anything below it does.
        let prefix = format!("{field}.");
        let below =
            self.mapping.fields.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        let mut plans: Vec<Plan> = below
            .map(|(path, field)| Plan::Exists { path: path.clone(), text: field.ty == FieldType::Text })
            .collect();
        if self.kind(field) == Some(&FieldType::FlatObject) {
            plans.push(Plan::Exists { path: field.to_owned(), text: false });
        } else if self.mapping.has_beyond() && self.mapping.objects.contains(field) {
            let wildcard = format!("{}*", escaped(&prefix));
            let pattern = Pattern::Glob { wildcard, insensitive: false };
            plans.push(Plan::Pattern { path: PATHS.to_owned(), pattern, text: false });
        }
        Plan::Constant(Box::new(any(plans)))
    }

    fn date(
        &self,
        field: &str,
        value: &Value,
        formats: &[Format],
        round: Round,
        zone: &TimeZone,
    ) -> Result<i64> {
        let text = plain(value);
        dates::math(&text, formats, self.now, round, zone)
            .or_else(|| value.as_f64().map(|n| n as i64))
            .ok_or_else(|| {
                ApiError::new(
                    400,
                    "parse_exception",
                    format!("failed to parse date field [{text}] of [{field}]"),
                )
            })
    }

    fn range(&self, field: &str, bounds: &Bounds) -> Result<Plan> {
        let Some(kind) = self.kind(field) else { return Ok(Plan::None) };
        let path = field.to_owned();
        match kind {
            FieldType::Date { formats } => {
                let own;
                let formats = match &bounds.format {
                    Some(list) => {
                        own = dates::formats(list).map_err(|name| {
                            ApiError::illegal(format!("[range] on [{field}]: unsupported format [{name}]"))
                        })?;
                        &own
                    }
                    None => formats,
                };
                let zone = match &bounds.zone {
                    None => TimeZone::UTC,
                    Some(name) => dates::zone(name).ok_or_else(|| {
                        ApiError::illegal(format!("[range] on [{field}]: unknown time zone [{name}]"))
                    })?,
                };
                let low = match &bounds.low {
                    Some((v, true)) => {
                        Bound::Included(Number::Int(self.date(field, v, formats, Round::Down, &zone)?))
                    }
                    Some((v, false)) => {
                        Bound::Excluded(Number::Int(self.date(field, v, formats, Round::Up, &zone)?))
                    }
                    None => Bound::Unbounded,
                };
                let high = match &bounds.high {
                    Some((v, true)) => {
                        Bound::Included(Number::Int(self.date(field, v, formats, Round::Up, &zone)?))
                    }
                    Some((v, false)) => {
                        Bound::Excluded(Number::Int(self.date(field, v, formats, Round::Down, &zone)?))
                    }
                    None => Bound::Unbounded,
                };
                Ok(numbers(path, low, high))
            }
            kind if kind.is_numeric() => {
                let whole = matches!(kind, FieldType::Integer { .. } | FieldType::Boolean);
                let bad = |text: &str| {
                    let reason =
                        format!("failed to create query: For input string: \"{text}\" (field [{field}])");
                    ApiError::new(400, "query_shard_exception", reason)
                };
                let number = |value: &Value| -> Result<Number> {
                    let text = match value {
                        Value::Bool(b) => u8::from(*b).to_string(),
                        other => plain(other),
                    };
                    if whole && let Ok(n) = text.parse() {
                        return Ok(Number::Int(n));
                    }
                    match text.as_str() {
                        "true" if *kind == FieldType::Boolean => Ok(Number::Int(1)),
                        "false" if *kind == FieldType::Boolean => Ok(Number::Int(0)),
                        // The field holds 32 bits: so must what it is compared with.
                        text if *kind == (FieldType::Float { single: true }) => {
                            text.parse::<f32>().map(|n| Number::Float(f64::from(n))).map_err(|_| bad(text))
                        }
                        text => text.parse().map(Number::Float).map_err(|_| bad(text)),
                    }
                };
                // A fraction between two whole numbers: 1.5 < x means 2 <= x.
                let end = |(value, closed): &(Value, bool), up: bool| -> Result<Bound<Number>> {
                    Ok(match (number(value)?, closed) {
                        (Number::Float(n), _) if whole && n.fract() != 0.0 => {
                            Bound::Included(Number::Int(if up { n.ceil() as i64 } else { n.floor() as i64 }))
                        }
                        (Number::Float(n), true) if whole => Bound::Included(Number::Int(n as i64)),
                        (Number::Float(n), false) if whole => Bound::Excluded(Number::Int(n as i64)),
                        (n, true) => Bound::Included(n),
                        (n, false) => Bound::Excluded(n),
                    })
                };
                let low = bounds.low.as_ref().map_or(Ok(Bound::Unbounded), |b| end(b, true))?;
                let high = bounds.high.as_ref().map_or(Ok(Bound::Unbounded), |b| end(b, false))?;
                Ok(numbers(path, low, high))
            }
            FieldType::Text => Err(ApiError::illegal(format!(
                "[range] on the text field [{field}] is not supported; use [{field}.keyword]"
            ))),
            kind => {
                let key = |value: &Value| match kind.coerce(value) {
                    Ok(Some(Scalar::Exact(key))) => Ok(key),
                    Err(reason) => Err(ApiError::illegal(format!("[range] on [{field}]: {reason}"))),
                    Ok(_) => Err(ApiError::illegal(format!("[range] on [{field}]: a string is expected"))),
                };
                let end = |bound: &Option<(Value, bool)>| -> Result<Bound<String>> {
                    Ok(match bound {
                        None => Bound::Unbounded,
                        Some((value, true)) => Bound::Included(key(value)?),
                        Some((value, false)) => Bound::Excluded(key(value)?),
                    })
                };
                Ok(Plan::ExactRange { path, low: end(&bounds.low)?, high: end(&bounds.high)? })
            }
        }
    }
}

fn numbers(path: String, low: Bound<Number>, high: Bound<Number>) -> Plan {
    match (low, high) {
        (Bound::Unbounded, Bound::Unbounded) => Plan::Exists { path, text: false },
        (low, high) => Plan::Numbers { path, low, high },
    }
}

fn any(mut plans: Vec<Plan>) -> Plan {
    match plans.len() {
        0 => Plan::None,
        1 => plans.remove(0),
        _ => Plan::Bool { must: vec![], filter: vec![], should: plans, must_not: vec![], minimum: 1 },
    }
}

/// The query with its field named.
fn with_field(query: &Query, name: &str) -> Query {
    let mut query = query.clone();
    match &mut query {
        Query::Match { field, .. }
        | Query::Phrase { field, .. }
        | Query::Prefix { field, .. }
        | Query::Wildcard { field, .. }
        | Query::Regexp { field, .. }
        | Query::Range { field, .. }
        | Query::Terms { field, .. } => name.clone_into(field),
        _ => {}
    }
    query
}
