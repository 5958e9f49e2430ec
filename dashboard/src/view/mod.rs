//! A board in a range of time: what is asked for it, and what came back.
//!
//! Every panel is planned before anything is asked (`plan`), so that one round trip answers all of them. What is split by a field needs
//! a second one, for its values must be known first. Each kind of panel has its own room.

pub(crate) mod answers;
pub(crate) mod cache;
pub(crate) mod context;
pub(crate) mod picture;
pub(crate) mod plan;

mod chart;
mod heat;
pub(crate) mod lines;
mod marks;
pub(crate) mod patterns;
pub(crate) mod rows;
mod stat;

use serde_json::{Value, json};

use crate::backend::Backend;
use crate::board::{Kind, Panel, Source};
use crate::chart::Mark;
use crate::config::Config;
use crate::error::BackendError;
use crate::language::Said;
use crate::verdict::{self, Verdict, totals};
use answers::Answers;
use cache::Cache;
use context::{Context, Edges};
use picture::{Nothing, Part, Picture, Row};
use plan::{NoField, Place, Plan, Shape};

/// A board as it stands at one moment.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The panels' contents, in the board's order, each with the search for its lines.
    pub(crate) panels: Vec<(Part<Picture>, String)>,
    /// The strip on top, where the board has one.
    pub(crate) strip: Option<Strip>,
    /// Deploys within the range.
    pub(crate) marks: Vec<Mark>,
    /// What the reader should know about the figures.
    pub(crate) notes: Vec<Said>,
}

/// The verdict with the figures that it rests on.
#[derive(Clone, Debug)]
pub(crate) struct Strip {
    pub(crate) verdict: Verdict,
    pub(crate) now: Part<totals::Totals>,
    pub(crate) before: Part<totals::Totals>,
    pub(crate) lines: Part<totals::Lines>,
}

/// What a panel waits for.
#[derive(Debug)]
enum Wanted {
    Chart(chart::Wanted),
    Heat(heat::Wanted),
    /// Rows, or a chart that is split by them.
    Rows(rows::Wanted),
    Stat(stat::Wanted),
    Lines(usize),
    Patterns(patterns::Wanted),
    Done(Picture),
}

/// Asks everything that a board shows.
///
/// # Errors
/// When the backend gives no answer at all; a search that fails costs its panels only.
pub(crate) async fn make(
    backend: &Backend,
    cache: &Cache,
    config: &Config,
    context: &Context<'_>,
) -> Result<View, BackendError> {
    let panels = &context.board.panels;
    let mut plan = Plan::default();
    let edges = [Source::Logs, Source::Metrics].map(|source| ask_edges(context, source, &mut plan));
    let strip = if context.board.verdict { totals::plan(context, &mut plan) } else { None };
    let marks = marks::plan(context, &mut plan);
    let wanted: Vec<Wanted> = panels.iter().map(|p| want(context, p, &mut plan)).collect();
    let answers = answers::ask(backend, cache, config, context, &plan).await?;

    // What needs the values of a field first.
    let mut second = Plan::default();
    let split: Vec<Option<Part<Split>>> =
        panels.iter().zip(&wanted).map(|(p, w)| split(context, p, w, &answers, &mut second)).collect();
    let more = if second.asked.is_empty() {
        Answers::default()
    } else {
        answers::ask(backend, cache, config, context, &second).await?
    };

    let edges = read_edges(context, edges, &answers);
    let marks = marks::read(&marks, context, &answers);
    let read = |((panel, wanted), split)| {
        let edges = edges_of(panel, &edges);
        let content = match split {
            Some(Err(reason)) => Err(reason),
            Some(Ok(split)) => read_split(context, panel, (wanted, split), &more, edges, &marks),
            None => read(context, panel, wanted, &answers, edges, &marks),
        };
        let content = match content {
            Ok(Picture::Empty(Nothing::NoField(field))) if context.fields(panel.source).is_masked(&field) => {
                Ok(Picture::Empty(Nothing::Masked(field)))
            }
            content => content,
        };
        (content, context.filter(panel).to_string())
    };
    let all = panels.iter().zip(&wanted).zip(split).map(read).collect();
    let strip = context.board.verdict.then(|| judge(context, strip.as_ref(), &answers, edges[0], config));
    let mut notes = answers.notes;
    notes.extend(more.notes);
    notes.extend(context.doubt());
    notes.dedup();
    Ok(View { panels: all, strip, marks, notes })
}

fn want(context: &Context<'_>, panel: &Panel, plan: &mut Plan) -> Wanted {
    let missing = |NoField(field)| Wanted::Done(Picture::Empty(Nothing::NoField(field)));
    match panel.kind {
        Kind::Markdown => Wanted::Done(Picture::Text(panel.text.clone())),
        Kind::Lines => Wanted::Lines(lines::plan(context, panel, plan)),
        Kind::Patterns => Wanted::Patterns(patterns::plan(context, panel, plan)),
        Kind::Stat => stat::plan(context, panel, plan).map_or_else(missing, Wanted::Stat),
        Kind::Heatmap => heat::plan(context, panel, plan).map_or_else(missing, Wanted::Heat),
        _ if panel.by.is_some() => rows::plan(context, panel, plan).map_or_else(missing, Wanted::Rows),
        _ => Wanted::Chart(chart::plan(context, panel, plan)),
    }
}

/// Rows, and what is asked for each of them.
struct Split {
    rows: Vec<Row>,
    /// How many lines the panel is about.
    lines: u64,
    chart: Option<chart::Wanted>,
    sparklines: Vec<Place>,
}

fn split(
    context: &Context<'_>,
    panel: &Panel,
    wanted: &Wanted,
    answers: &Answers,
    plan: &mut Plan,
) -> Option<Part<Split>> {
    let Wanted::Rows(wanted) = wanted else { return None };
    let found = wanted.rows(context, panel, answers).and_then(|rows| Ok((rows, wanted.lines(answers)?)));
    let (rows, lines) = match found {
        Ok(found) => found,
        Err(reason) => return Some(Err(reason)),
    };
    let mut split = Split { rows, lines, chart: None, sparklines: Vec::new() };
    if panel.kind.is_over_time() && !split.rows.is_empty() {
        let values: Vec<(String, String)> =
            split.rows.iter().map(|r| (r.label.clone(), r.search.clone())).collect();
        split.chart = Some(chart::plan_split(context, panel, &values, plan));
    } else if panel.sparkline {
        let parts: Vec<Option<Value>> =
            split.rows.iter().map(|row| context.part(panel.source, &row.search)).collect();
        // Lines of other rows need not be gone through.
        let any: Vec<&Value> = parts.iter().flatten().collect();
        let any = json!({"bool": {"should": any, "minimum_should_match": 1}});
        let query = json!({"bool": {"filter": [context.query(panel), any]}});
        let shape = Shape::OverTime(context.range.step());
        for part in &parts {
            let at = (panel.source, context.whole(), &query, shape.clone());
            let metric = crate::board::Metric::Count;
            // A count has no field that could be missing.
            split.sparklines.extend(plan.figure(at, part.as_ref(), &metric, context.fields(panel.source)));
        }
    }
    Some(Ok(split))
}

fn read_split(
    context: &Context<'_>,
    panel: &Panel,
    (wanted, mut split): (&Wanted, Split),
    answers: &Answers,
    edges: Edges,
    marks: &[Mark],
) -> Part<Picture> {
    let Wanted::Rows(wanted) = wanted else { return Err("no answer".into()) };
    if let Some(chart) = &split.chart {
        return chart::read(chart, context, panel, answers, edges, marks);
    }
    let known = context.known(edges);
    for (row, place) in split.rows.iter_mut().zip(&split.sparklines) {
        let cells = answers.over_time(*place, &context.times)?;
        row.sparkline = cells.into_iter().zip(&known).map(|(c, k)| k.then_some(c.docs as f64)).collect();
    }
    Ok(rows::read(wanted, panel, split.rows, split.lines))
}

fn read(
    context: &Context<'_>,
    panel: &Panel,
    wanted: &Wanted,
    answers: &Answers,
    edges: Edges,
    marks: &[Mark],
) -> Part<Picture> {
    match wanted {
        Wanted::Chart(w) => chart::read(w, context, panel, answers, edges, marks),
        Wanted::Heat(w) => heat::read(w, context, panel, answers, edges),
        Wanted::Stat(w) => stat::read(w, context, panel, answers, edges),
        Wanted::Lines(w) => lines::read(*w, answers),
        Wanted::Patterns(w) => patterns::read(w, panel, answers),
        Wanted::Done(picture) => Ok(picture.clone()),
        // Rows are always split.
        Wanted::Rows(_) => Err("no answer".into()),
    }
}

fn ask_edges(context: &Context<'_>, source: Source, plan: &mut Plan) -> [Place; 2] {
    let all = json!({"match_all": {}});
    ["min", "max"].map(|end| {
        plan.raw((source, context.span(), &all, Shape::Total), json!({end: {"field": "@timestamp"}}))
    })
}

/// When lines and metrics came. Metrics that still come show that the hosts live: then a log that says nothing is a zero, and not late.
fn read_edges(context: &Context<'_>, places: [[Place; 2]; 2], answers: &Answers) -> [Edges; 2] {
    let end = |place| answers.raw(place).ok()?.get("value").and_then(Value::as_f64).map(|v| v as i64);
    let [mut logs, metrics] = places.map(|[old, new]| Edges { oldest: end(old), newest: end(new) });
    if let (Some(newest), Some(alive)) = (logs.newest, metrics.newest)
        && context.range.is_live()
        && alive > newest
    {
        logs.newest = Some(alive);
    }
    [logs, metrics]
}

fn edges_of(panel: &Panel, edges: &[Edges; 2]) -> Edges {
    match panel.source {
        Source::Metrics => edges[1],
        Source::Logs | Source::Events => edges[0],
    }
}

fn judge(
    context: &Context<'_>,
    wanted: Option<&totals::Wanted>,
    answers: &Answers,
    edges: Edges,
    config: &Config,
) -> Strip {
    let gone = || "the question could not be asked".to_owned();
    let now = wanted.map_or_else(|| Err(gone()), |w| w.now(answers));
    let before = wanted.map_or_else(|| Err(gone()), |w| w.before(answers));
    let lines = wanted.map_or_else(|| Err(gone()), |w| w.lines(answers, edges));
    let verdict = verdict::of(&now, &before, &lines, context.range, config.degraded_error_rate);
    Strip { verdict, now, before, lines }
}

impl View {
    /// The board as `GET /api/v1/boards/{id}` gives it.
    pub(crate) fn json(&self, context: &Context<'_>) -> Value {
        let panel = |(panel, (content, search)): (&Panel, &(Part<Picture>, String))| {
            let mut json = match content {
                Ok(picture) => picture.json(),
                Err(failed) => json!({"failed": failed}),
            };
            json["id"] = json!(panel.id);
            json["title"] = json!(panel.title);
            json["search"] = json!(search);
            json
        };
        let part = |part: Result<Value, &String>| part.unwrap_or_else(|failed| json!({"failed": failed}));
        let range = context.range;
        let mut all = json!({
            "board": context.board.id,
            "title": context.board.title,
            "range": {"from": range.from, "to": range.to, "asked_at": range.now, "step_seconds": range.step() / 1000},
            "marks": self.marks.iter().map(|m| json!({"at": m.at, "label": m.label})).collect::<Vec<_>>(),
            "notes": self.notes,
            "panels": context.board.panels.iter().zip(&self.panels).map(panel).collect::<Vec<_>>(),
        });
        if let Some(strip) = &self.strip {
            all["verdict"] = json!(strip.verdict);
            all["totals"] = part(strip.now.as_ref().map(|t| json!(t)));
            all["previous"] = part(strip.before.as_ref().map(|t| json!(t)));
            all["lines"] = part(strip.lines.as_ref().map(|t| json!(t)));
        }
        all
    }
}
