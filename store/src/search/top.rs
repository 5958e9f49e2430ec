//! The best hits by the sort keys, kept while documents stream by.

use super::request::{By, Request, Sort};
use crate::error::ApiError;
use crate::mapping::Mapping;
use crate::mapping::types::{FieldType, ip_text};
use crate::query::plan::Plan;
use crate::segments::{Number, Numbers, Snapshot, Strings, ZONE};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::ops::{Bound, Range};

/// One value of a sort key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Key {
    Missing,
    Number(Number),
    Text(String),
}

/// A hit that may make it.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) keys: Vec<Key>,
    pub(crate) score: f32,
    /// Number of the index in the search.
    pub(crate) index: usize,
    pub(crate) segment: usize,
    pub(crate) doc: u32,
}

/// Keeps the best `room` hits.
#[derive(Debug, Clone)]
pub(crate) struct Top {
    sort: Vec<Sort>,
    after: Option<Vec<Key>>,
    room: usize,
    hits: Vec<Hit>,
    /// The worst hit that still counts, once there are enough.
    bar: Option<Hit>,
    /// Documents that came by.
    pub(crate) seen: u64,
    ints: Vec<i64>,
    ordinals: Vec<u64>,
}

enum Column {
    None,
    Score,
    Doc,
    Numbers(Box<dyn Numbers>),
    Strings(Box<dyn Strings>),
}

impl Column {
    /// The keys of documents.
    fn keys(
        &self,
        sort: &Sort,
        (index, segment): (usize, usize),
        docs: &[u32],
        scores: &[f32],
    ) -> Result<Vec<Key>, ApiError> {
        Ok(match self {
            Self::None => vec![Key::Missing; docs.len()],
            Self::Score => {
                scores_or_one(docs, scores).map(|s| Key::Number(Number::Float(f64::from(s)))).collect()
            }
            Self::Doc => {
                docs.iter().map(|doc| Key::Number(Number::Int(order(index, segment, *doc)))).collect()
            }
            Self::Numbers(column) => {
                let mut keys = vec![Key::Missing; docs.len()];
                column.each(docs, &mut |at, number| better(sort, &mut keys[at], Key::Number(number)));
                keys
            }
            Self::Strings(column) => {
                // Ordinals sort like their strings, so the best of several is found without reading any.
                let mut best: Vec<Option<u64>> = vec![None; docs.len()];
                column.each(docs, &mut |at, ord| {
                    let better = |b: u64| if sort.descending { b.max(ord) } else { b.min(ord) };
                    best[at] = Some(best[at].map_or(ord, better));
                });
                let mut last: Option<(u64, String)> = None;
                let mut text = |ord: u64| match &last {
                    Some((seen, text)) if *seen == ord => Ok::<_, ApiError>(Key::Text(text.clone())),
                    _ => {
                        let text = column.text(ord)?;
                        last = Some((ord, text.clone()));
                        Ok(Key::Text(text))
                    }
                };
                best.into_iter()
                    .map(|ord| ord.map_or(Ok(Key::Missing), &mut text))
                    .collect::<Result<_, _>>()?
            }
        })
    }
}

/// Documents of a segment that stand together, and the best first key that one of them can have.
pub(crate) struct Zone {
    best: i64,
    pub(crate) rows: Range<u32>,
}

/// Documents that are looked at together.
const SOME: usize = 256;

/// The sort columns of one segment.
pub(crate) struct Columns(Vec<Column>);

fn compare_numbers(a: Number, b: Number) -> Ordering {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => a.cmp(&b),
        (Number::Float(a), Number::Float(b)) => a.total_cmp(&b),
        // Whole numbers that are the same as floats are not the same: an order must be one.
        (Number::Int(a), Number::Float(b)) => {
            (a as f64).total_cmp(&b).then_with(|| i128::from(a).cmp(&(b as i128)))
        }
        (Number::Float(a), Number::Int(b)) => {
            a.total_cmp(&(b as f64)).then_with(|| (a as i128).cmp(&i128::from(b)))
        }
    }
}

fn compare_key(sort: &Sort, a: &Key, b: &Key) -> Ordering {
    let order = match (a, b) {
        (Key::Missing, Key::Missing) => return Ordering::Equal,
        (Key::Missing, _) => return if sort.missing_first { Ordering::Less } else { Ordering::Greater },
        (_, Key::Missing) => return if sort.missing_first { Ordering::Greater } else { Ordering::Less },
        (Key::Number(a), Key::Number(b)) => compare_numbers(*a, *b),
        (Key::Text(a), Key::Text(b)) => a.cmp(b),
        (Key::Number(_), Key::Text(_)) => Ordering::Less,
        (Key::Text(_), Key::Number(_)) => Ordering::Greater,
    };
    if sort.descending { order.reverse() } else { order }
}

impl Top {
    pub(crate) fn new(request: &Request) -> Self {
        let sort = if request.sort.is_empty() {
            vec![Sort { by: By::Score, descending: true, missing_first: false, unmapped: None }]
        } else {
            request.sort.clone()
        };
        let after = request.after.as_ref().map(|values| {
            values
                .iter()
                .map(|value| match value {
                    Value::Null => Key::Missing,
                    Value::Number(n) => match n.as_i64() {
                        // What OpenSearch and we show for a document without the field.
                        Some(i64::MAX | i64::MIN | 2_147_483_647 | -2_147_483_648) => Key::Missing,
                        Some(n) => Key::Number(Number::Int(n)),
                        None => Key::Number(Number::Float(n.as_f64().unwrap_or(0.0))),
                    },
                    Value::String(text) if text == "Infinity" || text == "-Infinity" => Key::Missing,
                    Value::String(text) => Key::Text(text.clone()),
                    other => Key::Text(other.to_string()),
                })
                .collect()
        });
        Self {
            sort,
            after,
            room: request.from + request.size,
            hits: Vec::new(),
            bar: None,
            seen: 0,
            ints: Vec::new(),
            ordinals: Vec::new(),
        }
    }

    /// About how many bytes the hits take.
    pub(crate) fn memory(&self) -> usize {
        // A key that is a text is taken for one of 32 bytes.
        let hit = size_of::<Hit>() + self.sort.len() * (size_of::<Key>() + 32);
        size_of::<Self>() + self.hits.capacity() * hit
    }

    /// Opens the sort columns of a segment.
    pub(crate) fn columns(
        &self,
        snapshot: &dyn Snapshot,
        mapping: &Mapping,
        segment: usize,
    ) -> Result<Columns, ApiError> {
        let mut columns = Vec::new();
        for sort in &self.sort {
            columns.push(match &sort.by {
                By::Score => Column::Score,
                By::Doc => Column::Doc,
                By::Field(path) => match mapping.type_of(path) {
                    None if sort.unmapped.is_some() => Column::None,
                    None => {
                        return Err(ApiError::new(
                            400,
                            "query_shard_exception",
                            format!("No mapping found for [{path}] in order to sort on"),
                        ));
                    }
                    Some(FieldType::Text) => return Err(text_field(path)),
                    Some(kind) if kind.is_numeric() => {
                        snapshot.numbers(segment, path)?.map_or(Column::None, Column::Numbers)
                    }
                    Some(_) => snapshot.strings(segment, path)?.map_or(Column::None, Column::Strings),
                },
            });
        }
        Ok(Columns(columns))
    }

    /// The best first key that a segment can have; none where that is not known.
    pub(crate) fn best(&self, columns: &Columns) -> Option<Key> {
        let (Some(Column::Numbers(column)), Some(sort)) = (columns.0.first(), self.sort.first()) else {
            return None;
        };
        let (low, high) = column.ends();
        let known = !(sort.missing_first && column.has_gaps());
        known.then_some(Key::Number(if sort.descending { high } else { low }))
    }

    /// The order in which segments are read, by the best keys that they can have.
    pub(crate) fn compare_best(&self, a: Option<&Key>, b: Option<&Key>) -> Ordering {
        match (a, b, self.sort.first()) {
            (Some(a), Some(b), Some(sort)) => compare_key(sort, a, b),
            _ => a.is_some().cmp(&b.is_some()),
        }
    }

    /// Whether hits are in the order of their scores, and nothing else is asked for.
    pub(crate) fn is_by_score_alone(&self) -> bool {
        self.after.is_none() && matches!(self.sort.as_slice(), [Sort { by: By::Score, descending: true, .. }])
    }

    /// Whether there are as many hits as are wanted.
    pub(crate) fn is_full(&self) -> bool {
        self.hits.len() >= self.room
    }

    /// How many more hits of this score there is room for, before those that come later.
    pub(crate) fn room_for(&mut self, score: f32) -> usize {
        if self.room > 0 && self.hits.len() >= self.room {
            self.cut();
        }
        let better = self.hits.iter().filter(|hit| hit.score >= score).count();
        self.room.saturating_sub(better)
    }

    /// What all of a segment's documents that can still make it have in common, where that is worth looking for. Only for hits that are wanted for
    /// nothing else.
    pub(crate) fn narrowing(&mut self, columns: &Columns, (index, segment): (usize, usize)) -> Option<Plan> {
        let (sort, column) = (self.sort.first()?, columns.0.first()?);
        let (By::Field(path), false) = (&sort.by, sort.missing_first) else { return None };
        let (path, descending, alone) = (path.clone(), sort.descending, self.sort.len() == 1);
        if self.hits.len() > self.room {
            self.cut();
        }
        // Documents of a later segment with the key of the last one come after it, if nothing else is asked for.
        let last = self.bar.as_ref().filter(|bar| bar.keys.first() != Some(&Key::Missing)).and_then(|bar| {
            let key = bar.keys.first()?.clone();
            let later = (bar.index, bar.segment) < (index, segment);
            Some(if alone && later { Bound::Excluded(key) } else { Bound::Included(key) })
        });
        let after = self
            .after
            .as_ref()
            .and_then(|after| after.first())
            .map(|key| if alone { Bound::Excluded(key.clone()) } else { Bound::Included(key.clone()) });
        // Documents without the field come last.
        let with_missing = last.is_none() && !matches!(column, Column::Numbers(column) if !column.has_gaps());
        if (last.is_none() && after.is_none()) || with_missing {
            return None;
        }
        let (first, last) = (after.unwrap_or(Bound::Unbounded), last.unwrap_or(Bound::Unbounded));
        let (low, high) = if descending { (last, first) } else { (first, last) };
        match column {
            Column::Numbers(_) => {
                // What is equal is looked at again. Of floats it is not left out here: 0.0 comes behind -0.0, but a range takes them for the same, and whole
                // numbers that are one float are told apart.
                let number = |key: Key| if let Key::Number(number) = key { Some(number) } else { None };
                let end = |bound: Bound<Key>| {
                    let bound = each(bound, number)?;
                    let floats = matches!(column, Column::Numbers(column) if matches!(column.ends().0, Number::Float(_)));
                    Some(match bound {
                        Bound::Excluded(Number::Float(0.0)) | Bound::Included(Number::Float(0.0))
                            if floats =>
                        {
                            Bound::Unbounded
                        }
                        Bound::Excluded(number) if floats || matches!(number, Number::Float(_)) => {
                            Bound::Included(number)
                        }
                        bound => bound,
                    })
                };
                Some(Plan::Numbers { path, low: end(low)?, high: end(high)? })
            }
            Column::Strings(_) => {
                let text = |key: Key| if let Key::Text(text) = key { Some(text) } else { None };
                Some(Plan::ExactRange { path, low: each(low, text)?, high: each(high, text)? })
            }
            _ => None,
        }
    }

    /// The zones of a segment with hits that may make it, the best first, where that is known.
    pub(crate) fn zones(&self, columns: &Columns, docs: u32) -> Option<Vec<Zone>> {
        let (Some(Column::Numbers(column)), Some(sort)) = (columns.0.first(), self.sort.first()) else {
            return None;
        };
        let after = match self.after.as_ref().and_then(|after| after.first()) {
            None => None,
            Some(Key::Number(Number::Int(after))) => Some(*after),
            Some(_) => return None,
        };
        // Keys that are the same as the one of the last page are told apart by those that follow, if there are any.
        let least = if self.sort.len() == 1 { Ordering::Greater } else { Ordering::Equal };
        let ordered = |a: &i64, b: &i64| if sort.descending { b.cmp(a) } else { a.cmp(b) };
        let ends = (0u32..).step_by(ZONE as usize).zip(column.zones()?);
        let zone = |(from, (low, high)): (u32, &(i64, i64))| {
            let (best, worst) = if sort.descending { (*high, *low) } else { (*low, *high) };
            let comes = after.is_none_or(|after| ordered(&worst, &after) >= least);
            comes.then(|| Zone { best, rows: from..docs.min(from + ZONE) })
        };
        let mut zones: Vec<Zone> = ends.filter_map(zone).collect();
        zones.sort_by(|a, b| ordered(&a.best, &b.best).then(a.rows.start.cmp(&b.rows.start)));
        Some(zones)
    }

    /// Whether no document of a zone can make it, nor of those that are behind it in the order of [`Top::zones`].
    pub(crate) fn is_past(&mut self, zone: &Zone, (index, segment): (usize, usize)) -> bool {
        if self.hits.len() > self.room || (self.bar.is_none() && self.hits.len() == self.room) {
            self.cut();
        }
        let (Some(bar), Some(sort)) = (&self.bar, self.sort.first()) else { return false };
        let Some(worst) = bar.keys.first() else { return false };
        match compare_key(sort, &Key::Number(Number::Int(zone.best)), worst) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => {
                self.sort.len() == 1 && (bar.index, bar.segment, bar.doc) < (index, segment, zone.rows.start)
            }
        }
    }

    /// Whether none of the documents of a segment with this best key can make it.
    pub(crate) fn passes_by(&mut self, best: Option<&Key>) -> bool {
        if self.room > 0 && self.hits.len() > self.room {
            self.cut();
        }
        self.room == 0 || best.is_some_and(|best| self.hopeless(best))
    }

    /// Takes a run of matching documents.
    pub(crate) fn collect(
        &mut self,
        columns: &Columns,
        place: (usize, usize),
        docs: &[u32],
        scores: &[f32],
    ) -> Result<(), ApiError> {
        self.seen += docs.len() as u64;
        if self.room == 0 {
            return Ok(());
        }
        let few = |at: usize| (SOME * at, (SOME * (at + 1)).min(docs.len()));
        let runs = docs.len().div_ceil(SOME);
        // Documents come as they were written. Of those that are sorted the other way the last ones are the best: once they are in, the rest
        // is passed by.
        let backward =
            self.sort.first().is_some_and(|sort| sort.descending && matches!(sort.by, By::Field(_)));
        for run in 0..runs {
            let (from, to) = few(if backward { runs - 1 - run } else { run });
            self.some(columns, place, &docs[from..to], scores.get(from..to).unwrap_or(&[]))?;
        }
        Ok(())
    }

    /// Takes some of a run: what the first sort key alone rules out goes first, where that is cheap to see.
    fn some(
        &mut self,
        columns: &Columns,
        (index, segment): (usize, usize),
        docs: &[u32],
        scores: &[f32],
    ) -> Result<(), ApiError> {
        let (Some(first), Some(sort)) = (columns.0.first(), self.sort.first()) else { return Ok(()) };
        if let (Column::Numbers(numbers), Some(bar), false) = (first, &self.bar, sort.missing_first)
            && let Some(Key::Number(Number::Int(least))) = bar.keys.first()
            && numbers.ints(docs, &mut self.ints)
        {
            // Most are passed by, and it takes no more than this. Those that are as good as the last one come later than it, if nothing else is asked for.
            let worst = *least;
            let good: fn(i64, i64) -> bool = match (sort.descending, self.sort.len() == 1) {
                (true, true) if bar_is_before(bar, (index, segment), docs) => |n, worst| n > worst,
                (false, true) if bar_is_before(bar, (index, segment), docs) => |n, worst| n < worst,
                (true, _) => |n, worst| n >= worst,
                (false, _) => |n, worst| n <= worst,
            };
            let kept = self.ints.iter().enumerate().filter(|(_, n)| good(**n, worst)).map(|(at, _)| at);
            let kept: Vec<usize> = kept.collect();
            if kept.len() < docs.len() {
                let (some, theirs) = picked(&kept, docs, scores);
                return self.few(columns, (index, segment), &some, &theirs);
            }
        }
        if let (Column::Score, Some(bar), true) = (first, &self.bar, sort.descending)
            && let Some(Key::Number(Number::Float(worst))) = bar.keys.first()
            && scores.len() == docs.len()
        {
            // The same for scores.
            let strict = self.sort.len() == 1 && bar_is_before(bar, (index, segment), docs);
            let good = |score: f32| f64::from(score) > *worst || (!strict && f64::from(score) >= *worst);
            let kept: Vec<usize> = (0..docs.len()).filter(|at| good(scores[*at])).collect();
            let (some, theirs) = picked(&kept, docs, scores);
            return self.few(columns, (index, segment), &some, &theirs);
        }
        let here = self.bar.as_ref().filter(|bar| (bar.index, bar.segment) == (index, segment));
        if let (Column::Strings(strings), true) = (first, self.after.is_none())
            && (here.is_some() || docs.len() > self.room)
            && strings.ordinals(docs, &mut self.ordinals)
        {
            // Of a segment's strings the best are known without reading them.
            let order = |a: &u64, b: &u64| if sort.descending { b.cmp(a) } else { a.cmp(b) };
            let mut best = Vec::new();
            let worst = match here {
                Some(bar) if strings.ordinals(&[bar.doc], &mut best) && best.len() == 1 => best[0],
                _ if docs.len() > self.room => {
                    best.clone_from(&self.ordinals);
                    *best.select_nth_unstable_by(self.room - 1, order).1
                }
                _ => return self.few(columns, (index, segment), docs, scores),
            };
            // Those that are as good as the last one come later than it, if nothing else is asked for.
            let later = self.sort.len() == 1 && here.is_some_and(|bar| docs.first() > Some(&bar.doc));
            let least = if later { Ordering::Less } else { Ordering::Equal };
            let good = |ordinal: u64| order(&ordinal, &worst) <= least;
            let kept: Vec<usize> = (0..docs.len()).filter(|at| good(self.ordinals[*at])).collect();
            let (some, theirs) = picked(&kept, docs, scores);
            return self.few(columns, (index, segment), &some, &theirs);
        }
        self.few(columns, (index, segment), docs, scores)
    }

    /// Takes those that are left.
    fn few(
        &mut self,
        columns: &Columns,
        (index, segment): (usize, usize),
        docs: &[u32],
        scores: &[f32],
    ) -> Result<(), ApiError> {
        let (Some(first), Some(sort)) = (columns.0.first(), self.sort.first()) else { return Ok(()) };
        let first = first.keys(sort, (index, segment), docs, scores)?;
        let kept: Vec<usize> = (0..docs.len()).filter(|at| !self.hopeless(&first[*at])).collect();
        if kept.is_empty() {
            return Ok(());
        }
        let mut keys = vec![first];
        if columns.0.len() > 1 {
            let (some, theirs) = picked(&kept, docs, scores);
            for (column, sort) in columns.0.iter().zip(&self.sort).skip(1) {
                keys.push(column.keys(sort, (index, segment), &some, &theirs)?);
            }
        }
        for (place, at) in kept.into_iter().enumerate() {
            let take = |(number, keys): (usize, &mut Vec<Key>)| {
                std::mem::replace(&mut keys[if number == 0 { at } else { place }], Key::Missing)
            };
            let keys: Vec<Key> = keys.iter_mut().enumerate().map(take).collect();
            let score = scores.get(at).copied().unwrap_or(1.0);
            self.push(Hit { keys, score, index, segment, doc: docs[at] });
        }
        Ok(())
    }

    /// Whether a first key alone rules a hit out.
    fn hopeless(&self, first: &Key) -> bool {
        self.bar
            .as_ref()
            .is_some_and(|bar| compare_key(&self.sort[0], first, &bar.keys[0]) == Ordering::Greater)
    }

    fn push(&mut self, hit: Hit) {
        if let Some(after) = &self.after
            && self.compare_keys(&hit.keys, after) != Ordering::Greater
        {
            return;
        }
        if self.bar.as_ref().is_some_and(|bar| self.compare(&hit, bar) != Ordering::Less) {
            return;
        }
        self.hits.push(hit);
        if self.hits.len() >= (self.room * 2).max(64) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let mut hits = std::mem::take(&mut self.hits);
        hits.sort_unstable_by(|a, b| self.compare(a, b));
        hits.truncate(self.room);
        if hits.len() == self.room {
            self.bar = hits.last().cloned();
        }
        self.hits = hits;
    }

    fn compare_keys(&self, a: &[Key], b: &[Key]) -> Ordering {
        let mut pairs = self.sort.iter().zip(a.iter().zip(b)).map(|(sort, (a, b))| compare_key(sort, a, b));
        pairs.find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
    }

    fn compare(&self, a: &Hit, b: &Hit) -> Ordering {
        self.compare_keys(&a.keys, &b.keys)
            .then_with(|| (a.index, a.segment, a.doc).cmp(&(b.index, b.segment, b.doc)))
    }

    /// The hits of the asked page, best first.
    pub(crate) fn finish(mut self, from: usize) -> Vec<Hit> {
        self.cut();
        self.hits.into_iter().skip(from).collect()
    }
}

/// A bound of another kind; none if its key is of neither.
fn each<T>(bound: Bound<Key>, into: impl Fn(Key) -> Option<T>) -> Option<Bound<T>> {
    Some(match bound {
        Bound::Included(key) => Bound::Included(into(key)?),
        Bound::Excluded(key) => Bound::Excluded(into(key)?),
        Bound::Unbounded => Bound::Unbounded,
    })
}

/// The documents at these positions, and their scores, if there are any.
fn picked(kept: &[usize], docs: &[u32], scores: &[f32]) -> (Vec<u32>, Vec<f32>) {
    let docs = kept.iter().filter_map(|at| docs.get(*at).copied()).collect();
    (docs, kept.iter().filter_map(|at| scores.get(*at).copied()).collect())
}

/// Whether a hit comes before all of these documents where their keys are equal.
fn bar_is_before(bar: &Hit, (index, segment): (usize, usize), docs: &[u32]) -> bool {
    docs.first().is_some_and(|first| (bar.index, bar.segment, bar.doc) < (index, segment, *first))
}

fn better(sort: &Sort, slot: &mut Key, key: Key) {
    if *slot == Key::Missing || compare_key(sort, &key, slot) == Ordering::Less {
        *slot = key;
    }
}

fn scores_or_one<'a>(docs: &'a [u32], scores: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
    (0..docs.len()).map(|at| scores.get(at).copied().unwrap_or(1.0))
}

fn order(index: usize, segment: usize, doc: u32) -> i64 {
    ((index as i64) << 48) | ((segment as i64) << 32) | i64::from(doc)
}

/// OpenSearch's answer to sorting or aggregating on text.
pub(crate) fn text_field(path: &str) -> ApiError {
    ApiError::illegal(format!(
        "Text fields are not optimised for operations that require per-document field data like aggregations and \
         sorting, so these operations are disabled by default. Please use a keyword field instead. [{path}]"
    ))
}

/// A sort key as a hit's `sort` array shows it.
pub(crate) fn show(key: &Key, sort: &Sort, kind: Option<&FieldType>) -> Value {
    match key {
        Key::Number(Number::Int(n)) => json!(n),
        Key::Number(Number::Float(n)) => json!(n),
        Key::Text(text) if kind == Some(&FieldType::Ip) => json!(ip_text(text)),
        Key::Text(text) => json!(text),
        Key::Missing => {
            let low = sort.descending != sort.missing_first;
            match (kind, sort.unmapped.as_deref()) {
                (Some(FieldType::Integer { .. } | FieldType::Date { .. }), _)
                | (None, Some("long" | "integer" | "short" | "byte" | "date")) => {
                    json!(if low { i64::MIN } else { i64::MAX })
                }
                (Some(FieldType::Boolean), _) | (None, Some("boolean")) => {
                    json!(if low { i32::MIN } else { i32::MAX })
                }
                (Some(FieldType::Float { .. } | FieldType::Scaled { .. }), _)
                | (None, Some("double" | "float")) => {
                    json!(if low { "-Infinity" } else { "Infinity" })
                }
                _ => Value::Null,
            }
        }
    }
}
