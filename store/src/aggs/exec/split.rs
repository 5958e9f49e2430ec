//! Documents into buckets, by the kind of the aggregation, where a document may be in several.

use super::assign::NONE;
use super::column::{Column, each_number};
use super::{Node, Pairs, Result, composite};
use crate::aggs::ast::Kind;
use crate::aggs::table::Key;
use crate::dates::Rounding;
use crate::mapping::types::{FieldType, Scalar, ip_key};
use crate::query::parse::plain;
use crate::segments::Number;
use serde_json::Value;
use std::sync::Arc;

/// Bytes that the buckets of a composite may grow by before it is asked whether there is room.
const NEAR: usize = 1 << 20;

/// Collects pairs; a document with the same bucket twice (two equal values) counts once.
pub(super) struct Push<'a> {
    docs: &'a [u32],
    out: &'a mut Pairs,
    last: usize,
    start: usize,
}

impl<'a> Push<'a> {
    fn new(docs: &'a [u32], out: &'a mut Pairs) -> Self {
        Self { docs, out, last: usize::MAX, start: 0 }
    }

    pub(super) fn add(&mut self, at: usize, bucket: u32) {
        if at != self.last {
            (self.last, self.start) = (at, self.out.docs.len());
        }
        if !self.out.buckets[self.start..].contains(&bucket) {
            self.out.docs.push(self.docs[at]);
            self.out.buckets.push(bucket);
        }
    }
}

impl Node {
    pub(super) fn split(&mut self, docs: &[u32], parents: &[u32], out: &mut Pairs) -> Result<()> {
        let mut push = Push::new(docs, out);
        match &self.agg.kind {
            Kind::Terms(_) => return self.terms(docs, parents, &mut push),
            Kind::Composite(composite) => {
                let Column::Many(columns) = &self.column else { return Ok(()) };
                let (budget, mut near) = (&self.budget, self.table.memory() + NEAR);
                return composite::split(composite, columns, docs, self.after.as_ref(), &mut |at, key| {
                    let bucket = self.table.bucket(parents[at], key);
                    push.add(at, bucket);
                    // One document can make thousands of buckets: it is asked before all of them are there.
                    if self.table.memory() > near {
                        near = self.table.memory() + NEAR;
                        budget.hold(self.table.memory().saturating_sub(self.held))?;
                        budget.release(self.table.memory().saturating_sub(self.held));
                    }
                    Ok(())
                });
            }
            _ => {}
        }
        let (table, hard) = (&mut self.table, self.hard);
        let inside = |key: f64, last_is_in: bool| {
            hard.0.is_none_or(|min| key >= min)
                && hard.1.is_none_or(|max| key < max || (last_is_in && key == max))
        };
        match (&self.agg.kind, &self.column) {
            (Kind::DateHistogram { rounding, .. }, column) => {
                // Neighbours in time mostly share a bucket: its beginning and end, and its number.
                let mut near: Option<(i64, i64, u32, u32)> = None;
                each_number(column, docs, self.missing, &mut |at, number| {
                    let (millis, parent) = (number.int(), parents[at]);
                    let bucket = match near {
                        Some((start, end, p, bucket)) if p == parent && millis >= start && millis < end => {
                            bucket
                        }
                        _ => {
                            let start = rounding.start(millis);
                            if !inside(start as f64, false) {
                                return;
                            }
                            let bucket = table.int(parent, start);
                            near = Some((start, until(rounding, start), parent, bucket));
                            bucket
                        }
                    };
                    push.add(at, bucket);
                });
            }
            (Kind::Histogram { interval, offset, .. }, column) => {
                each_number(column, docs, self.missing, &mut |at, number| {
                    let place = ((number.float() - offset) / interval).floor();
                    if inside(place * interval + offset, true) {
                        let bucket = table.int(parents[at], place as i64);
                        push.add(at, bucket);
                    }
                });
            }
            (Kind::Range { ranges, .. }, column) => {
                each_number(column, docs, self.missing, &mut |at, number| {
                    let value = number.float();
                    for (place, range) in ranges.iter().enumerate() {
                        if range.from.is_none_or(|from| value >= from) && range.to.is_none_or(|to| value < to)
                        {
                            let bucket = table.int(parents[at], place as i64);
                            push.add(at, bucket);
                        }
                    }
                });
            }
            (Kind::DateRange { .. }, column) => {
                let spans = &self.spans;
                each_number(column, docs, self.missing, &mut |at, number| {
                    let millis = number.int();
                    for (place, (from, to)) in spans.iter().enumerate() {
                        if from.is_none_or(|from| millis >= from) && to.is_none_or(|to| millis < to) {
                            let bucket = table.int(parents[at], place as i64);
                            push.add(at, bucket);
                        }
                    }
                });
            }
            (Kind::Missing { .. }, Column::Bits(bits)) => {
                for at in (0..docs.len()).filter(|at| !bits[0].has(docs[*at])) {
                    let bucket = table.int(parents[at], 0);
                    push.add(at, bucket);
                }
            }
            (Kind::Filter(_) | Kind::Filters { .. }, Column::Bits(bits)) => {
                let other = matches!(&self.agg.kind, Kind::Filters { other: Some(_), .. });
                for (at, doc) in docs.iter().enumerate() {
                    let mut none = true;
                    for place in (0..bits.len()).filter(|place| bits[*place].has(*doc)) {
                        none = false;
                        let bucket = table.int(parents[at], place as i64);
                        push.add(at, bucket);
                    }
                    if none && other {
                        let bucket = table.int(parents[at], bits.len() as i64);
                        push.add(at, bucket);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn terms(&mut self, docs: &[u32], parents: &[u32], push: &mut Push<'_>) -> Result<()> {
        let Kind::Terms(terms) = &self.agg.kind else { return Ok(()) };
        let (table, sieve) = (&mut self.table, &self.sieve);
        let mut seen = terms.missing.as_ref().map(|_| vec![false; docs.len()]);
        match &self.column {
            Column::Strings(column) => {
                let ordinals = &mut self.ordinals;
                let mut result = Ok(());
                let mut one = |at: usize, ordinal: u64| {
                    let bucket = match ordinals.get(&(parents[at], ordinal)) {
                        Some(bucket) => *bucket,
                        None => match column.text(ordinal) {
                            Ok(text) => {
                                let key = Key::Text(Arc::from(text));
                                let bucket =
                                    if sieve.takes(&key) { table.bucket(parents[at], key) } else { NONE };
                                ordinals.insert((parents[at], ordinal), bucket);
                                bucket
                            }
                            Err(error) => {
                                result = Err(error);
                                return;
                            }
                        },
                    };
                    if let Some(seen) = &mut seen {
                        seen[at] = true;
                    }
                    if bucket != NONE {
                        push.add(at, bucket);
                    }
                };
                column.each(docs, &mut one);
                result?;
            }
            Column::Numbers(column) => column.each(docs, &mut |at, number| {
                if let Some(seen) = &mut seen {
                    seen[at] = true;
                }
                let key = number_key(number);
                if sieve.takes(&key) {
                    let bucket = match key {
                        Key::Int(n) => table.int(parents[at], n),
                        key => table.bucket(parents[at], key),
                    };
                    push.add(at, bucket);
                }
            }),
            _ => {}
        }
        if let (Some(seen), Some(missing)) = (seen, &terms.missing) {
            let key = key_of(missing, self.fields.first().and_then(Option::as_ref));
            if sieve.takes(&key) {
                for at in (0..docs.len()).filter(|at| !seen[*at]) {
                    let bucket = table.bucket(parents[at], key.clone());
                    push.add(at, bucket);
                }
            }
        }
        Ok(())
    }
}

/// Where the bucket that begins at `start` ends; at `start` where time ends with it.
pub(super) fn until(rounding: &Rounding, start: i64) -> i64 {
    rounding.next(start).unwrap_or(start)
}

pub(super) fn number_key(number: Number) -> Key {
    match number {
        Number::Int(n) => Key::Int(n),
        Number::Float(n) => Key::Float(n.to_bits()),
    }
}

/// A value that a client wrote, as the key of a field's bucket.
pub(super) fn key_of(value: &Value, kind: Option<&FieldType>) -> Key {
    match kind {
        Some(FieldType::Ip) => Key::Text(plain(value).parse().map_or_else(|_| plain(value), ip_key).into()),
        Some(kind) if kind.is_numeric() => match kind.coerce(value) {
            Ok(Some(Scalar::Int(n))) => Key::Int(n),
            Ok(Some(Scalar::Float(n))) => Key::Float(n.to_bits()),
            _ => Key::Float(value.as_f64().unwrap_or(0.0).to_bits()),
        },
        _ => Key::Text(plain(value).into()),
    }
}
