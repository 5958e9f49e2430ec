//! What every panel of a page has in common: range, fields, filters, and what is known of the lines' arrival.

use serde_json::{Value, json};

use super::plan::{Cell, Span};
use crate::app::Wish;
use crate::board::{Board, Metric, Panel, Source};
use crate::chart::Unit;
use crate::fields::{Fields, Idea};
use crate::language::Said;
use crate::query::{self, Names as _, Query};
use crate::range::{Compare, Range};
use crate::sight::Sight;

/// The page that is being made.
pub(crate) struct Context<'a> {
    pub(crate) board: &'a Board,
    pub(crate) range: &'a Range,
    pub(crate) compare: Option<Compare>,
    /// What the visitor narrows every panel over logs down to.
    pub(crate) also: &'a Query,
    /// What the visitor may see.
    pub(crate) sight: &'a Sight,
    pub(crate) logs: &'a Fields,
    pub(crate) metrics: &'a Fields,
    /// Starts of all buckets that touch the range.
    pub(crate) times: Vec<i64>,
}

/// When the oldest and the newest line came, epoch milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edges {
    pub(crate) oldest: Option<i64>,
    pub(crate) newest: Option<i64>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(wish: &'a Wish, (logs, metrics): (&'a Fields, &'a Fields)) -> Self {
        let Wish { board, range, compare, search, sight } = wish;
        Self { board, range, compare: *compare, also: search, sight, logs, metrics, times: range.buckets() }
    }

    /// The fields of a source.
    pub(crate) const fn fields(&self, source: Source) -> &'a Fields {
        match source {
            Source::Metrics => self.metrics,
            Source::Logs | Source::Events => self.logs,
        }
    }

    /// What the time before is taken from, where its buckets fall upon those of now.
    pub(crate) fn beneath(&self) -> Option<Compare> {
        self.compare.filter(|compare| self.range.can_be_compared(*compare))
    }

    /// The range as asked.
    pub(crate) const fn span(&self) -> Span {
        (self.range.from, self.range.to)
    }

    /// The range in whole buckets, which can be kept and met again.
    pub(crate) fn whole(&self) -> Span {
        let step = self.range.step();
        let start = self.times.first().copied().unwrap_or(self.range.from);
        (start, self.times.last().map_or(self.range.to, |last| last + step))
    }

    /// All that a panel is about, in the search language: what a click on it looks for.
    pub(crate) fn filter(&self, panel: &Panel) -> Query {
        let own = parsed(&panel.filter);
        if panel.source != Source::Logs {
            return own;
        }
        parsed(&self.board.filter).and(own).and(self.also.clone())
    }

    /// The lines that a panel is about, as a query.
    pub(crate) fn query(&self, panel: &Panel) -> Value {
        self.dsl(panel.source, &self.filter(panel))
    }

    /// What is doubtful about the visitor's search: a field that no line has, a value that its field cannot hold. Then it matches nothing.
    pub(crate) fn doubt(&self) -> Option<Said> {
        // Where nothing has arrived yet, no field is known.
        if self.logs.known().is_empty() {
            return None;
        }
        self.also
            .to_dsl(self.logs)
            .err()
            .map(|e| Said::new("The search finds nothing: {reason}.").with("reason", e.to_string()))
    }

    /// A search as a query; a field that is not there matches nothing.
    pub(crate) fn dsl(&self, source: Source, search: &Query) -> Value {
        if search.is_everything() {
            return json!({"match_all": {}});
        }
        // Too many clauses: the page has checked the visitor's, the reader of boards theirs.
        search.to_dsl_lenient(self.fields(source)).unwrap_or_else(|_| nothing())
    }

    /// A part of a panel's lines; none for all of them.
    pub(crate) fn part(&self, source: Source, text: &str) -> Option<Value> {
        let search = parsed(text);
        (!search.is_everything()).then(|| self.dsl(source, &search))
    }

    /// Milliseconds of a bucket that are in the past.
    pub(crate) fn covered(&self, start: i64) -> i64 {
        ((start + self.range.step()).min(self.range.now) - start).max(0)
    }

    /// What values of a figure's field are multiplied by to be in `unit`.
    pub(crate) fn factor(&self, source: Source, metric: &Metric, unit: Unit) -> f64 {
        let Some(word) = metric.field() else { return 1.0 };
        let factor = self.fields(source).word(word).map_or(1.0, |f| f.factor);
        let duration = Idea::from_word(word).is_some_and(Idea::is_duration);
        if duration && unit == Unit::Millis { factor * 1000.0 } else { factor }
    }

    /// The figure that a cell holds, over `seconds`.
    pub(crate) fn value(&self, metric: &Metric, cell: Cell, seconds: f64, factor: f64) -> Option<f64> {
        match metric {
            Metric::Count => Some(cell.docs as f64 * factor),
            Metric::Rate => (seconds > 0.0).then(|| cell.docs as f64 * factor / seconds),
            Metric::Share => (cell.of > 0).then(|| cell.docs as f64 * 100.0 / cell.of as f64),
            Metric::SumRate(_) => (seconds > 0.0).then(|| cell.value.unwrap_or(0.0) * factor / seconds),
            Metric::Age => cell.value.map(|at| (self.range.now as f64 - at).max(0.0) / 1000.0),
            Metric::Percentile(..) | Metric::Of(..) | Metric::Unique(_) => {
                cell.value.filter(|_| cell.docs > 0).map(|v| v * factor)
            }
        }
    }

    /// Which buckets are known: between the oldest and the newest line. Outside of them a zero would be a guess.
    pub(crate) fn known(&self, edges: Edges) -> Vec<bool> {
        let step = self.range.step();
        let within = |at: i64| match (edges.oldest, edges.newest) {
            (Some(old), Some(new)) => at + step > old && at <= new,
            _ => false,
        };
        // A sliver of a bucket makes a rate out of one or two lines: worse than saying nothing.
        let enough = |at: i64| self.covered(at) * 4 >= step || self.range.to - self.range.from < step;
        self.times.iter().map(|at| within(*at) && enough(*at)).collect()
    }

    /// From when on data has not arrived yet, in a range that reaches up to now: the newest line, where it is older than a bucket and 90 s.
    pub(crate) fn late_from(&self, edges: Edges) -> Option<i64> {
        let newest = edges.newest?;
        let patience = self.range.step().max(90_000);
        (self.range.is_live() && self.range.now - newest > patience && newest < self.range.to)
            .then_some(newest)
    }
}

/// Matches nothing.
pub(crate) fn nothing() -> Value {
    json!({"bool": {"must_not": [{"match_all": {}}]}})
}

/// A text that was checked when its board was read.
pub(crate) fn parsed(text: &str) -> Query {
    query::parse(text).unwrap_or_else(|_| Query::everything())
}
