//! The executor: every level turns runs of (document, parent bucket) into runs of (document, bucket) for the next.
//!
//! Bucket numbers are global to the search, so that segments and indexes merge as they are read, and sketches are
//! shared rather than averaged.

use super::ast::{Agg, Kind, Metric, Step};
use super::figures::Figure;
use super::table::{Key, QuickMap, Table};
use crate::dates;
use crate::error::ApiError;
use crate::mapping::types::{FieldType, ip_key};
use crate::query::ast::Query;
use crate::query::parse::plain;
use crate::query::plan::Context;
use crate::search::top::text_field;
use crate::segments::{Number, Numbers, Snapshot, Strings};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

type Result<T> = std::result::Result<T, ApiError>;

/// More buckets than this while collecting are refused: each costs some hundred bytes.
const COLLECT_LIMIT: usize = 5_000_000;

/// The segment that is being read.
pub(crate) struct Segment<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) snapshot: &'a dyn Snapshot,
    pub(crate) number: usize,
}

/// All aggregations of a search.
pub(crate) struct Tree {
    pub(super) nodes: Vec<(String, Node)>,
    pub(super) now: i64,
}

/// One aggregation at work.
pub(super) struct Node {
    pub(super) agg: Agg,
    pub(super) table: Table,
    pub(super) figures: Vec<Figure>,
    /// The field's type, as soon as an index knows it.
    pub(super) field: Option<FieldType>,
    pub(super) subs: Vec<(String, Node)>,
    column: Column,
    /// Bucket by parent and ordinal, within one segment.
    ordinals: QuickMap<(u32, u64), u32>,
    /// Hash of the text by ordinal, within one segment.
    hashes: QuickMap<u64, u64>,
}

enum Column {
    None,
    Numbers(Box<dyn Numbers>),
    Strings(Box<dyn Strings>),
    Bits(Vec<Bits>),
}

/// The documents of a segment that match a filter.
struct Bits(Vec<u64>);

impl Bits {
    fn has(&self, doc: u32) -> bool {
        self.0[doc as usize / 64] >> (doc % 64) & 1 == 1
    }
}

/// Pairs of document and bucket for the level below.
#[derive(Default)]
struct Pairs {
    docs: Vec<u32>,
    buckets: Vec<u32>,
}

impl Tree {
    pub(crate) fn new(aggs: &[(String, Agg)]) -> Result<Self> {
        let nodes = aggs.iter().map(|(name, agg)| (name.clone(), Node::new(agg))).collect();
        Ok(Self { nodes, now: 0 })
    }

    /// Opens the columns of the next segment.
    pub(crate) fn segment(&mut self, segment: &Segment<'_>) -> Result<()> {
        self.now = segment.context.now;
        self.nodes.iter_mut().try_for_each(|(_, node)| node.segment(segment))
    }

    /// Judges the tree by a mapping, for indexes without segments.
    pub(crate) fn check(&mut self, context: &Context<'_>) -> Result<()> {
        self.now = context.now;
        self.nodes.iter_mut().try_for_each(|(_, node)| node.check(context))
    }

    /// Takes documents and the bucket of each; at the top that is 0.
    pub(crate) fn collect(&mut self, docs: &[u32], buckets: &[u32]) -> Result<()> {
        self.nodes.iter_mut().try_for_each(|(_, node)| node.collect(docs, buckets))
    }
}

impl Node {
    fn new(agg: &Agg) -> Self {
        Self {
            subs: agg.subs.iter().map(|(name, sub)| (name.clone(), Self::new(sub))).collect(),
            agg: agg.clone(),
            table: Table::default(),
            figures: Vec::new(),
            field: None,
            column: Column::None,
            ordinals: QuickMap::default(),
            hashes: QuickMap::default(),
        }
    }

    fn field_name(&self) -> Option<&str> {
        match &self.agg.kind {
            Kind::Terms(terms) => Some(&terms.field),
            Kind::DateHistogram { field, .. }
            | Kind::Histogram { field, .. }
            | Kind::Range { field, .. }
            | Kind::Missing { field }
            | Kind::Metric { field, .. } => Some(field),
            Kind::Filter(_) | Kind::Filters { .. } => None,
        }
    }

    fn check(&mut self, context: &Context<'_>) -> Result<()> {
        if let Some(path) = self.field_name().map(str::to_owned)
            && let Some(kind) = context.mapping.type_of(&path)
        {
            let any = matches!(
                self.agg.kind,
                Kind::Terms(_)
                    | Kind::Missing { .. }
                    | Kind::Metric { metric: Metric::Cardinality | Metric::ValueCount, .. }
            );
            if *kind == FieldType::Text && !matches!(self.agg.kind, Kind::Missing { .. }) {
                return Err(text_field(&path));
            }
            if !any && !kind.is_numeric() {
                return Err(ApiError::illegal(format!(
                    "Field [{path}] is not numeric and cannot be aggregated so"
                )));
            }
            self.field = Some(kind.clone());
        }
        for query in self.queries() {
            context.plan(&query)?;
        }
        self.subs.iter_mut().try_for_each(|(_, sub)| sub.check(context))
    }

    /// The filters whose documents are looked up ahead.
    fn queries(&self) -> Vec<Query> {
        match &self.agg.kind {
            Kind::Filter(query) => vec![query.clone()],
            Kind::Filters { filters, .. } => filters.iter().map(|(_, query)| query.clone()).collect(),
            Kind::Missing { field } => vec![Query::Exists { field: field.clone() }],
            _ => Vec::new(),
        }
    }

    fn segment(&mut self, segment: &Segment<'_>) -> Result<()> {
        self.check(&segment.context)?;
        self.open(segment)
    }

    fn open(&mut self, segment: &Segment<'_>) -> Result<()> {
        self.ordinals.clear();
        self.hashes.clear();
        let mut all = Vec::new();
        for query in self.queries() {
            let plan = segment.context.plan(&query)?;
            let words = segment.snapshot.max_doc(segment.number) as usize / 64 + 1;
            let mut bits = Bits(vec![0; words]);
            segment.snapshot.prepare(&plan, false)?.run(segment.number, &mut |docs, _| {
                docs.iter().for_each(|doc| bits.0[*doc as usize / 64] |= 1 << (doc % 64));
            })?;
            all.push(bits);
        }
        self.column = match self.field_name() {
            _ if !all.is_empty() => Column::Bits(all),
            None => Column::Bits(all),
            Some(path) => match segment.context.mapping.type_of(path) {
                None => Column::None,
                Some(kind) if kind.is_numeric() => {
                    segment.snapshot.numbers(segment.number, path)?.map_or(Column::None, Column::Numbers)
                }
                Some(_) => {
                    segment.snapshot.strings(segment.number, path)?.map_or(Column::None, Column::Strings)
                }
            },
        };
        self.subs.iter_mut().try_for_each(|(_, sub)| sub.open(segment))
    }

    fn collect(&mut self, docs: &[u32], parents: &[u32]) -> Result<()> {
        if docs.is_empty() {
            return Ok(());
        }
        if let Kind::Metric { metric, .. } = &self.agg.kind {
            let most = parents.iter().copied().max().unwrap_or(0) as usize;
            if self.figures.len() <= most {
                self.figures.resize(most + 1, Figure::new(metric));
            }
            return self.measure(docs, parents);
        }
        let mut pairs = Pairs::default();
        self.split(docs, parents, &mut pairs)?;
        if self.table.keys.len() > COLLECT_LIMIT {
            return Err(ApiError::new(
                429,
                "circuit_breaking_exception",
                format!("the aggregation made more than [{COLLECT_LIMIT}] buckets; narrow the query"),
            ));
        }
        for bucket in &pairs.buckets {
            self.table.counts[*bucket as usize] += 1;
        }
        self.subs.iter_mut().try_for_each(|(_, sub)| sub.collect(&pairs.docs, &pairs.buckets))
    }

    fn measure(&mut self, docs: &[u32], parents: &[u32]) -> Result<()> {
        let figures = &mut self.figures;
        match &self.column {
            Column::Numbers(column) => {
                column.each(docs, &mut |at, number| figures[parents[at] as usize].add(number));
            }
            Column::Strings(column) => {
                let hashes = &mut self.hashes;
                let mut result = Ok(());
                column.each(docs, &mut |at, ordinal| {
                    let hash = match hashes.get(&ordinal) {
                        Some(hash) => *hash,
                        None => match column.text(ordinal) {
                            Ok(text) => *hashes.entry(ordinal).or_insert(xxh3_64(text.as_bytes())),
                            Err(error) => {
                                result = Err(error);
                                return;
                            }
                        },
                    };
                    figures[parents[at] as usize].add_text(hash);
                });
                result?;
            }
            Column::None | Column::Bits(_) => {}
        }
        Ok(())
    }

    fn split(&mut self, docs: &[u32], parents: &[u32], out: &mut Pairs) -> Result<()> {
        let table = &mut self.table;
        let mut last = usize::MAX;
        let mut start = 0;
        // A document with the same bucket twice (two equal values) counts once.
        let mut push = |out: &mut Pairs, at: usize, bucket: u32| {
            if at != last {
                (last, start) = (at, out.docs.len());
            }
            if !out.buckets[start..].contains(&bucket) {
                out.docs.push(docs[at]);
                out.buckets.push(bucket);
            }
        };
        match (&self.agg.kind, &self.column) {
            (Kind::Terms(terms), column) => {
                let mut seen = terms.missing.as_ref().map(|_| vec![false; docs.len()]);
                match column {
                    Column::Strings(column) => {
                        let ordinals = &mut self.ordinals;
                        let mut result = Ok(());
                        column.each(docs, &mut |at, ordinal| {
                            let bucket = match ordinals.get(&(parents[at], ordinal)) {
                                Some(bucket) => *bucket,
                                None => match column.text(ordinal) {
                                    Ok(text) => {
                                        let bucket = table.bucket(parents[at], Key::Text(Arc::from(text)));
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
                            push(out, at, bucket);
                        });
                        result?;
                    }
                    Column::Numbers(column) => column.each(docs, &mut |at, number| {
                        let bucket = match number {
                            Number::Int(n) => table.int(parents[at], n),
                            Number::Float(n) => table.bucket(parents[at], Key::Float(n.to_bits())),
                        };
                        if let Some(seen) = &mut seen {
                            seen[at] = true;
                        }
                        push(out, at, bucket);
                    }),
                    Column::None | Column::Bits(_) => {}
                }
                if let (Some(seen), Some(missing)) = (seen, &terms.missing) {
                    let key = missing_key(missing, self.field.as_ref());
                    for at in (0..docs.len()).filter(|at| !seen[*at]) {
                        let bucket = table.bucket(parents[at], key.clone());
                        push(out, at, bucket);
                    }
                }
            }
            (Kind::DateHistogram { step, .. }, Column::Numbers(column)) => {
                column.each(docs, &mut |at, number| {
                    let bucket = table.int(parents[at], date_key(*step, number.int()));
                    push(out, at, bucket);
                });
            }
            (Kind::Histogram { interval, offset, .. }, Column::Numbers(column)) => {
                column.each(docs, &mut |at, number| {
                    let place = ((number.float() - offset) / interval).floor();
                    let bucket = table.int(parents[at], place as i64);
                    push(out, at, bucket);
                });
            }
            (Kind::Range { ranges, .. }, Column::Numbers(column)) => column.each(docs, &mut |at, number| {
                let value = number.float();
                for (place, range) in ranges.iter().enumerate() {
                    if range.from.is_none_or(|from| value >= from) && range.to.is_none_or(|to| value < to) {
                        let bucket = table.int(parents[at], place as i64);
                        push(out, at, bucket);
                    }
                }
            }),
            (Kind::Missing { .. }, Column::Bits(bits)) => {
                for (at, doc) in docs.iter().enumerate().filter(|(_, doc)| !bits[0].has(**doc)) {
                    let _ = doc;
                    let bucket = table.int(parents[at], 0);
                    push(out, at, bucket);
                }
            }
            (Kind::Filter(_) | Kind::Filters { .. }, Column::Bits(bits)) => {
                let other = matches!(&self.agg.kind, Kind::Filters { other: Some(_), .. });
                for (at, doc) in docs.iter().enumerate() {
                    let mut none = true;
                    for (place, bits) in bits.iter().enumerate().filter(|(_, bits)| bits.has(*doc)) {
                        let _ = bits;
                        none = false;
                        let bucket = table.bucket(parents[at], Key::Int(place as i64));
                        push(out, at, bucket);
                    }
                    if none && other {
                        let bucket = table.bucket(parents[at], Key::Int(bits.len() as i64));
                        push(out, at, bucket);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The start of the date bucket that a time falls into.
pub(super) fn date_key(step: Step, millis: i64) -> i64 {
    match step {
        Step::Fixed(size, offset) => (millis - offset).div_euclid(size) * size + offset,
        Step::Calendar(unit) => dates::floor(millis, unit).unwrap_or(millis),
    }
}

fn missing_key(value: &serde_json::Value, kind: Option<&FieldType>) -> Key {
    match kind {
        Some(FieldType::Ip) => Key::Text(plain(value).parse().map_or_else(|_| plain(value), ip_key).into()),
        Some(kind) if kind.is_numeric() => match kind.coerce(value) {
            Ok(Some(crate::mapping::types::Scalar::Int(n))) => Key::Int(n),
            _ => Key::Float(value.as_f64().unwrap_or(0.0).to_bits()),
        },
        _ => Key::Text(plain(value).into()),
    }
}
