//! Runs a request over indexes and writes OpenSearch's answer.

use super::budget::{Budget, Pace, cancelled};
use super::request::{By, Request, Sort};
use super::source::SourceFilter;
use super::top::{Columns, Hit, Key, Top, show};
use crate::aggs::exec::{Segment, Tree};
use crate::error::ApiError;
use crate::index::Index;
use crate::mapping::Mapping;
use crate::query::ast::Query;
use crate::query::plan::{Context, Plan};
use crate::segments::Snapshot;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

/// The answer. A struct, so that the order of its keys is OpenSearch's.
#[derive(Serialize)]
pub(crate) struct Answer {
    /// Of a search in a point in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pit_id: Option<String>,
    took: u64,
    pub(crate) timed_out: bool,
    _shards: Value,
    hits: Hits,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregations: Option<Value>,
    /// What the answer holds, until it is let go of.
    #[serde(skip)]
    pub(crate) held: Option<Arc<Budget>>,
    /// Only `_msearch` shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
}

#[derive(Serialize)]
struct Hits {
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Value>,
    max_score: Option<f32>,
    hits: Vec<HitJson>,
}

#[derive(Serialize)]
struct HitJson {
    _index: String,
    _id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    _version: Option<u64>,
    _score: Option<f32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    _ignored: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    _source: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<serde_json::Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<Vec<Value>>,
}

/// One index as a search sees it: frozen.
pub(crate) struct Part {
    index: Arc<Index>,
    snapshot: Box<dyn Snapshot>,
    mapping: Arc<Mapping>,
    /// Of the alias by which it was named.
    filter: Option<Query>,
}

impl Part {
    /// None while the index is being made.
    pub(crate) fn new(index: Arc<Index>, filter: Option<Query>) -> Option<Self> {
        let snapshot = index.snapshot()?;
        let mapping = index.mapping();
        Some(Self { index, snapshot, mapping, filter })
    }

    /// The index's name.
    pub(crate) fn name(&self) -> &str {
        &self.index.name
    }

    fn plan(&self, context: &Context<'_>, query: &Query) -> Result<Plan, ApiError> {
        let plan = context.plan(query)?;
        let Some(filter) = &self.filter else { return Ok(plan) };
        let filter = vec![context.plan(filter)?];
        Ok(Plan::Bool { must: vec![plan], filter, should: vec![], must_not: vec![], minimum: 0 })
    }
}

/// A segment that is to be read.
struct Read {
    place: (usize, usize),
    columns: Columns,
    /// No hit of it can have a better first key.
    best: Option<Key>,
}

/// Number of documents that a query finds.
pub(crate) fn count(parts: &[Part], query: &Query, now: i64, budget: &Budget) -> Result<u64, ApiError> {
    let mut total = 0;
    for part in parts {
        budget.wanted()?;
        let plan = part.plan(&Context { mapping: &part.mapping, now }, query);
        let plan = plan.map_err(|error| error.of_query(&part.index.name))?;
        if plan == Plan::All {
            total += part.snapshot.count();
            continue;
        }
        let matcher = part.snapshot.prepare(&plan, false)?;
        for segment in 0..part.snapshot.segments() {
            budget.wanted()?;
            total += matcher.count(segment)?;
        }
    }
    Ok(total)
}

/// The shards of an answer: one per index.
pub(crate) fn shards(count: usize) -> Value {
    json!({"total": count, "successful": count, "skipped": 0, "failed": 0})
}

/// Runs a search.
pub(crate) fn search(
    parts: &[Part],
    request: &Request,
    now: i64,
    budget: &Arc<Budget>,
) -> Result<Answer, ApiError> {
    let started = Instant::now();
    let by_score = request.sort.is_empty() || request.sort.iter().any(|s| s.by == By::Score);
    let scored = (by_score || request.track_scores) && request.size > 0;
    let mut top = Top::new(request);
    let mut tree = Tree::new(&request.aggs, budget)?;
    tree.defer(&parts.iter().map(|part| part.mapping.as_ref()).collect::<Vec<_>>());
    let mut pace = Pace::GoOn;
    let mut total = 0u64;
    let mut max_score: Option<f32> = None;
    let mut matchers = Vec::with_capacity(parts.len());
    let mut reads = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        budget.wanted()?;
        let mut ready = || -> Result<_, ApiError> {
            request.fits_window()?;
            let context = Context { mapping: &part.mapping, now };
            let plan = part.plan(&context, &request.query)?;
            for segment in 0..part.snapshot.segments() {
                let columns = top.columns(part.snapshot.as_ref(), &part.mapping, segment)?;
                reads.push(Read { best: top.best(&columns), columns, place: (number, segment) });
            }
            // Aggregating on something impossible is an error even where nothing is found.
            tree.check(&context)?;
            Ok(part.snapshot.prepare(&plan, scored)?)
        };
        matchers.push(ready().map_err(|error| error.of_query(&part.index.name))?);
    }
    // Where the best hits are is read first: the more of the rest can be passed by.
    reads.sort_by(|a, b| top.compare_best(a.best.as_ref(), b.best.as_ref()));
    let only_hits = request.aggs.is_empty() && !by_score && !scored;
    let mut buckets = Vec::new();
    for Read { columns, best, place } in reads {
        pace = budget.pace();
        if pace != Pace::GoOn {
            break;
        }
        let (part, matcher) = (&parts[place.0], &matchers[place.0]);
        let mut read = || -> Result<(), ApiError> {
            if only_hits && top.passes_by(best.as_ref()) {
                if request.track.is_some_and(|limit| total <= limit) {
                    total += matcher.count(place.1)?;
                }
                return Ok(());
            }
            let only_first = request.aggs.is_empty() && top.is_by_score_alone();
            if only_first
                && top.is_full()
                && let Some(bound) = matcher.bound(place.1)?
                && top.room_for(bound) == 0
            {
                if request.track.is_some_and(|limit| total <= limit) {
                    total += matcher.count(place.1)?;
                }
                return Ok(());
            }
            let mut hits = matcher.find(place.1)?;
            let count = hits.count();
            if count == 0 {
                return Ok(());
            }
            // With aggregations the total is of the documents that these saw, should the time be over before all are gone through.
            let at_once = request.aggs.is_empty();
            total += if at_once { count } else { 0 };
            let uniform = hits.score().filter(|_| by_score);
            if let Some(score) = uniform {
                max_score = Some(max_score.map_or(score, |m| m.max(score)));
            }
            // Of documents with one score the first are the best.
            let mut wanted = match uniform {
                Some(score) if only_first => top.room_for(score),
                _ => usize::MAX,
            };
            if wanted == 0 || (at_once && request.from + request.size == 0) {
                return Ok(());
            }
            if only_hits && let Some(zones) = top.zones(&columns, part.snapshot.max_doc(place.1)) {
                let before = top.memory();
                for zone in zones {
                    pace = budget.pace();
                    if pace != Pace::GoOn || top.is_past(&zone, place) {
                        break;
                    }
                    let mut result = Ok(());
                    hits.run_zone(&zone.rows, &mut |docs| result = top.collect(&columns, place, docs, &[]));
                    result?;
                }
                return budget.hold(top.memory().saturating_sub(before));
            }
            if only_hits && let Some(plan) = top.narrowing(&columns, place) {
                matcher.narrow(place.1, hits.as_mut(), &plan)?;
            }
            let context = Context { mapping: &part.mapping, now };
            tree.segment(&Segment { context, snapshot: part.snapshot.as_ref(), place })?;
            if tree.at_once(hits.rows())? && request.from + request.size == 0 {
                total += count;
                return Ok(());
            }
            let mut result = Ok(());
            let before = top.memory();
            hits.run(&mut |docs, scores| {
                pace = budget.pace();
                if pace != Pace::GoOn {
                    return ControlFlow::Break(());
                }
                if by_score
                    && uniform.is_none()
                    && let Some(best) = scores.iter().copied().reduce(f32::max)
                {
                    max_score = Some(max_score.map_or(best, |m| m.max(best)));
                }
                total += if at_once { 0 } else { docs.len() as u64 };
                let some = docs.len().min(wanted);
                wanted -= some;
                let (docs, scores) = (&docs[..some], scores.get(..some).unwrap_or(scores));
                buckets.resize(docs.len(), 0);
                result = top
                    .collect(&columns, place, docs, scores)
                    .and_then(|()| tree.collect(docs, &buckets[..docs.len()]));
                if result.is_ok() && wanted > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            result?;
            budget.hold(top.memory().saturating_sub(before))
        };
        read().map_err(|error| error.of_query(&part.index.name))?;
        if pace != Pace::GoOn {
            break;
        }
    }
    if pace == Pace::Gone {
        return Err(cancelled());
    }
    tree.settle()?;
    if tree.choose()? {
        pace = pace.max(again(parts, &mut tree, now, budget)?);
        tree.settle()?;
    }
    let found = top.finish(request.from);
    let hits = show_hits(parts, &found, request, budget)?;
    let total = request.track.map(|limit| {
        if total > limit {
            json!({"value": limit, "relation": "gte"})
        } else {
            json!({"value": total, "relation": "eq"})
        }
    });
    let show_top = |found: &[Hit], request: &Request| {
        let hits = show_hits(parts, found, request, budget)?;
        let best = found.iter().map(|hit| hit.score).reduce(f32::max).filter(|_| shows_scores(request));
        Ok(json!({"total": null, "max_score": best, "hits": hits}))
    };
    let aggregations = if request.aggs.is_empty() { None } else { Some(tree.finish(&show_top)?) };
    Ok(Answer {
        pit_id: None,
        took: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        timed_out: pace == Pace::TimeOver,
        _shards: shards(parts.len()),
        hits: Hits { total, max_score: max_score.filter(|_| !hits.is_empty()), hits },
        aggregations,
        held: Some(Arc::clone(budget)),
        status: None,
    })
}

/// Goes through what was found again, for aggregations that counted first.
fn again(parts: &[Part], tree: &mut Tree, now: i64, budget: &Budget) -> Result<Pace, ApiError> {
    for (number, part) in parts.iter().enumerate() {
        let context = Context { mapping: &part.mapping, now };
        for segment in 0..part.snapshot.segments() {
            match budget.pace() {
                Pace::GoOn => {}
                Pace::TimeOver => return Ok(Pace::TimeOver),
                Pace::Gone => return Err(cancelled()),
            }
            let segment = Segment { context, snapshot: part.snapshot.as_ref(), place: (number, segment) };
            tree.again(&segment).map_err(|error| error.of_query(&part.index.name))?;
        }
    }
    Ok(Pace::GoOn)
}

fn shows_scores(request: &Request) -> bool {
    request.sort.is_empty() || request.track_scores || request.sort.iter().any(|sort| sort.by == By::Score)
}

/// Reads the found documents back, as the request wants them shown.
fn show_hits(
    parts: &[Part],
    found: &[Hit],
    request: &Request,
    budget: &Budget,
) -> Result<Vec<HitJson>, ApiError> {
    let mut hits = Vec::with_capacity(found.len());
    for hit in found {
        budget.wanted()?;
        let part = &parts[hit.index];
        let fetched = part.snapshot.fetch(hit.segment, hit.doc)?;
        // Once as it is kept until all are there, and once in the answer's text.
        budget.hold(2 * fetched.source.len() + size_of::<HitJson>())?;
        let sort = (!request.sort.is_empty()).then(|| {
            let show_one = |(key, sort): (&super::top::Key, &Sort)| {
                let kind = match &sort.by {
                    By::Field(path) => part.mapping.type_of(path),
                    _ => None,
                };
                show(key, sort, kind)
            };
            hit.keys.iter().zip(&request.sort).map(show_one).collect()
        });
        let fields = super::fields::fields(request, &part.mapping, &fetched.source)?;
        let ignored = super::fields::ignored(&part.mapping, &fetched.source);
        hits.push(HitJson {
            _index: part.index.name.clone(),
            _id: fetched.id,
            _version: request.version.then_some(fetched.version),
            _score: shows_scores(request).then_some(hit.score),
            _ignored: ignored,
            _source: if request.source == SourceFilter::None {
                None
            } else {
                request.source.apply(fetched.source)?
            },
            fields,
            sort,
        });
    }
    Ok(hits)
}
