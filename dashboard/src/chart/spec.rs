//! What a chart shows, apart from how it is drawn.

use jiff::tz::TimeZone;

use super::{Dash, Paint, Unit};

/// Lines beside each other, or areas upon each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Lines,
    Stacked,
}

/// One line or area.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) paint: Paint,
    pub(crate) dash: Dash,
    /// One value a bucket. `None` is "not known", which is drawn as a gap; zero is zero.
    pub(crate) values: Vec<Option<f64>>,
}

impl Series {
    /// A solid line.
    pub(crate) fn solid(name: impl Into<String>, paint: Paint, values: Vec<Option<f64>>) -> Self {
        Self { name: name.into(), paint, dash: Dash::Solid, values }
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

/// A time chart: everything a drawing, a table or a text needs.
#[derive(Clone, Debug)]
pub(crate) struct ChartSpec {
    pub(crate) title: &'static str,
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
    /// The value axis reaches at least this high, so that a calm chart does not look like a storm.
    pub(crate) at_least: f64,
    /// The axis never reaches higher (100 for a share), none where nature has no limit.
    pub(crate) at_most: Option<f64>,
    pub(crate) zone: TimeZone,
}

impl ChartSpec {
    /// The largest value drawn: of a stack, its full height.
    pub(crate) fn max(&self) -> f64 {
        let of_bucket = |i: usize| {
            let values = self.series.iter().filter_map(|s| s.values.get(i).copied().flatten());
            match self.kind {
                Kind::Lines => values.fold(0.0, f64::max),
                Kind::Stacked => values.sum(),
            }
        };
        (0..self.times.len()).map(of_bucket).fold(self.at_least, f64::max)
    }

    /// Where a bucket's value is drawn: the middle of the part of the bucket that lies within the axis.
    pub(crate) fn middle(&self, i: usize) -> i64 {
        let start = self.times[i].max(self.from);
        let end = (self.times[i] + self.step).min(self.to);
        start + (end - start) / 2
    }

    /// One sentence for those who hear the chart.
    pub(crate) fn describe(&self) -> String {
        let known = self.series.iter().filter(|s| !s.is_empty());
        let parts: Vec<String> = known
            .map(|s| {
                let values = s.values.iter().flatten();
                let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
                let last = s.last().unwrap_or_default();
                format!(
                    "{} between {} and {}, last {}",
                    s.name,
                    self.unit.show(low),
                    self.unit.show(high),
                    self.unit.show(last)
                )
            })
            .collect();
        if parts.is_empty() { "No data in this time range.".into() } else { format!("{}.", parts.join("; ")) }
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
            title: "Latency",
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
            }],
            at_least: 1.0,
            at_most: None,
            zone: TimeZone::UTC,
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
}
