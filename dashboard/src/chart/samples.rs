//! Drawings of every kind with made-up figures, always the same: for tests, the bench and the gallery.

use jiff::tz::TimeZone;

use super::{
    BarSpec, ChartSpec, Dash, Drawing, HeatSpec, Kind, Limit, MapSpec, Mark, Paint, PieSpec, Row, Series,
    Unit,
};

/// 23 November 2026, 10:00 UTC.
const BEGIN: i64 = 1_795_428_000_000;
const STEP: i64 = 60_000;

/// All kinds by name, the ones over time with `buckets` buckets of a minute.
pub(crate) fn all(buckets: usize) -> Vec<(&'static str, Drawing)> {
    vec![
        ("lines", lines(buckets).into()),
        ("area", area(buckets).into()),
        ("stacked", stacked(buckets).into()),
        ("band", band(buckets).into()),
        ("heat", Drawing::Heat(heat(buckets))),
        ("bars", Drawing::Bars(bars())),
        ("pie", Drawing::Pie(pie())),
        ("map", Drawing::Map(map())),
    ]
}

/// Noise from 0 to 1 that is the same each time.
fn noise(i: usize, salt: u64) -> f64 {
    let mut x = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt.wrapping_mul(0xD1B5_4A32_D192_ED03);
    x ^= x >> 31;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^= x >> 29;
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// A wave with noise, from about `low` to `high`.
fn wave(buckets: usize, low: f64, high: f64, salt: u64) -> Vec<Option<f64>> {
    let value = |i: usize| {
        let turn = i as f64 / buckets.max(1) as f64 * 9.0 + salt as f64;
        low + (high - low) * (0.35 + 0.3 * turn.sin() + 0.35 * noise(i, salt))
    };
    (0..buckets).map(|i| Some(value(i).max(0.0))).collect()
}

fn time(title: &str, unit: Unit, kind: Kind, buckets: usize) -> ChartSpec {
    ChartSpec {
        title: title.into(),
        unit,
        kind,
        from: BEGIN,
        to: BEGIN + buckets as i64 * STEP,
        step: STEP,
        times: (0..buckets as i64).map(|i| BEGIN + i * STEP).collect(),
        ..ChartSpec::default()
    }
}

/// Hosts with a gap, a limit and lateness.
pub(crate) fn lines(buckets: usize) -> ChartSpec {
    let mut spec = time("CPU of the three busiest hosts", Unit::Percent, Kind::Lines, buckets);
    let host = |i: usize, name: &str, low, high| {
        let (paint, dash) = Paint::nth(i);
        Series {
            name: name.into(),
            paint,
            dash,
            values: wave(buckets, low, high, i as u64 + 1),
            ghost: false,
        }
    };
    spec.series =
        vec![host(0, "web-1", 30.0, 70.0), host(1, "web-2", 25.0, 66.0), host(2, "db-1", 55.0, 95.0)];
    let late = buckets * 9 / 10;
    for series in &mut spec.series {
        series.values[late..].fill(None);
    }
    spec.series[0].values[buckets / 3..buckets / 3 + buckets / 12].fill(None);
    spec.late_from = Some(BEGIN + late as i64 * STEP);
    spec.limit = Some(Limit { value: 90.0, label: "alert above 90 %".into() });
    spec.at_most = Some(100.0);
    spec.at_least = 100.0;
    spec
}

/// Traffic against the period before.
pub(crate) fn area(buckets: usize) -> ChartSpec {
    let mut spec = time("Network", Unit::BytesPerSecond, Kind::Area, buckets);
    spec.series = vec![
        Series::ghost("day before", Paint::Blue, wave(buckets, 1.2e6, 3.9e6, 9)),
        Series::solid("in", Paint::Blue, wave(buckets, 1.5e6, 4.2e6, 3)),
        Series { dash: Dash::Dashed, ..Series::solid("out", Paint::Orange, wave(buckets, 2e5, 9e5, 5)) },
    ];
    spec
}

/// Requests by status, with deployments.
pub(crate) fn stacked(buckets: usize) -> ChartSpec {
    let mut spec = time("Requests per second", Unit::RequestsPerSecond, Kind::Stacked, buckets);
    spec.series = vec![
        Series::solid("2xx", Paint::Green, wave(buckets, 40.0, 90.0, 1)),
        Series::solid("3xx", Paint::Sky, wave(buckets, 8.0, 20.0, 2)),
        Series::solid("4xx", Paint::Orange, wave(buckets, 2.0, 12.0, 3)),
        Series::solid("5xx", Paint::Vermillion, wave(buckets, 0.0, 5.0, 4)),
        Series::ghost("day before", Paint::Text, wave(buckets, 60.0, 110.0, 8)),
    ];
    let at = |part: usize| BEGIN + (buckets * part / 20) as i64 * STEP;
    spec.marks = vec![
        Mark { at: at(5), label: "web 2026.47.1".into() },
        Mark { at: at(6), label: "web 2026.47.2".into() },
        Mark { at: at(13), label: "api 3.9.0".into() },
    ];
    spec
}

/// Percentiles.
pub(crate) fn band(buckets: usize) -> ChartSpec {
    let mut spec = time("Latency", Unit::Millis, Kind::Band, buckets);
    spec.series = vec![
        Series::solid("p50", Paint::Sky, wave(buckets, 40.0, 80.0, 1)),
        Series::solid("p95", Paint::Blue, wave(buckets, 160.0, 300.0, 2)),
        Series { dash: Dash::Dotted, ..Series::solid("p99", Paint::Purple, wave(buckets, 400.0, 900.0, 3)) },
    ];
    spec.limit = Some(Limit { value: 500.0, label: "objective 500 ms".into() });
    spec
}

/// Latencies in half powers of two from 1 ms to 8 s, with a gap.
pub(crate) fn heat(buckets: usize) -> HeatSpec {
    let mut bounds = vec![0.0];
    bounds.extend((0..=26).map(|i| 2f64.powf(f64::from(i) / 2.0)));
    bounds.push(f64::INFINITY);
    let gap = buckets / 2..buckets / 2 + buckets / 15;
    let cell = |t: usize, b: usize| {
        if gap.contains(&t) {
            return None;
        }
        let middle = 11.0 + 2.0 * (t as f64 / buckets.max(1) as f64 * 7.0).sin();
        let near = (-((b as f64 - middle) / 2.6).powi(2)).exp();
        let slow = 0.02 * (-((b as f64 - 22.0) / 1.5).powi(2)).exp();
        Some(((near + slow) * 900.0 * noise(t * 31 + b, 7)) as u64)
    };
    let counts = (0..buckets).map(|t| (0..bounds.len() - 1).map(|b| cell(t, b)).collect()).collect();
    let ChartSpec { from, to, step, times, .. } = time("", Unit::Millis, Kind::Lines, buckets);
    HeatSpec {
        title: "Latency, all requests".into(),
        unit: Unit::Millis,
        from,
        to,
        step,
        times,
        bounds,
        counts,
        zone: TimeZone::UTC,
    }
}

/// URLs.
pub(crate) fn bars() -> BarSpec {
    let row = |label: &str, value: f64, note: &str| Row { note: Some(note.into()), ..Row::new(label, value) };
    BarSpec {
        title: "Most requested".into(),
        unit: Unit::Count,
        rows: vec![
            row("/api/v1/tickets", 48_210.0, "41 %"),
            row("/api/v1/tickets/{id}/comments", 30_055.0, "26 %"),
            row("/login", 12_480.0, "11 %"),
            row("/assets/application-4f2c8d0e91b7.js", 9_930.0, "8 %"),
            row("/healthz", 8_640.0, "7 %"),
            row("/search", 4_210.0, "4 %"),
            row("/", 950.0, "0.8 %"),
        ],
    }
}

/// Browsers, two more than have a slice.
pub(crate) fn pie() -> PieSpec {
    let rows = [
        ("Chrome", 61_200.0),
        ("Firefox", 18_400.0),
        ("Safari", 15_100.0),
        ("Edge", 9_700.0),
        ("Samsung Internet", 3_100.0),
        ("Opera", 1_900.0),
        ("curl", 420.0),
        ("unknown", 60.0),
    ];
    PieSpec {
        title: "Browsers".into(),
        unit: Unit::Count,
        rows: rows.map(|(name, value)| Row::new(name, value)).to_vec(),
    }
}

/// Where requests come from: large and small countries, and one that is none.
pub(crate) fn map() -> MapSpec {
    let values = [
        ("FR", 48_000.0),
        ("DE", 21_000.0),
        ("GB", 9_400.0),
        ("US", 17_500.0),
        ("CA", 2_100.0),
        ("BR", 900.0),
        ("RU", 120.0),
        ("IN", 3_300.0),
        ("JP", 640.0),
        ("AU", 210.0),
        ("ZA", 75.0),
        ("SG", 1_400.0),
        ("MT", 30.0),
        ("MA", 4_800.0),
        ("CN", 12.0),
        ("EU", 5.0),
    ];
    MapSpec {
        title: "Requests by country".into(),
        unit: Unit::Count,
        values: values.map(|(code, value)| (code.to_owned(), value)).to_vec(),
    }
}
