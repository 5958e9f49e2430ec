//! The one bucket of each document, where none is in two: the usual case, and much cheaper than pairs of document and bucket.

use super::column::Column;
use super::split::{number_key, until};
use super::{Node, Result, composite};
use crate::aggs::ast::Kind;
use crate::aggs::table::Key;
use crate::segments::Number;
use std::sync::Arc;

/// Stands for no bucket.
pub(super) const NONE: u32 = u32::MAX;
/// Stands for a bucket that nobody asked for yet.
const UNKNOWN: u32 = u32::MAX - 1;
/// Buckets by parent and ordinal that are kept in a plain table.
const PLAIN: usize = 1 << 17;

impl Node {
    /// Writes the bucket of each document, or [`NONE`]. False where a document may be in several.
    pub(super) fn assign(&mut self, docs: &[u32], parents: &[u32], out: &mut Vec<u32>) -> Result<bool> {
        out.clear();
        match (&self.agg.kind, &self.column) {
            (Kind::Terms(_), Column::Strings(column)) => {
                if !column.ordinals(docs, &mut self.room) {
                    return Ok(false);
                }
                self.by_ordinal(parents, out)?;
            }
            (Kind::Composite(_), Column::Many(_)) => return self.by_code(docs, parents, out),
            (Kind::Missing { .. }, Column::Bits(bits)) => {
                let one = |(doc, parent): (&u32, &u32)| (*parent, !bits[0].has(*doc));
                let table = &mut self.table;
                out.extend(
                    docs.iter().zip(parents).map(one).map(|(p, is)| if is { table.int(p, 0) } else { NONE }),
                );
            }
            (Kind::Filter(_), Column::Bits(bits)) => {
                let table = &mut self.table;
                let one = |(doc, parent): (&u32, &u32)| {
                    if bits[0].has(*doc) { table.int(*parent, 0) } else { NONE }
                };
                out.extend(docs.iter().zip(parents).map(one));
            }
            (_, Column::Numbers(column)) => {
                let mut ints = std::mem::take(&mut self.ints);
                let one = column.ints(docs, &mut ints) && self.by_number(&ints, parents, out);
                self.ints = ints;
                return Ok(one);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn by_number(&mut self, ints: &[i64], parents: &[u32], out: &mut Vec<u32>) -> bool {
        let (table, hard) = (&mut self.table, self.hard);
        let all = ints.iter().zip(parents);
        match &self.agg.kind {
            Kind::DateHistogram { rounding, .. } => {
                // Neighbours in time mostly share a bucket: its beginning and end.
                let (mut start, mut end, mut inside) = (0, 0, false);
                out.extend(all.map(|(millis, parent)| {
                    if !(start..end).contains(millis) {
                        start = rounding.start(*millis);
                        end = until(rounding, start);
                        inside = hard.0.is_none_or(|min| start as f64 >= min)
                            && hard.1.is_none_or(|max| (start as f64) < max);
                    }
                    if inside { table.int(*parent, start) } else { NONE }
                }));
            }
            Kind::Histogram { interval, offset, .. } => out.extend(all.map(|(n, parent)| {
                let place = ((*n as f64 - offset) / interval).floor();
                let key = place * interval + offset;
                let inside = hard.0.is_none_or(|min| key >= min) && hard.1.is_none_or(|max| key <= max);
                if inside { table.int(*parent, place as i64) } else { NONE }
            })),
            Kind::Range { .. } | Kind::DateRange { .. } => {
                let Some(places) = &self.places else { return false };
                out.extend(all.map(|(n, parent)| {
                    places.find(*n).map_or(NONE, |place| table.int(*parent, i64::from(place)))
                }));
            }
            Kind::Terms(_) => {
                let sieve = &self.sieve;
                out.extend(all.map(|(n, parent)| {
                    if sieve.takes(&number_key(Number::Int(*n))) { table.int(*parent, *n) } else { NONE }
                }));
            }
            _ => return false,
        }
        true
    }

    fn by_ordinal(&mut self, parents: &[u32], out: &mut Vec<u32>) -> Result<()> {
        let Column::Strings(column) = &self.column else { return Ok(()) };
        let (table, sieve) = (&mut self.table, &self.sieve);
        let terms = column.len();
        for (parent, ordinal) in parents.iter().zip(&self.room) {
            let mut make = || -> Result<u32> {
                let key = Key::Text(Arc::from(column.text(*ordinal)?));
                Ok(if sieve.takes(&key) { table.bucket(*parent, key) } else { NONE })
            };
            let at = (*parent as usize).saturating_mul(terms).saturating_add(*ordinal as usize);
            out.push(if at < PLAIN {
                if at >= self.plain.len() {
                    self.plain.resize((at + 1).next_multiple_of(terms.max(1)), UNKNOWN);
                }
                let place = &mut self.plain[at];
                if *place == UNKNOWN {
                    *place = make()?;
                }
                *place
            } else {
                match self.ordinals.get(&(*parent, *ordinal)) {
                    Some(bucket) => *bucket,
                    None => *self.ordinals.entry((*parent, *ordinal)).or_insert(make()?),
                }
            });
        }
        Ok(())
    }

    fn by_code(&mut self, docs: &[u32], parents: &[u32], out: &mut Vec<u32>) -> Result<bool> {
        let (Kind::Composite(composite), Column::Many(columns)) = (&self.agg.kind, &self.column) else {
            return Ok(false);
        };
        if !composite::codes(composite, columns, docs, &mut self.room, &mut self.composed) {
            return Ok(false);
        }
        let mut last = None;
        for (parent, code) in parents.iter().zip(&self.composed) {
            if let Some((p, c, bucket)) = last
                && p == *parent
                && c == code
            {
                out.push(bucket);
                continue;
            }
            let bucket = match self.codes.get(&(*parent, *code)) {
                Some(bucket) => *bucket,
                None => {
                    let key = composite::key(composite, columns, code)?;
                    let is_after = composite::is_after(composite, &key, self.after.as_ref());
                    let bucket = if is_after { self.table.bucket(*parent, key) } else { NONE };
                    self.codes.insert((*parent, *code), bucket);
                    bucket
                }
            };
            last = Some((*parent, code, bucket));
            out.push(bucket);
        }
        Ok(true)
    }
}
