//! The executor: every level turns runs of (document, parent bucket) into runs of (document, bucket) for the next.
//!
//! Bucket numbers are global to the search, so that segments and indexes merge as they are read, and sketches are
//! shared rather than averaged.

mod assign;
mod column;
mod composite;
mod deferred;
mod measure;
mod places;
mod sieve;
mod split;
mod whole;

use super::ast::{Agg, DateSpan, Kind, Metric};
use super::figures::Figure;
use super::table::{Key, Table};
use crate::bits::Bits;
use crate::dates::{self, Format, Round};
use crate::error::ApiError;
use crate::mapping::Mapping;
use crate::mapping::types::{FieldType, Scalar};
use crate::query::ast::Query;
use crate::query::parse::plain;
use crate::query::plan::Context;
use crate::quick::QuickMap;
use crate::search::budget::Budget;
use crate::search::top::{Hit, Top, text_field};
use crate::segments::{Number, Snapshot};
use assign::NONE;
use column::Column;
pub(super) use composite::compare;
use deferred::Deferred;
use jiff::tz::TimeZone;
use measure::Marks;
use places::Places;
use serde_json::Value;
use sieve::Sieve;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

type Result<T> = std::result::Result<T, ApiError>;

/// More buckets than this while collecting are refused, however little they take: each costs time when the answer is made.
const COLLECT_LIMIT: usize = 5_000_000;

/// Documents that are put into buckets at one time, at first and at most: fewer where they have so many values that the pairs of document
/// and bucket would take much memory.
const STRIDE: (usize, usize) = (256, 4096);
const PAIRS: usize = 1 << 16;

/// The segment that is being read.
pub(crate) struct Segment<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) snapshot: &'a dyn Snapshot,
    /// The number of the index in the search, and of the segment in the index.
    pub(crate) place: (usize, usize),
}

/// All aggregations of a search.
pub(crate) struct Tree {
    pub(super) nodes: Vec<(String, Node)>,
    pub(super) now: i64,
    pub(super) budget: Arc<Budget>,
}

/// One aggregation at work.
pub(super) struct Node {
    pub(super) agg: Agg,
    pub(super) table: Table,
    pub(super) figures: Vec<Figure>,
    /// The best hits of each bucket, of `top_hits`.
    pub(super) tops: Vec<Top>,
    /// The field's type, as soon as an index knows it; of a composite, one for each source.
    pub(super) fields: Vec<Option<FieldType>>,
    /// The ends of a `date_range`, in milliseconds.
    pub(super) spans: Vec<(Option<i64>, Option<i64>)>,
    pub(super) subs: Vec<(String, Node)>,
    /// Documents of a `terms` whose buckets were never made.
    pub(super) others: u64,
    /// Counts of a `terms` whose buckets are made when all is counted.
    deferred: Option<Deferred>,
    column: Column,
    place: (usize, usize),
    /// What stands for a value that a document has not.
    missing: Option<Number>,
    /// Buckets outside of these are left out.
    hard: (Option<f64>, Option<f64>),
    sieve: Sieve,
    /// The bucket of a composite's last page.
    after: Option<super::table::Key>,
    /// Bucket by parent and ordinal, within one segment.
    ordinals: QuickMap<(u32, u64), u32>,
    /// Buckets by parent, and ordinal or range, of the first of these.
    plain: Vec<u32>,
    /// The bucket of a date, by parent.
    known: Vec<u32>,
    /// Hash of the text by ordinal, within one segment.
    hashes: QuickMap<u64, u64>,
    /// The ordinals that the only bucket has counted, within one segment.
    counted: Marks,
    /// Bucket of a composite by parent and code, within one segment.
    codes: QuickMap<(u32, composite::Code), u32>,
    composed: Vec<composite::Code>,
    /// The ranges of a `range` or `date_range`, if no number is in two of them.
    places: Option<Places>,
    room: Vec<u64>,
    ints: Vec<i64>,
    floats: Vec<f64>,
    buckets: Vec<u32>,
    /// Of the segment that is being read all is taken in already.
    done: bool,
    budget: Arc<Budget>,
    /// Bytes that are counted in the budget.
    held: usize,
    /// Bytes of the sketches, and of the hits.
    inner: usize,
    stride: usize,
}

/// Pairs of document and bucket for the level below.
#[derive(Default)]
struct Pairs {
    docs: Vec<u32>,
    buckets: Vec<u32>,
}

impl Tree {
    pub(crate) fn new(aggs: &[(String, Agg)], budget: &Arc<Budget>) -> Result<Self> {
        let nodes = aggs.iter().map(|(name, agg)| (name.clone(), Node::new(agg, budget))).collect();
        Ok(Self { nodes, now: 0, budget: Arc::clone(budget) })
    }

    /// Looks for what can be counted before buckets are made. `mappings` are those of all indexes.
    pub(crate) fn defer(&mut self, mappings: &[&Mapping]) {
        for (_, node) in &mut self.nodes {
            let Some(terms) = deferred::can(&node.agg.kind) else { continue };
            let strings =
                |mapping: &&Mapping| mapping.type_of(&terms.field).is_none_or(|kind| !kind.is_numeric());
            node.deferred = mappings.iter().all(strings).then(Deferred::default);
        }
    }

    /// Takes into the figures what was put off until the last segment was read.
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.nodes.iter_mut().try_for_each(|(_, node)| node.settle_all())
    }

    /// Makes the buckets that were put off, and tells whether the documents must be gone through again for what is nested in them.
    pub(crate) fn choose(&mut self) -> Result<bool> {
        self.nodes.iter_mut().try_fold(false, |again, (_, node)| Ok(node.choose()? || again))
    }

    /// Goes through the documents of a segment again.
    pub(crate) fn again(&mut self, segment: &Segment<'_>) -> Result<()> {
        self.nodes.iter_mut().try_for_each(|(_, node)| node.again(segment))
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
        let left = self.nodes.iter_mut().filter(|(_, node)| !node.done);
        left.map(|(_, node)| node).try_for_each(|node| node.collect(docs, buckets))
    }
}

impl Node {
    fn new(agg: &Agg, budget: &Arc<Budget>) -> Self {
        Self {
            subs: agg.subs.iter().map(|(name, sub)| (name.clone(), Self::new(sub, budget))).collect(),
            agg: agg.clone(),
            table: Table::default(),
            figures: Vec::new(),
            tops: Vec::new(),
            fields: Vec::new(),
            spans: Vec::new(),
            others: 0,
            deferred: None,
            column: Column::None,
            place: (0, 0),
            missing: None,
            hard: (None, None),
            sieve: Sieve::default(),
            after: None,
            ordinals: QuickMap::default(),
            plain: Vec::new(),
            known: Vec::new(),
            hashes: QuickMap::default(),
            counted: Marks::default(),
            codes: QuickMap::default(),
            composed: Vec::new(),
            places: match &agg.kind {
                Kind::Range { ranges, .. } => {
                    Places::of_floats(ranges.iter().map(|range| (range.from, range.to)))
                }
                _ => None,
            },
            room: Vec::new(),
            ints: Vec::new(),
            floats: Vec::new(),
            buckets: Vec::new(),
            done: false,
            budget: Arc::clone(budget),
            held: 0,
            inner: 0,
            stride: STRIDE.0,
        }
    }

    /// Tells the budget what it takes now. Fails where there is no room for that, and where nobody waits for the answer.
    fn account(&mut self) -> Result<()> {
        self.budget.wanted()?;
        let columns = match &self.column {
            Column::Bits(all) => all.iter().map(Bits::memory).sum(),
            Column::Strings(column) => column.memory(),
            _ => 0,
        };
        let own = self.table.memory()
            + self.figures.capacity() * size_of::<Figure>()
            + self.inner
            + self.ordinals.capacity() * 28
            + self.plain.capacity() * 4
            + self.hashes.capacity() * 18
            + self.counted.memory()
            + self.codes.capacity() * (size_of::<composite::Code>() + 12)
            + self.deferred.as_ref().map_or(0, Deferred::memory)
            + columns;
        if own > self.held {
            self.budget.hold(own - self.held)?;
        } else {
            self.budget.release(self.held - own);
        }
        self.held = own;
        Ok(())
    }

    /// The type of the one field.
    pub(super) fn field(&self) -> Option<&FieldType> {
        self.fields.first().and_then(Option::as_ref)
    }

    fn field_names(&self) -> Vec<String> {
        match &self.agg.kind {
            Kind::Terms(terms) => vec![terms.field.clone()],
            Kind::DateHistogram { field, .. }
            | Kind::Histogram { field, .. }
            | Kind::Range { field, .. }
            | Kind::DateRange { field, .. }
            | Kind::Missing { field }
            | Kind::Metric { field, .. } => vec![field.clone()],
            Kind::Composite(composite) => {
                composite.sources.iter().map(|source| source.field.clone()).collect()
            }
            Kind::Filter(_) | Kind::Filters { .. } | Kind::TopHits(_) => Vec::new(),
        }
    }

    fn check(&mut self, context: &Context<'_>) -> Result<()> {
        let names = self.field_names();
        self.fields.resize(names.len(), None);
        for (at, path) in names.iter().enumerate() {
            let Some(kind) = context.mapping.type_of(path) else { continue };
            self.fits(path, kind, at)?;
            self.fields[at] = Some(kind.clone());
        }
        for query in self.queries() {
            context.plan(&query)?;
        }
        self.prepare(context)?;
        self.subs.iter_mut().try_for_each(|(_, sub)| sub.check(context))
    }

    /// Whether the aggregation can be made over a field of this type.
    fn fits(&self, path: &str, kind: &FieldType, at: usize) -> Result<()> {
        let any = match &self.agg.kind {
            Kind::Terms(_) | Kind::Missing { .. } => true,
            Kind::Metric { metric, .. } => matches!(metric, Metric::Cardinality | Metric::ValueCount),
            Kind::Composite(composite) => matches!(composite.sources[at].by, super::ast::SourceBy::Terms),
            _ => false,
        };
        if *kind == FieldType::Text {
            return Err(text_field(path));
        }
        if !any && !kind.is_numeric() {
            return Err(ApiError::illegal(format!(
                "Field [{path}] is not numeric and cannot be aggregated so"
            )));
        }
        Ok(())
    }

    /// What the parameters mean for fields of these types.
    fn prepare(&mut self, context: &Context<'_>) -> Result<()> {
        let formats = match self.field() {
            Some(FieldType::Date { formats }) => formats.clone(),
            _ => dates::DEFAULT.to_vec(),
        };
        let date = |value: &Value, format: Option<&Format>, round, zone: &TimeZone| {
            let mut all: Vec<Format> = format.cloned().into_iter().collect();
            all.extend(formats.iter().cloned());
            let text = plain(value);
            value
                .as_i64()
                .filter(|_| format.is_none())
                .or_else(|| dates::math(&text, &all, context.now, round, zone))
                .ok_or_else(|| {
                    ApiError::new(
                        400,
                        "parse_exception",
                        format!("failed to parse date field [{text}] of an aggregation"),
                    )
                })
        };
        let missing = match &self.agg.kind {
            Kind::DateHistogram { missing, .. }
            | Kind::Histogram { missing, .. }
            | Kind::Range { missing, .. }
            | Kind::DateRange { missing, .. }
            | Kind::Metric { missing, .. } => missing.clone(),
            _ => None,
        };
        self.missing = match (missing, self.field()) {
            (None, _) => None,
            (Some(value), Some(kind)) => match kind.coerce(&value) {
                Ok(Some(Scalar::Int(n))) => Some(Number::Int(n)),
                Ok(Some(Scalar::Float(n))) => Some(Number::Float(n)),
                // For a count of distinct strings its hash is enough.
                Ok(Some(Scalar::Exact(text))) => Some(Number::Int(xxh3_64(text.as_bytes()).cast_signed())),
                _ => return Err(ApiError::illegal(format!("[missing] cannot be [{value}] here"))),
            },
            (Some(value), None) => value.as_f64().map(Number::Float),
        };
        match &self.agg.kind {
            Kind::DateHistogram { bounds, format, rounding, .. } => {
                if let Some((min, max)) = &bounds.hard {
                    let end = |value: &Option<Value>| {
                        let read = |v: &Value| date(v, format.as_ref(), Round::Down, &rounding.zone);
                        value.as_ref().map(read).transpose()
                    };
                    self.hard = (end(min)?.map(|n| n as f64), end(max)?.map(|n| n as f64));
                }
            }
            Kind::Histogram { bounds, .. } => {
                if let Some((min, max)) = bounds.hard {
                    self.hard = (min, max);
                }
            }
            Kind::DateRange { ranges, format, zone, .. } => {
                let span = |span: &DateSpan| {
                    let end = |value: &Option<Value>| {
                        value.as_ref().map(|v| date(v, format.as_ref(), Round::Down, zone)).transpose()
                    };
                    Ok((end(&span.from)?, end(&span.to)?))
                };
                let spans: Vec<_> = ranges.iter().map(span).collect::<Result<_>>()?;
                if spans != self.spans {
                    self.places = Places::new(spans.iter().copied());
                    self.spans = spans;
                }
            }
            Kind::Terms(terms) => self.sieve = Sieve::new(terms, self.field())?,
            Kind::Composite(composite) => self.after = composite::after(composite, &self.fields)?,
            _ => {}
        }
        Ok(())
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
        self.settle()?;
        self.ordinals.clear();
        self.plain.clear();
        self.hashes.clear();
        self.codes.clear();
        self.place = segment.place;
        let mut all = Vec::new();
        for query in self.queries() {
            all.push(column::matching(segment, &query)?);
        }
        self.column = match &self.agg.kind {
            Kind::Filter(_) | Kind::Filters { .. } | Kind::Missing { .. } => Column::Bits(all),
            Kind::TopHits(request) => {
                let top = Top::new(request);
                let (snapshot, mapping) = (segment.snapshot, segment.context.mapping);
                Column::Sort(top.columns(snapshot, mapping, segment.place.1)?)
            }
            Kind::Composite(composite) => {
                let open = |source: &super::ast::Source| Column::open(segment, &source.field);
                Column::Many(composite.sources.iter().map(open).collect::<Result<_>>()?)
            }
            _ => match self.field_names().first() {
                Some(path) => Column::open(segment, path)?,
                None => Column::None,
            },
        };
        if let (Some(deferred), Kind::Terms(terms)) = (&mut self.deferred, &self.agg.kind) {
            let column = std::mem::replace(&mut self.column, Column::None);
            let rows = segment.snapshot.max_doc(segment.place.1);
            match deferred.open(segment.place, column, rows, terms.size, !self.subs.is_empty()) {
                Ok(()) => return self.account(),
                Err(column) => (self.column, self.deferred) = (column, None),
            }
        }
        self.account()?;
        self.subs.iter_mut().try_for_each(|(_, sub)| sub.open(segment))
    }

    /// Makes the buckets that were put off.
    fn choose(&mut self) -> Result<bool> {
        let (Some(deferred), Kind::Terms(terms)) = (&self.deferred, &self.agg.kind) else { return Ok(false) };
        let (budget, mut lent) = (&self.budget, 0);
        let chosen = deferred.choose(terms.size, &mut |bytes| {
            budget.hold(bytes)?;
            lent += bytes;
            Ok(())
        });
        budget.release(lent);
        let chosen = chosen?;
        self.others = chosen.others;
        for (text, count) in chosen.terms {
            let bucket = self.table.bucket(0, Key::Text(text.into()));
            self.table.counts[bucket as usize] = count;
        }
        self.account()?;
        Ok(!self.subs.is_empty())
    }

    fn again(&mut self, segment: &Segment<'_>) -> Result<()> {
        if self.deferred.is_none() {
            return Ok(());
        }
        self.check(&segment.context)?;
        let Some(deferred) = &self.deferred else { return Ok(()) };
        let subs = &mut self.subs;
        subs.iter_mut().try_for_each(|(_, sub)| sub.open(segment))?;
        // Buckets have the numbers of their places: no others were made.
        let terms = self.table.keys.iter().map(|(_, key)| key.text().unwrap_or_default());
        let terms: Vec<&str> = terms.collect();
        let budget = &self.budget;
        deferred.again(segment.place, &terms, &mut |docs, buckets| {
            budget.wanted()?;
            subs.iter_mut().try_for_each(|(_, sub)| sub.collect(docs, buckets))
        })
    }

    fn collect(&mut self, docs: &[u32], parents: &[u32]) -> Result<()> {
        if docs.is_empty() {
            return Ok(());
        }
        if let Some(deferred) = &mut self.deferred {
            deferred.count(docs);
            return self.account();
        }
        match &self.agg.kind {
            Kind::Metric { metric, .. } => {
                let most = parents.iter().copied().max().unwrap_or(0) as usize;
                if self.figures.len() <= most {
                    self.figures.resize(most + 1, Figure::new(metric));
                }
                self.measure(docs, parents)?;
                return self.account();
            }
            Kind::TopHits(request) => {
                let most = parents.iter().copied().max().unwrap_or(0) as usize;
                while self.tops.len() <= most {
                    let top = Top::new(request);
                    self.inner += top.memory();
                    self.tops.push(top);
                }
                let Column::Sort(columns) = &self.column else { return Ok(()) };
                for (doc, parent) in docs.iter().zip(parents) {
                    let top = &mut self.tops[*parent as usize];
                    let before = top.memory();
                    top.collect(columns, self.place, &[*doc], &[])?;
                    self.inner = (self.inner + top.memory()).saturating_sub(before);
                }
                return self.account();
            }
            _ => {}
        }
        let (mut docs, mut parents) = (docs, parents);
        while !docs.is_empty() {
            let ((some, docs_left), (theirs, parents_left)) = (
                docs.split_at(self.stride.min(docs.len())),
                parents.split_at(self.stride.min(parents.len())),
            );
            (docs, parents) = (docs_left, parents_left);
            if self.tally(some, theirs) {
                self.account()?;
                continue;
            }
            let pairs = self.some(some, theirs)?;
            let fewer = (self.stride / 4).max(1);
            self.stride = if pairs > PAIRS { fewer } else { (self.stride * 4).min(STRIDE.1) };
        }
        Ok(())
    }

    /// Puts some documents into buckets, and tells how many pairs that made.
    fn some(&mut self, docs: &[u32], parents: &[u32]) -> Result<usize> {
        let mut buckets = std::mem::take(&mut self.buckets);
        let mut pairs = Pairs::default();
        let one = self.assign(docs, parents, &mut buckets)?;
        if !one {
            self.split(docs, parents, &mut pairs)?;
        }
        self.account()?;
        if self.table.keys.len() > COLLECT_LIMIT {
            return Err(ApiError::new(
                429,
                "circuit_breaking_exception",
                format!("the aggregation made more than [{COLLECT_LIMIT}] buckets; narrow the query"),
            ));
        }
        if !one {
            self.count(&pairs.buckets);
            self.subs.iter_mut().try_for_each(|(_, sub)| sub.collect(&pairs.docs, &pairs.buckets))?;
        } else if self.count(&buckets) == buckets.len() {
            self.subs.iter_mut().try_for_each(|(_, sub)| sub.collect(docs, &buckets))?;
        } else if !self.subs.is_empty() {
            let both = docs.iter().copied().zip(buckets.iter().copied());
            (pairs.docs, pairs.buckets) = both.filter(|(_, bucket)| *bucket != NONE).unzip();
            self.subs.iter_mut().try_for_each(|(_, sub)| sub.collect(&pairs.docs, &pairs.buckets))?;
        }
        self.buckets = buckets;
        Ok(if one { docs.len() } else { pairs.docs.len() })
    }

    /// Counts documents in buckets, and tells how many are in one.
    fn count(&mut self, buckets: &[u32]) -> usize {
        if let Some(first) = buckets.first()
            && buckets.iter().all(|bucket| bucket == first)
        {
            let Some(count) = self.table.counts.get_mut(*first as usize) else { return 0 };
            *count += buckets.len() as u64;
            return buckets.len();
        }
        let mut counted = 0;
        for bucket in buckets {
            if let Some(count) = self.table.counts.get_mut(*bucket as usize) {
                *count += 1;
                counted += 1;
            }
        }
        counted
    }

    /// The best hits of a bucket, of `top_hits`.
    pub(super) fn best(&self, bucket: Option<u32>) -> Vec<Hit> {
        let (Kind::TopHits(request), Some(bucket)) = (&self.agg.kind, bucket) else { return Vec::new() };
        self.tops.get(bucket as usize).map_or_else(Vec::new, |top| top.clone().finish(request.from))
    }
}
