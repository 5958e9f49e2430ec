//! What a chart over time shows, apart from how it is drawn.

use crate::language::{plain, t, text};
use jiff::tz::TimeZone;

use super::{Dash, Paint, Unit};

/// How the series of a chart share its area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Lines beside each other.
    Lines,
    /// Lines beside each other, each with a pale area down to zero.
    Area,
    /// Areas upon each other: parts of a sum.
    Stacked,
    /// Lines in ascending order (p50, p95, p99), the space between neighbours filled.
    Band,
}

/// One line or area.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) paint: Paint,
    pub(crate) dash: Dash,
    /// One value a bucket, in the chart's unit. `None` is "not known", which is drawn as a gap; zero is zero.
    pub(crate) values: Vec<Option<f64>>,
    /// Only there to compare with (the previous period): dashed and pale, no part of a stack, no label at its end.
    pub(crate) ghost: bool,
}

impl Series {
    /// A solid line.
    pub(crate) fn solid(name: impl Into<String>, paint: Paint, values: Vec<Option<f64>>) -> Self {
        Self { name: name.into(), paint, dash: Dash::Solid, values, ghost: false }
    }

    /// A line of the period before, which must have been moved onto this one's buckets.
    pub(crate) fn ghost(name: impl Into<String>, paint: Paint, values: Vec<Option<f64>>) -> Self {
        Self { name: name.into(), paint, dash: Dash::Dashed, values, ghost: true }
    }

    /// The value of a bucket. What is not a number is not known either.
    pub(crate) fn value(&self, i: usize) -> Option<f64> {
        self.values.get(i).copied().flatten().filter(|v| v.is_finite())
    }

    /// The newest value there is.
    pub(crate) fn last(&self) -> Option<f64> {
        self.values.iter().rev().find_map(|v| *v)
    }

    /// Whether there is anything to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }
}

/// Something that happened at an instant: a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Epoch milliseconds.
    pub(crate) at: i64,
    /// A word or two; shown where there is room.
    pub(crate) label: String,
}

/// A value that should not be crossed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limit {
    /// In the chart's unit.
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// A time chart: everything a drawing, a table or a text needs.
#[derive(Clone, Debug)]
pub(crate) struct ChartSpec {
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) kind: Kind,
    /// The time axis, epoch milliseconds.
    pub(crate) from: i64,
    /// End of the time axis, epoch milliseconds.
    pub(crate) to: i64,
    /// Width of a bucket, milliseconds.
    pub(crate) step: i64,
    /// Starts of the buckets, epoch milliseconds, ascending.
    pub(crate) times: Vec<i64>,
    pub(crate) series: Vec<Series>,
    /// Instants to mark, e.g. deployments; those outside of the axis are not drawn.
    pub(crate) marks: Vec<Mark>,
    /// From this instant on (epoch milliseconds) data has not arrived: hatched, unlike zero and unlike a gap.
    pub(crate) late_from: Option<i64>,
    /// A threshold, drawn across.
    pub(crate) limit: Option<Limit>,
    /// The value axis reaches at least this high, so that a calm chart does not look like a storm.
    pub(crate) at_least: f64,
    /// The axis never reaches higher (100 for a share), none where nature has no limit.
    pub(crate) at_most: Option<f64>,
    /// A logarithmic value axis; not for [`Kind::Stacked`] and [`Kind::Area`], whose areas begin at zero.
    pub(crate) log_y: bool,
    pub(crate) zone: TimeZone,
}

impl Default for ChartSpec {
    /// An empty chart of lines, for `..ChartSpec::default()`.
    fn default() -> Self {
        Self {
            title: String::new(),
            unit: Unit::Count,
            kind: Kind::Lines,
            from: 0,
            to: 0,
            step: 1,
            times: Vec::new(),
            series: Vec::new(),
            marks: Vec::new(),
            late_from: None,
            limit: None,
            at_least: 0.0,
            at_most: None,
            log_y: false,
            zone: TimeZone::UTC,
        }
    }
}

impl ChartSpec {
    /// The largest value drawn: of a stack, its full height. The limit is within the axis too.
    pub(crate) fn max(&self) -> f64 {
        let of_bucket = |i: usize| {
            let all = || self.series.iter().filter(|s| !s.ghost || self.kind != Kind::Stacked);
            let values = all().filter_map(|s| s.value(i));
            let ghosts =
                self.series.iter().filter(|s| s.ghost).filter_map(|s| s.value(i)).fold(0.0, f64::max);
            match self.kind {
                Kind::Stacked => values.sum::<f64>().max(ghosts),
                _ => values.fold(0.0, f64::max),
            }
        };
        let limit = self.limit.as_ref().map_or(0.0, |l| l.value);
        (0..self.times.len()).map(of_bucket).fold(self.at_least.max(limit), f64::max)
    }

    /// The smallest value above zero, for a logarithmic axis.
    pub(crate) fn least(&self) -> Option<f64> {
        let values = self.series.iter().flat_map(|s| s.values.iter().flatten().copied());
        values.filter(|v| *v > 0.0 && v.is_finite()).min_by(f64::total_cmp)
    }

    /// Where a bucket's value is drawn: the middle of the part of the bucket that lies within the axis.
    pub(crate) fn middle(&self, i: usize) -> i64 {
        let start = self.times.get(i).copied().unwrap_or(self.to);
        let (start, end) = (start.max(self.from), start.saturating_add(self.step).min(self.to));
        start + (end - start) / 2
    }

    /// The marks within the axis.
    pub(crate) fn marks_within(&self) -> impl Iterator<Item = &Mark> {
        self.marks.iter().filter(|m| (self.from..=self.to).contains(&m.at))
    }

    /// One sentence for those who hear the chart.
    pub(crate) fn describe(&self) -> String {
        let known = self.series.iter().filter(|s| !s.is_empty());
        let parts: Vec<String> = known
            .map(|s| {
                let values = s.values.iter().flatten().filter(|v| v.is_finite());
                let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
                let last = s.last().unwrap_or_default();
                plain!(
                    "{series} between {low} and {high}, last {last}",
                    series = text(&s.name),
                    low = self.unit.show(low),
                    high = self.unit.show(high),
                    last = self.unit.show(last)
                )
            })
            .collect();
        let mut words = if parts.is_empty() {
            t!("No data in this time range.").into_owned()
        } else {
            format!("{}.", parts.join("; "))
        };
        if let Some(limit) = &self.limit {
            words += " ";
            words += &plain!(
                "Limit {value}: {name}.",
                value = self.unit.show(limit.value),
                name = text(&limit.label)
            );
        }
        let marks: Vec<&str> = self.marks_within().map(|m| m.label.as_str()).collect();
        if !marks.is_empty() {
            words += " ";
            words += &plain!("Marked: {marks}.", marks = marks.join(", "));
        }
        if self.late_from.is_some_and(|at| at < self.to) {
            words += " ";
            words += &t!("The newest data has not arrived yet.");
        }
        words
    }
}

/// The stretches of a series without a gap, as index ranges.
pub(crate) fn runs(values: &[Option<f64>]) -> Vec<std::ops::Range<usize>> {
    let mut out = Vec::new();
    let mut start = None;
    for (i, value) in values.iter().enumerate() {
        match (value, start) {
            (Some(_), None) => start = Some(i),
            (None, Some(s)) => {
                out.push(s..i);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(s) = start {
        out.push(s..values.len());
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Four buckets of a minute, one of them unknown.
    pub(crate) fn small() -> ChartSpec {
        ChartSpec {
            title: "Latency".into(),
            unit: Unit::Millis,
            kind: Kind::Lines,
            from: 0,
            to: 240_000,
            step: 60_000,
            times: vec![0, 60_000, 120_000, 180_000],
            series: vec![Series {
                name: "p95".into(),
                paint: Paint::Blue,
                dash: Dash::Dashed,
                values: vec![Some(10.0), Some(20.0), None, Some(5.0)],
                ghost: false,
            }],
            at_least: 1.0,
            ..ChartSpec::default()
        }
    }

    #[test]
    fn a_gap_ends_a_run() {
        assert_eq!(runs(&[None, Some(1.0), Some(0.0), None, Some(2.0)]), [1..3, 4..5]);
        assert!(runs(&[None, None]).is_empty());
    }

    #[test]
    fn described_in_words() {
        assert_eq!(small().describe(), "p95 between 5 ms and 20 ms, last 5 ms.");
        assert_eq!(small().max(), 20.0);
    }

    #[test]
    fn a_ghost_is_no_part_of_a_sum() {
        let mut spec = small();
        spec.kind = Kind::Stacked;
        spec.series.push(spec.series[0].clone());
        assert_eq!(spec.max(), 40.0);
        spec.series[1].ghost = true;
        assert_eq!(spec.max(), 20.0);
        spec.limit = Some(Limit { value: 50.0, label: "promised".into() });
        assert_eq!(spec.max(), 50.0);
    }

    #[test]
    fn marks_limit_and_lateness_are_told() {
        let mut spec = small();
        spec.limit = Some(Limit { value: 15.0, label: "promised".into() });
        spec.marks = vec![Mark { at: 1, label: "v2".into() }, Mark { at: -1, label: "v1".into() }];
        spec.late_from = Some(200_000);
        insta::assert_snapshot!(spec.describe(), @"p95 between 5 ms and 20 ms, last 5 ms. Limit 15 ms: promised. Marked: v2. The newest data has not arrived yet.");
    }
}
