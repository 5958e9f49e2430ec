//! The shape of a board's file. `docs/boards.md` is its page for people; a test holds the two together.

use serde::Deserialize;

/// A board: a page of panels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Board {
    /// The name in the address, from the file's name: `nginx.yaml` is `/b/nginx`.
    #[serde(skip)]
    pub(crate) id: String,
    /// The name that people see.
    pub(crate) title: String,
    /// One sentence under the title: the question that this board answers.
    #[serde(default)]
    pub(crate) about: String,
    /// Whether the strip with the verdict stands above the panels.
    #[serde(default)]
    pub(crate) verdict: bool,
    /// Lines that every panel over logs is about, in the search language.
    #[serde(default)]
    pub(crate) filter: String,
    /// The panels, in the order of the page.
    pub(crate) panels: Vec<Panel>,
}

/// One panel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Panel {
    /// The name in addresses: letters, digits, `-` and `_`.
    pub(crate) id: String,
    /// The heading.
    pub(crate) title: String,
    /// What kind of picture it is.
    pub(crate) kind: Kind,
    /// Columns of twelve that it takes on a wide screen.
    #[serde(default = "third")]
    pub(crate) width: u8,
    /// Logs or metrics.
    #[serde(default)]
    pub(crate) source: Source,
    /// What it is about, in the search language. Shares are parts of this.
    #[serde(default)]
    pub(crate) filter: String,
    /// `req/s`, `%`, `ms`, `s`, `B/s`, `B`, `/s` or `count`.
    #[serde(default = "count")]
    pub(crate) unit: String,
    /// Figures: lines of a chart, columns of a table, the value of a stat.
    #[serde(default)]
    pub(crate) series: Vec<Series>,
    /// A field or an idea: a line, bar, slice or row for each of its values.
    #[serde(default)]
    pub(crate) by: Option<String>,
    /// How many values of `by`, or lines of a log list, are shown.
    #[serde(default)]
    pub(crate) top: Option<usize>,
    /// The name of the series by which the values of `by` are ordered (`a × b` for a product); without it by count.
    #[serde(default)]
    pub(crate) order: Option<String>,
    /// How much longer than the range rows are looked for, in hours: a host that fell silent before it is still there.
    #[serde(default)]
    pub(crate) lookback_hours: u32,
    /// Ascending order, for a table that shows the least first.
    #[serde(default)]
    pub(crate) ascending: bool,
    /// The field or idea whose values a heatmap spreads over its buckets.
    #[serde(default)]
    pub(crate) of: Option<String>,
    /// The axis reaches at least this high.
    #[serde(default)]
    pub(crate) at_least: Option<f64>,
    /// The axis never reaches higher.
    #[serde(default)]
    pub(crate) at_most: Option<f64>,
    /// A line across the chart.
    #[serde(default)]
    pub(crate) limit: Option<Limit>,
    /// A column of a table: a small line of how the count went.
    #[serde(default)]
    pub(crate) sparkline: bool,
    /// Whether a rise is bad news (a stat's colour).
    #[serde(default)]
    pub(crate) rise_is_bad: bool,
    /// What a markdown panel says.
    #[serde(default)]
    pub(crate) text: String,
    /// What stands there while there is nothing to show.
    #[serde(default)]
    pub(crate) empty: String,
    /// What to do about it: shown as code beneath `empty`.
    #[serde(default)]
    pub(crate) remedy: String,
}

/// One figure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Series {
    /// The name in legend and table.
    pub(crate) name: String,
    /// The figure, in the language of [`super::metric`].
    pub(crate) metric: String,
    /// Which of the panel's lines it counts, in the search language.
    #[serde(default)]
    pub(crate) filter: String,
    /// A colour by name; otherwise the next of the palette.
    #[serde(default)]
    pub(crate) color: Option<Color>,
    /// How its line is broken; otherwise with the palette's colour.
    #[serde(default)]
    pub(crate) dash: Option<Dash>,
    /// Its own unit, in a table.
    #[serde(default)]
    pub(crate) unit: Option<String>,
    /// What values are multiplied by: 100 makes a share a percentage.
    #[serde(default = "one")]
    pub(crate) scale: f64,
    /// Left out where no value is known.
    #[serde(default)]
    pub(crate) optional: bool,
}

/// A line across a chart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// The kinds of panels.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Line,
    Area,
    Stacked,
    Band,
    Heatmap,
    Bar,
    Pie,
    Map,
    Table,
    Stat,
    Lines,
    Patterns,
    Markdown,
}

impl Kind {
    /// Whether time runs along it.
    pub(crate) const fn is_over_time(self) -> bool {
        matches!(self, Self::Line | Self::Area | Self::Stacked | Self::Band | Self::Heatmap)
    }
}

impl Board {
    /// A board without panels, for a page that is about a search only.
    pub(crate) fn blank(panels: Vec<Panel>) -> Self {
        Self {
            id: String::new(),
            title: String::new(),
            about: String::new(),
            verdict: false,
            filter: String::new(),
            panels,
        }
    }
}

impl Panel {
    /// A panel with the newest lines, for pages that no file describes.
    pub(crate) fn newest(top: usize) -> Self {
        Self {
            id: "lines".into(),
            title: "Lines".into(),
            kind: Kind::Lines,
            width: 12,
            source: Source::Logs,
            filter: String::new(),
            unit: count(),
            series: Vec::new(),
            by: None,
            top: Some(top),
            order: None,
            lookback_hours: 0,
            ascending: false,
            of: None,
            at_least: None,
            at_most: None,
            limit: None,
            sparkline: false,
            rise_is_bad: false,
            text: String::new(),
            empty: String::new(),
            remedy: String::new(),
        }
    }
}

/// Which indices a panel asks.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    #[default]
    Logs,
    Metrics,
    /// Deploys and the like that were told of; not for panels.
    #[serde(skip)]
    Events,
}

/// The palette, by name.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Color {
    Blue,
    Orange,
    Green,
    Purple,
    Sky,
    Vermillion,
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dash {
    Solid,
    Dashed,
    Dotted,
}

const fn third() -> u8 {
    4
}

const fn one() -> f64 {
    1.0
}

fn count() -> String {
    "count".into()
}
