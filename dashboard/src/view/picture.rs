//! What a panel shows, apart from the page around it.

use serde_json::{Value, json};

use crate::chart::{Drawing, Unit, csv, json as figures};

/// A panel's content, or the backend's reason for having none.
pub(crate) type Part<T> = Result<T, String>;

/// A panel's content.
#[derive(Clone, Debug)]
pub(crate) enum Picture {
    Drawing(Drawing),
    Table(Table),
    Stat(Stat),
    Lines(Lines),
    Patterns(Vec<Pattern>),
    /// A text of the board's author.
    Text(String),
    /// There is nothing to show.
    Empty(Nothing),
}

/// Why there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    /// The lines that this panel is about do not carry the field.
    NoField(String),
    /// The field is masked for this visitor.
    Masked(String),
    /// There is no line that this panel is about.
    NoLines,
}

/// Values with their figures.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// What the first column holds.
    pub(crate) by: String,
    /// Names and units of the other columns.
    pub(crate) columns: Vec<(String, Unit)>,
    pub(crate) rows: Vec<Row>,
}

/// One value.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) cells: Vec<Option<f64>>,
    /// Lines in each bucket, where the board asks for it.
    pub(crate) sparkline: Vec<Option<f64>>,
    /// What tells this row's lines from the panel's others.
    pub(crate) search: String,
    /// The whole search for this row's lines.
    pub(crate) lines: String,
}

/// One figure, beside what it was before.
#[derive(Clone, Debug)]
pub(crate) struct Stat {
    pub(crate) unit: Unit,
    pub(crate) value: Option<f64>,
    /// Of the range of the same length before (or of the day, the week before where that is compared).
    pub(crate) before: Option<f64>,
    pub(crate) sparkline: Vec<Option<f64>>,
    pub(crate) rise_is_bad: bool,
}

/// Newest lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    pub(crate) total: u64,
    pub(crate) lines: Vec<Line>,
}

/// One line, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// Epoch milliseconds.
    pub(crate) at: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) message: String,
}

/// Lines that differ only in numbers, names and the like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    /// The text that they share, with `<*>` where they differ.
    pub(crate) text: String,
    pub(crate) count: u64,
    /// How many there were in the period before.
    pub(crate) before: u64,
    /// Epoch milliseconds of its oldest line among those looked at.
    pub(crate) first: Option<i64>,
}

impl Picture {
    /// The content as `GET /api/v1/boards/…` gives it.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Drawing(drawing) => figures::json(drawing),
            Self::Table(table) => json!({
                "kind": "table", "by": table.by,
                "columns": table.columns.iter().map(|(n, u)| json!({"name": n, "unit": u.word()})).collect::<Vec<_>>(),
                "rows": table.rows.iter().map(|r| json!({"label": r.label, "values": r.cells, "search": r.lines,
                    "sparkline": r.sparkline})).collect::<Vec<_>>(),
            }),
            Self::Stat(stat) => {
                json!({"kind": "stat", "unit": stat.unit.word(), "value": stat.value, "before": stat.before,
                "sparkline": stat.sparkline})
            }
            Self::Lines(lines) => {
                json!({"kind": "lines", "total": lines.total, "lines": lines.lines.iter().map(Line::json).collect::<Vec<_>>()})
            }
            Self::Patterns(patterns) => {
                json!({"kind": "patterns", "patterns": patterns.iter().map(|p| json!({
                "pattern": p.text, "count": p.count, "before": p.before, "first": p.first})).collect::<Vec<_>>()})
            }
            Self::Text(text) => json!({"kind": "markdown", "text": text}),
            Self::Empty(Nothing::NoField(field)) => json!({"kind": "empty", "missing_field": field}),
            Self::Empty(Nothing::Masked(field)) => json!({"kind": "empty", "masked_field": field}),
            Self::Empty(Nothing::NoLines) => json!({"kind": "empty"}),
        }
    }

    /// The content as CSV (RFC 4180).
    pub(crate) fn csv(&self) -> String {
        let mut out = Csv::default();
        match self {
            Self::Drawing(drawing) => return csv::csv(drawing),
            Self::Table(table) => {
                let head = std::iter::once(table.by.clone())
                    .chain(table.columns.iter().map(|(n, u)| format!("{n} ({})", u.word())));
                out.row(head);
                for row in &table.rows {
                    out.row(std::iter::once(row.label.clone()).chain(row.cells.iter().map(|c| number(*c))));
                }
            }
            Self::Stat(stat) => {
                out.row(["value".to_owned(), "before".to_owned()]);
                out.row([number(stat.value), number(stat.before)]);
            }
            Self::Lines(lines) => {
                out.row(["time", "status", "level", "method", "url", "host", "message"].map(str::to_owned));
                for line in &lines.lines {
                    let of = |field: &Option<String>| field.clone().unwrap_or_default();
                    let at = line.at.map(stamp).unwrap_or_default();
                    out.row([
                        at,
                        of(&line.status),
                        of(&line.level),
                        of(&line.method),
                        of(&line.url),
                        of(&line.host),
                        line.message.clone(),
                    ]);
                }
            }
            Self::Patterns(patterns) => {
                out.row(["pattern", "count", "before"].map(str::to_owned));
                for p in patterns {
                    out.row([p.text.clone(), p.count.to_string(), p.before.to_string()]);
                }
            }
            Self::Text(_) | Self::Empty(_) => {}
        }
        out.0
    }
}

impl Line {
    pub(crate) fn json(&self) -> Value {
        json!({"at": self.at, "status": self.status, "level": self.level, "method": self.method, "url": self.url,
            "host": self.host, "message": self.message})
    }
}

fn number(value: Option<f64>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

fn stamp(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map(|t| t.to_string()).unwrap_or_default()
}

/// Rows of CSV.
#[derive(Default)]
struct Csv(String);

impl Csv {
    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0 += &csv::line(cells.into_iter().map(|cell| csv::field(&cell)));
    }
}
