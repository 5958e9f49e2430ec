//! The one bucket of each document, where none is in two: the usual case, and much cheaper than pairs of document and bucket.

use super::column::Column;
use super::split::{number_key, until};
use super::{Node, Result, composite};
use crate::aggs::ast::{Kind, Source, SourceBy};
use crate::aggs::table::Key;
use crate::segments::{Number, Numbers};
use std::sync::Arc;

/// Stands for no bucket.
pub(super) const NONE: u32 = u32::MAX;
/// Stands for a bucket that nobody asked for yet.
const UNKNOWN: u32 = u32::MAX - 1;
/// Buckets by parent, and ordinal or range, that are kept in a plain table.
const PLAIN: usize = 1 << 17;
/// Parents whose bucket of the date that is being read is kept in a plain table.
const PARENTS: usize = 64;

/// The parent, if all have the same.
fn one(parents: &[u32]) -> Option<u32> {
    parents.first().copied().filter(|first| parents.iter().all(|parent| parent == first))
}

/// Whether all numbers are whole and of 32 bits.
fn is_small(column: &dyn Numbers) -> bool {
    let (Number::Int(low), Number::Int(high)) = column.ends() else { return false };
    i32::try_from(low).is_ok() && i32::try_from(high).is_ok()
}

/// The one parent of documents, and two numbers between which their values are, where that is quickly seen.
fn ends(column: &dyn Numbers, docs: &[u32], parents: &[u32]) -> Option<(u32, i64, i64)> {
    let (first, last, parent) = (docs.first()?, docs.last()?, one(parents)?);
    // Those without the value of the aggregation above come behind the others, if something stands for it.
    if !docs.is_sorted() {
        return None;
    }
    let (low, high) = column.between(*first..last.checked_add(1).filter(|end| end > first)?)?;
    Some((parent, low, high))
}

impl Node {
    /// Counts documents in ranges that nothing is nested in, without telling which is where. False where it cannot.
    pub(super) fn tally(&mut self, docs: &[u32], parents: &[u32]) -> bool {
        let (Some(places), Column::Numbers(column)) = (&self.places, &self.column) else { return false };
        let Some(parent) = one(parents).filter(|_| self.subs.is_empty() && is_small(column.as_ref())) else {
            return false;
        };
        let mut ints = std::mem::take(&mut self.ints);
        let one = column.ints(docs, &mut ints);
        if one {
            places.tally(&ints, &mut |place, count| {
                let bucket = self.table.int(parent, i64::from(place));
                self.table.counts[bucket as usize] += count;
            });
        }
        self.ints = ints;
        one
    }

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
                if let Some(bucket) = self.together(column.as_ref(), docs, parents) {
                    out.resize(docs.len(), bucket);
                    return Ok(true);
                }
                let (small, mut ints) = (is_small(column.as_ref()), std::mem::take(&mut self.ints));
                let one = column.ints(docs, &mut ints)
                    && (self.by_region(small, &ints, parents, out) || self.by_number(&ints, parents, out));
                self.ints = ints;
                return Ok(one);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The one bucket of all these documents, where that is seen from the ends of their values.
    fn together(&self, column: &dyn Numbers, docs: &[u32], parents: &[u32]) -> Option<u32> {
        if !matches!(self.agg.kind, Kind::DateHistogram { .. } | Kind::Range { .. } | Kind::DateRange { .. })
        {
            return None;
        }
        let (parent, low, high) = ends(column, docs, parents)?;
        let key = match &self.agg.kind {
            Kind::DateHistogram { rounding, .. } => {
                let start = rounding.start(low);
                (high < until(rounding, start) && self.is_inside(start)).then_some(start)?
            }
            _ => {
                let places = self.places.as_ref()?;
                // The same region, so that nothing lies between.
                places.both(low, high)?.map(i64::from)?
            }
        };
        self.table.find(parent, &Key::Int(key))
    }

    /// Whether the bucket that begins at this date is wanted.
    fn is_inside(&self, start: i64) -> bool {
        let start = start as f64;
        self.hard.0.is_none_or(|min| start >= min) && self.hard.1.is_none_or(|max| start < max)
    }

    fn by_number(&mut self, ints: &[i64], parents: &[u32], out: &mut Vec<u32>) -> bool {
        let (table, hard) = (&mut self.table, self.hard);
        let all = ints.iter().zip(parents);
        match &self.agg.kind {
            Kind::DateHistogram { rounding, .. } => {
                // Neighbours in time mostly share a bucket: its beginning and end, and its number under each parent.
                let (mut start, mut end, mut inside) = (0, 0, false);
                let known = &mut self.known;
                known.clear();
                out.extend(all.map(|(millis, parent)| {
                    if !(start..end).contains(millis) {
                        start = rounding.start(*millis);
                        end = until(rounding, start);
                        inside = hard.0.is_none_or(|min| start as f64 >= min)
                            && hard.1.is_none_or(|max| (start as f64) < max);
                        known.clear();
                    }
                    if !inside {
                        return NONE;
                    }
                    match known.get_mut(*parent as usize) {
                        Some(bucket) if *bucket != UNKNOWN => *bucket,
                        Some(bucket) => {
                            *bucket = table.int(*parent, start);
                            *bucket
                        }
                        None => {
                            let bucket = table.int(*parent, start);
                            if (*parent as usize) < PARENTS {
                                known.resize(*parent as usize + 1, UNKNOWN);
                                known[*parent as usize] = bucket;
                            }
                            bucket
                        }
                    }
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
                let of = places.len();
                out.extend(all.map(|(n, parent)| {
                    let Some(place) = places.find(*n) else { return NONE };
                    let at = (*parent as usize).saturating_mul(of).saturating_add(place as usize);
                    if at >= PLAIN {
                        return table.int(*parent, i64::from(place));
                    }
                    if at >= self.plain.len() {
                        self.plain.resize((at + 1).next_multiple_of(of.max(1)), UNKNOWN);
                    }
                    let bucket = &mut self.plain[at];
                    if *bucket == UNKNOWN {
                        *bucket = table.int(*parent, i64::from(place));
                    }
                    *bucket
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

    /// The same for few ranges under one parent.
    fn by_region(&mut self, small: bool, ints: &[i64], parents: &[u32], out: &mut Vec<u32>) -> bool {
        let (Some(places), Some(parent)) = (&self.places, one(parents)) else { return false };
        let Some(regions) = small.then(|| places.regions(ints)).flatten() else { return false };
        // Only of regions that there is something in.
        let there = regions.iter().fold(0u32, |there, region| there | 1 << region);
        let bucket = |region: u32| match places.range_of(region) {
            Some(place) if there >> region & 1 == 1 => self.table.int(parent, i64::from(place)),
            _ => NONE,
        };
        let buckets: Vec<u32> = (0..=places.ends()).map(bucket).collect();
        out.extend(regions.iter().map(|region| buckets[*region as usize]));
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
        let together = match (composite.sources.as_slice(), columns.as_slice()) {
            ([Source { by: SourceBy::Date(rounding), .. }], [Column::Numbers(column)]) => {
                ends(column.as_ref(), docs, parents)
                    .map(|(parent, low, high)| (parent, rounding.start(low), high))
                    .filter(|(_, start, high)| *high < until(rounding, *start))
            }
            _ => None,
        };
        if let Some((parent, start, _)) = together
            && let Some(bucket) = self.codes.get(&(parent, composite::date(start)))
        {
            out.resize(docs.len(), *bucket);
            return Ok(true);
        }
        if !composite::codes(composite, columns, docs, &mut self.room, &mut self.composed) {
            return Ok(false);
        }
        let mut last: Option<(u32, &composite::Code, u32)> = None;
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
