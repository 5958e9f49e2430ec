//! From what the page knows to its charts.

use crate::chart::{ChartSpec, Dash, Kind, Paint, Series, Unit};
use crate::overview::Overview;
use crate::overview::model::{Bucket, Host, Latency};
use crate::range::Range;

fn blank(title: &'static str, unit: Unit, range: &Range, at_least: f64) -> ChartSpec {
    ChartSpec {
        title: title.into(),
        unit,
        kind: Kind::Lines,
        from: range.from,
        to: range.to,
        step: range.step(),
        times: range.buckets(),
        at_least,
        zone: range.zone.clone(),
        ..ChartSpec::default()
    }
}

/// One value a bucket, a gap where nothing is known.
fn each(overview: &Overview, value: impl Fn(&Bucket) -> Option<f64>) -> Vec<Option<f64>> {
    overview.series.iter().map(|b| if b.known { value(b) } else { None }).collect()
}

/// Requests a second, by class of status.
pub(crate) fn requests(overview: &Overview, range: &Range) -> ChartSpec {
    let rate = |count: fn(&Bucket) -> u64| each(overview, |b| Some(count(b) as f64 / b.seconds.max(0.001)));
    let mut spec = blank("Requests per second", Unit::RequestsPerSecond, range, 0.01);
    spec.kind = Kind::Stacked;
    spec.series = vec![
        Series::solid("2xx", Paint::Green, rate(|b| b.totals.by_class.c2)),
        Series::solid("3xx", Paint::Sky, rate(|b| b.totals.by_class.c3)),
        Series::solid("4xx", Paint::Orange, rate(|b| b.totals.by_class.c4)),
        Series::solid("5xx", Paint::Vermillion, rate(|b| b.totals.by_class.c5)),
    ];
    spec
}

/// Shares of 5xx and 4xx, each on its own.
pub(crate) fn error_rate(overview: &Overview, range: &Range) -> ChartSpec {
    let mut spec = blank("Error rate", Unit::Percent, range, 1.0);
    spec.at_most = Some(100.0);
    let percent = |share: fn(&Bucket) -> Option<f64>| each(overview, |b| share(b).map(|s| s * 100.0));
    spec.series = vec![
        Series {
            name: "4xx".into(),
            paint: Paint::Orange,
            dash: Dash::Dashed,
            values: percent(|b| b.totals.error_rate_4xx),
            ghost: false,
        },
        Series::solid("5xx", Paint::Vermillion, percent(|b| b.totals.error_rate_5xx)),
    ];
    spec
}

/// Percentiles of the request time, and the application's own part of it.
pub(crate) fn latency(overview: &Overview, range: &Range) -> ChartSpec {
    let of = |pick: fn(Latency) -> f64| each(overview, |b| b.totals.latency.map(pick));
    let mut spec = blank("Latency", Unit::Millis, range, 1.0);
    spec.series = vec![
        Series::solid("p50", Paint::Sky, of(|l| l.p50)),
        Series::solid("p95", Paint::Blue, of(|l| l.p95)),
        Series { dash: Dash::Dotted, ..Series::solid("p99", Paint::Purple, of(|l| l.p99)) },
    ];
    let upstream = Series {
        name: "upstream p95".into(),
        paint: Paint::Orange,
        dash: Dash::Dashed,
        values: each(overview, |b| b.totals.upstream_p95),
        ghost: false,
    };
    if !upstream.is_empty() {
        spec.series.push(upstream);
    }
    spec
}

/// The four charts of hosts: id and chart.
pub(crate) fn hosts(hosts: &[Host], range: &Range) -> [(&'static str, ChartSpec); 4] {
    let share = |title, pick: fn(&Host) -> &Vec<Option<f64>>| {
        let mut spec = blank(title, Unit::Percent, range, 100.0);
        spec.at_most = Some(100.0);
        spec.series = lines(hosts, |h| pick(h).iter().map(|v| v.map(|v| v * 100.0)).collect());
        spec
    };
    [
        ("cpu", share("CPU", |h| &h.cpu)),
        ("memory", share("Memory", |h| &h.memory)),
        ("disk", share("Disk, fullest file system", |h| &h.disk)),
        ("network", network(hosts, range)),
    ]
}

/// Bytes a second: with one host in and out as two lines, with several their sum.
fn network(hosts: &[Host], range: &Range) -> ChartSpec {
    let mut spec = blank("Network", Unit::BytesPerSecond, range, 1000.0);
    spec.series = match hosts {
        [one] => vec![
            Series::solid("in", Paint::Blue, one.net_in.clone()),
            Series {
                name: "out".into(),
                paint: Paint::Orange,
                dash: Dash::Dashed,
                values: one.net_out.clone(),
                ghost: false,
            },
        ],
        many => lines(many, |h| {
            h.net_in
                .iter()
                .zip(&h.net_out)
                .map(|(i, o)| match (i, o) {
                    (None, None) => None,
                    (i, o) => Some(i.unwrap_or(0.0) + o.unwrap_or(0.0)),
                })
                .collect()
        }),
    };
    if hosts.len() > 1 {
        spec.title = "Network, in + out".into();
    }
    spec
}

fn lines(hosts: &[Host], values: impl Fn(&Host) -> Vec<Option<f64>>) -> Vec<Series> {
    let line = |(i, host): (usize, &Host)| {
        let (paint, dash) = Paint::nth(i);
        Series { name: host.name.clone(), paint, dash, values: values(host), ghost: false }
    };
    hosts.iter().enumerate().map(line).filter(|s| !s.is_empty()).collect()
}
