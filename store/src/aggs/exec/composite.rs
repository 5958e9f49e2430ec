//! `composite`: the values of several sources together are a bucket.

use super::Result;
use super::column::Column;
use super::split::{key_of, number_key, until};
use crate::aggs::ast::{Composite, Source, SourceBy};
use crate::aggs::table::Key;
use crate::dates::{self, Format};
use crate::error::ApiError;
use crate::mapping::types::FieldType;
use crate::query::parse::plain;
use crate::segments::Number;
use serde_json::Value;
use std::cmp::Ordering;
use std::sync::Arc;

/// A document with more combinations of values than this is refused.
const SPREAD: usize = 10_000;

/// Calls back with each document's position and buckets that come after the page before.
pub(super) fn split(
    composite: &Composite,
    columns: &[Column],
    docs: &[u32],
    after: Option<&Key>,
    visit: &mut dyn FnMut(usize, Key) -> Result<()>,
) -> Result<()> {
    let mut values: Vec<Vec<Vec<Key>>> = Vec::with_capacity(columns.len());
    for (source, column) in composite.sources.iter().zip(columns) {
        let mut keys = vec![Vec::new(); docs.len()];
        let mut result = Ok(());
        match column {
            Column::Strings(strings) => {
                let mut last: Option<(u64, Arc<str>)> = None;
                strings.each(docs, &mut |at, ordinal| {
                    let text = match &last {
                        Some((seen, text)) if *seen == ordinal => Arc::clone(text),
                        _ => match strings.text(ordinal) {
                            Ok(text) => Arc::from(text),
                            Err(error) => {
                                result = Err(error);
                                return;
                            }
                        },
                    };
                    last = Some((ordinal, Arc::clone(&text)));
                    keys[at].push(Key::Text(text));
                });
            }
            Column::Numbers(numbers) => {
                numbers.each(docs, &mut |at, number| keys[at].push(by_number(source, number)));
            }
            _ => {}
        }
        result?;
        for keys in &mut keys {
            if keys.is_empty() && source.missing_bucket {
                keys.push(Key::Null);
            }
        }
        values.push(keys);
    }
    for at in 0..docs.len() {
        let mut tuples: Vec<Vec<Key>> = vec![Vec::new()];
        for source in &values {
            let longer = |tuple: &Vec<Key>| {
                let tuple = tuple.clone();
                source[at].iter().map(move |key| [tuple.as_slice(), std::slice::from_ref(key)].concat())
            };
            tuples = tuples.iter().flat_map(longer).take(SPREAD + 1).collect();
            if tuples.len() > SPREAD {
                return Err(ApiError::illegal(format!(
                    "a document has more than [{SPREAD}] combinations of values for a [composite] aggregation"
                )));
            }
        }
        for tuple in tuples {
            let key = Key::Many(tuple.into());
            if is_after(composite, &key, after) {
                visit(at, key)?;
            }
        }
    }
    Ok(())
}

/// Whether a bucket comes after the page before.
pub(super) fn is_after(composite: &Composite, key: &Key, after: Option<&Key>) -> bool {
    after.is_none_or(|after| compare(composite, key, after) == Ordering::Greater)
}

/// Sources that [`codes`] is for, at most.
const SOURCES: usize = 4;
/// A bucket within one segment, by source: an ordinal, or a number's bits.
pub(super) type Code = [u64; SOURCES];

/// The code of a date, where that is the only source.
pub(super) fn date(start: i64) -> Code {
    let mut code = Code::default();
    code[0] = start.cast_unsigned();
    code
}

/// The bucket of each document, where each of them has just one value of each source: much cheaper than [`split`].
pub(super) fn codes(
    composite: &Composite,
    columns: &[Column],
    docs: &[u32],
    room: &mut Vec<u64>,
    out: &mut Vec<Code>,
) -> bool {
    if columns.len() > SOURCES {
        return false;
    }
    out.clear();
    out.resize(docs.len(), Code::default());
    let mut ints = Vec::new();
    for (number, (source, column)) in composite.sources.iter().zip(columns).enumerate() {
        match column {
            Column::Strings(strings) if strings.ordinals(docs, room) => {
                out.iter_mut().zip(&*room).for_each(|(code, ordinal)| code[number] = *ordinal);
            }
            Column::Numbers(numbers) if numbers.ints(docs, &mut ints) => {
                // Neighbours in time mostly share a bucket.
                let mut near: Option<(i64, i64)> = None;
                for (code, n) in out.iter_mut().zip(&ints) {
                    code[number] = match (&source.by, near) {
                        (SourceBy::Date(_), Some((start, end))) if (start..end).contains(n) => {
                            start.cast_unsigned()
                        }
                        (SourceBy::Date(rounding), _) => {
                            let start = rounding.start(*n);
                            near = Some((start, until(rounding, start)));
                            start.cast_unsigned()
                        }
                        (SourceBy::Histogram(interval), _) => floor(*n as f64, *interval).to_bits(),
                        (SourceBy::Terms, _) => n.cast_unsigned(),
                    };
                }
            }
            _ => return false,
        }
    }
    true
}

/// The key that a code means.
pub(super) fn key(composite: &Composite, columns: &[Column], code: &Code) -> Result<Key> {
    let one = |((source, column), code): ((&Source, &Column), &u64)| -> Result<Key> {
        Ok(match (column, &source.by) {
            (Column::Strings(strings), _) => Key::Text(strings.text(*code)?.into()),
            (_, SourceBy::Histogram(_)) => Key::Float(*code),
            _ => Key::Int(code.cast_signed()),
        })
    };
    let keys = composite.sources.iter().zip(columns).zip(code).map(one).collect::<Result<Vec<_>>>()?;
    Ok(Key::Many(keys.into()))
}

fn floor(n: f64, interval: f64) -> f64 {
    (n / interval).floor() * interval
}

fn by_number(source: &Source, number: Number) -> Key {
    match &source.by {
        SourceBy::Terms => number_key(number),
        SourceBy::Date(rounding) => Key::Int(rounding.start(number.int())),
        SourceBy::Histogram(interval) => Key::Float(floor(number.float(), *interval).to_bits()),
    }
}

/// The order of two buckets, source by source.
pub(in crate::aggs) fn compare(composite: &Composite, a: &Key, b: &Key) -> Ordering {
    let (Key::Many(a), Key::Many(b)) = (a, b) else { return Ordering::Equal };
    let orders = composite.sources.iter().zip(a.iter().zip(b.iter())).map(|(source, (a, b))| {
        let order = a.cmp(b);
        if source.descending { order.reverse() } else { order }
    });
    orders.into_iter().find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
}

/// `after` as a key.
pub(super) fn after(composite: &Composite, fields: &[Option<FieldType>]) -> Result<Option<Key>> {
    let Some(values) = &composite.after else { return Ok(None) };
    let mut keys = Vec::with_capacity(values.len());
    for ((source, value), kind) in composite.sources.iter().zip(values).zip(fields) {
        keys.push(match (&source.by, value) {
            (_, Value::Null) => Key::Null,
            (SourceBy::Date(_), value) => Key::Int(written(source, value)?),
            (SourceBy::Histogram(_), value) => Key::Float(value.as_f64().unwrap_or(0.0).to_bits()),
            (SourceBy::Terms, value) => key_of(value, kind.as_ref()),
        });
    }
    Ok(Some(Key::Many(keys.into())))
}

fn written(source: &Source, value: &Value) -> Result<i64> {
    let formats: Vec<Format> =
        source.format.clone().map_or_else(|| dates::DEFAULT.to_vec(), |format| vec![format]);
    value
        .as_i64()
        .filter(|_| source.format.is_none())
        .or_else(|| dates::parse(&plain(value), &formats))
        .ok_or_else(|| {
            ApiError::new(400, "parse_exception", format!("[after] of [{}] cannot be [{value}]", source.name))
        })
}
