//! The sample's requests at other times, and with response times.

use std::{
    io::{BufRead as _, BufReader},
    time::Duration,
};

use anyhow::Context as _;
use flate2::read::GzDecoder;
use jiff::{Timestamp, tz::TimeZone};

/// 10,000 real requests; see `data/SOURCES.md`.
const SAMPLE: &[u8] = include_bytes!("../data/apache_access_10k.log.gz");

/// The sample's lines, and where in them the replay is.
pub(crate) struct Replay {
    lines: Vec<String>,
    next: usize,
    random: Random,
}

impl Replay {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let lines = BufReader::new(GzDecoder::new(SAMPLE)).lines().collect::<Result<_, _>>();
        Ok(Self {
            lines: lines.context("the built-in sample cannot be read")?,
            next: 0,
            random: Random(0x5EED),
        })
    }

    /// All lines, spread over `past` before `now`. The sample has its requests of each hour within one minute; here each of
    /// its hours takes an equal part of the time and its requests are spread over that, so that the hours' real ups and
    /// downs show.
    pub(crate) fn past(&mut self, now: Timestamp, past: Duration) -> impl Iterator<Item = String> {
        let hours: Vec<&str> = self.lines.iter().map(|line| hour(line).unwrap_or_default()).collect();
        let mut starts: Vec<usize> = (0..hours.len())
            .filter(|at| *at == 0 || (hours[*at] != hours[at - 1] && !hours[*at].is_empty()))
            .collect();
        starts.push(hours.len());
        let parts = starts.len() - 1;
        let mut shares = Vec::with_capacity(hours.len());
        for (part, bounds) in starts.windows(2).enumerate() {
            let count = bounds[1] - bounds[0];
            shares
                .extend((0..count).map(|at| (part as f64 + (at as f64 + 0.5) / count as f64) / parts as f64));
        }
        let start = now - past;
        let times = shares.into_iter().map(move |share| start + past.mul_f64(share));
        let lines = std::mem::take(&mut self.lines);
        let mut random = Random(self.random.next());
        let moved: Vec<String> =
            lines.iter().zip(times).map(|(line, time)| rewrite(line, time, &mut random)).collect();
        self.lines = lines;
        moved.into_iter()
    }

    /// The next line, as if it were of `now`; after the last comes the first.
    pub(crate) fn next_line(&mut self, now: Timestamp) -> String {
        let line = rewrite(&self.lines[self.next % self.lines.len()], now, &mut self.random);
        self.next += 1;
        line
    }

    /// How long to wait for the next line: two a second on average, in no even beat.
    pub(crate) fn pause(&mut self) -> Duration {
        let wait = -self.random.unit().max(1e-3).ln() / 2.0;
        Duration::from_secs_f64(wait.min(3.0))
    }
}

/// `17/May/2015:10` of a line.
fn hour(line: &str) -> Option<&str> {
    let at = line.find('[')? + 1;
    line.get(at..at + 14)
}

/// The line at another time, with the two times that `deploy/nginx/log_format.conf` adds. The sample has none: these are
/// made up, the same ones on every run, with a long tail as real ones have.
fn rewrite(line: &str, time: Timestamp, random: &mut Random) -> String {
    let stamp = time.to_zoned(TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
    let (Some(open), Some(close)) = (line.find('['), line.find(']')) else { return line.to_owned() };
    let (head, tail) = (&line[..=open], &line[close..]);
    if !line.ends_with('"') {
        // The one line that is cut off in the sample stays so: the demo shows what becomes of such a line.
        return format!("{head}{stamp}{tail}");
    }
    let path = tail.split(' ').nth(2).unwrap_or_default();
    let is_file = [".png", ".jpg", ".css", ".js", ".ico", ".gif", ".svg", ".woff", ".txt", ".pdf"];
    let served = path.split('?').next().is_some_and(|p| is_file.iter().any(|end| p.ends_with(end)));
    if served {
        let seconds = 0.0015 * random.long_tail(0.7);
        return format!("{head}{stamp}{tail} rt={seconds:.3} uct=\"-\" urt=\"-\"");
    }
    let upstream = 0.060 * random.long_tail(0.8);
    let connect = 0.0008 * random.long_tail(0.4);
    // The client's link takes its own time.
    let seconds = upstream + connect + 0.004 * random.long_tail(0.9);
    format!("{head}{stamp}{tail} rt={seconds:.3} uct=\"{connect:.3}\" urt=\"{upstream:.3}\"")
}

/// A small generator (SplitMix64, Steele et al. 2014): the demo must look the same on every run, nothing here is secret.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Log-normal around 1: the sum of twelve uniform numbers is as good as normal.
    fn long_tail(&mut self, sigma: f64) -> f64 {
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        (sigma * normal).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_lines_in_order_within_the_time() {
        let now: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        let mut replay = Replay::new().unwrap();
        let lines: Vec<String> = replay.past(now, Duration::from_secs(7200)).collect();
        assert_eq!(lines.len(), 10_000);
        assert!(lines[0].contains("[02/Jan/2026:10:00:0"), "{}", lines[0]);
        assert!(lines[9_999].contains("[02/Jan/2026:11:59:"), "{}", lines[9_999]);
        assert_eq!(
            lines.iter().filter(|line| !line.contains(" rt=")).count(),
            1,
            "the line that is cut off stays so"
        );
        let again: Vec<String> = Replay::new().unwrap().past(now, Duration::from_secs(7200)).collect();
        assert_eq!(lines, again);
    }
}
