//! The figures that the verdict rests on.

use serde::Serialize;
use serde_json::json;

use crate::board::{Metric, Source};
use crate::chart::Unit;
use crate::fields::Idea;
use crate::view::answers::Answers;
use crate::view::context::{Context, parsed};
use crate::view::picture::Part;
use crate::view::plan::{Place, Plan, Shape, Span};

/// Later than any line.
const ALWAYS: Span = (0, 4_102_444_800_000);

/// Requests of a span of time.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) requests: u64,
    pub(crate) by_class: Classes,
    /// Share (0 to 1) of 5xx; unknown without requests.
    pub(crate) error_rate_5xx: Option<f64>,
    /// Share (0 to 1) of 4xx; unknown without requests.
    pub(crate) error_rate_4xx: Option<f64>,
    pub(crate) latency: Option<Latency>,
}

/// Requests by the class of their status.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Classes {
    #[serde(rename = "2xx")]
    pub(crate) c2: u64,
    #[serde(rename = "3xx")]
    pub(crate) c3: u64,
    #[serde(rename = "4xx")]
    pub(crate) c4: u64,
    #[serde(rename = "5xx")]
    pub(crate) c5: u64,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
}

/// Lines of all kinds; instants are epoch milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Lines {
    pub(crate) total: u64,
    /// Lines that no grok pattern could read.
    pub(crate) unparsed: u64,
    /// Oldest line of the range.
    pub(crate) oldest: Option<i64>,
    /// Newest line of the range.
    pub(crate) newest: Option<i64>,
    /// Newest line of all.
    pub(crate) newest_of_all: Option<i64>,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    now: Requests,
    before: Requests,
    lines: Place,
    unparsed: Place,
    newest_of_all: Place,
}

#[derive(Debug)]
struct Requests {
    all: Place,
    classes: Vec<Place>,
    latency: Vec<Place>,
    /// Into milliseconds.
    factor: f64,
}

/// Asks for everything that the verdict wants to know.
pub(crate) fn plan(context: &Context<'_>, plan: &mut Plan) -> Option<Wanted> {
    let board = parsed(&context.board.filter).and(context.also.clone());
    let lines = context.dsl(Source::Logs, &board);
    let query = context.dsl(Source::Logs, &board.and(parsed("status:*")));
    let everything = json!({"match_all": {}});
    let (from, to) = context.span();
    let back = context.compare.map_or(to - from, |c| c.back());
    let now = requests(context, plan, &query, (from, to))?;
    let before = requests(context, plan, &query, (from - back, to - back))?;
    let mut count = |span, query, part: Option<&str>, metric: &Metric| {
        let part = part.map(|p| context.dsl(Source::Logs, &parsed(p)));
        plan.figure((Source::Logs, span, query, Shape::Total), part.as_ref(), metric, context.logs).ok()
    };
    Some(Wanted {
        now,
        before,
        lines: count((from, to), &lines, None, &Metric::Count)?,
        unparsed: count((from, to), &lines, Some("tags:_grokparsefailure"), &Metric::Count)?,
        newest_of_all: count(ALWAYS, &everything, None, &Metric::Age)?,
    })
}

fn requests(
    context: &Context<'_>,
    plan: &mut Plan,
    query: &serde_json::Value,
    span: Span,
) -> Option<Requests> {
    let mut figure = |part: Option<&str>, metric: &Metric| {
        let part = part.map(|p| context.dsl(Source::Logs, &parsed(p)));
        plan.figure((Source::Logs, span, query, Shape::Total), part.as_ref(), metric, context.logs).ok()
    };
    let all = figure(None, &Metric::Count)?;
    let classes: Option<Vec<Place>> = ["status:2xx", "status:3xx", "status:4xx", "status:5xx"]
        .into_iter()
        .map(|class| figure(Some(class), &Metric::Count))
        .collect();
    let latency = if context.logs.best(Idea::RequestTime).is_some() {
        [50.0, 95.0, 99.0]
            .into_iter()
            .filter_map(|p| figure(None, &Metric::Percentile(p, "request_time".into())))
            .collect()
    } else {
        Vec::new()
    };
    let factor = context.factor(Source::Logs, &Metric::Unique("request_time".into()), Unit::Millis);
    Some(Requests { all, classes: classes?, latency, factor })
}

impl Wanted {
    /// Requests of the range.
    pub(crate) fn now(&self, answers: &Answers) -> Part<Totals> {
        self.now.read(answers)
    }

    /// Requests of the range that it is compared with.
    pub(crate) fn before(&self, answers: &Answers) -> Part<Totals> {
        self.before.read(answers)
    }

    /// All lines of the range.
    pub(crate) fn lines(&self, answers: &Answers, edges: crate::view::context::Edges) -> Part<Lines> {
        let newest = answers.total(self.newest_of_all).ok().and_then(|c| c.value);
        Ok(Lines {
            total: answers.total(self.lines)?.docs,
            unparsed: answers.total(self.unparsed)?.docs,
            oldest: edges.oldest,
            newest: edges.newest,
            newest_of_all: newest.map(|v| v as i64),
        })
    }
}

impl Requests {
    fn read(&self, answers: &Answers) -> Part<Totals> {
        let requests = answers.total(self.all)?.docs;
        let mut classes = [0; 4];
        for (count, place) in classes.iter_mut().zip(&self.classes) {
            *count = answers.total(*place)?.docs;
        }
        let mut latency = Vec::new();
        for place in &self.latency {
            latency.extend(answers.total(*place)?.value.map(|v| v * self.factor));
        }
        let [c2, c3, c4, c5] = classes;
        let share = |n: u64| (requests > 0).then(|| n as f64 / requests as f64);
        Ok(Totals {
            requests,
            by_class: Classes { c2, c3, c4, c5 },
            error_rate_5xx: share(c5),
            error_rate_4xx: share(c4),
            latency: match latency.as_slice() {
                [p50, p95, p99] if requests > 0 => Some(Latency { p50: *p50, p95: *p95, p99: *p99 }),
                _ => None,
            },
        })
    }
}
