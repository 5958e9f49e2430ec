//! Whose turn it is, of several collectors. The clock is passed in.

use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A collector that failed is left alone for this long, doubled with each further failure …
const FIRST: Duration = Duration::from_millis(250);

/// … up to this.
const LAST: Duration = Duration::from_secs(30);

/// Collectors in a ring.
#[derive(Debug)]
pub(crate) struct Hosts {
    hosts: Vec<Host>,
    /// Whose turn it is.
    at: usize,
    seed: u64,
}

#[derive(Debug)]
struct Host {
    address: String,
    failures: u32,
    /// Left alone until then.
    until: Option<Instant>,
}

impl Hosts {
    /// `seed` chooses where to begin, and spreads the agents of a fleet in time: it should differ between them.
    pub(crate) fn new(addresses: &[String], seed: u64) -> Self {
        let host = |address: &String| Host { address: address.clone(), failures: 0, until: None };
        let len = addresses.len().max(1) as u64;
        Self { hosts: addresses.iter().map(host).collect(), at: (seed % len) as usize, seed }
    }

    /// The collector to try next and how long to wait before. A collector that may be tried now goes before those that may not.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(&str, Duration)> {
        let wait =
            |host: &Host| host.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let ring = (self.at..self.hosts.len()).chain(0..self.at);
        self.at = ring.min_by_key(|at| self.hosts.get(*at).map(wait))?;
        self.hosts.get(self.at).map(|host| (host.address.as_str(), wait(host)))
    }

    /// The collector did not answer, or was lost: it is the next one's turn.
    pub(crate) fn failed(&mut self, now: Instant) {
        let Some(host) = self.hosts.get_mut(self.at) else { return };
        host.failures = host.failures.saturating_add(1);
        host.until = Some(now + back_off(host.failures, &host.address, self.seed));
        self.at = (self.at + 1) % self.hosts.len();
    }

    /// The collector acknowledged something.
    pub(crate) fn worked(&mut self) {
        if let Some(host) = self.hosts.get_mut(self.at) {
            host.failures = 0;
            host.until = None;
        }
    }
}

/// With up to a quarter more, so that a fleet does not come back in one moment. The spread needs to differ between agents and attempts,
/// not to be unpredictable.
fn back_off(failures: u32, address: &str, seed: u64) -> Duration {
    let base = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LAST);
    let spread = xxh3_64_with_seed(address.as_bytes(), seed ^ u64::from(failures)) % 256;
    base + base * spread as u32 / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(count: usize, seed: u64) -> Hosts {
        let addresses: Vec<_> = (0..count).map(|at| format!("host{at}:5044")).collect();
        Hosts::new(&addresses, seed)
    }

    /// What is tried, in turn, when everything fails: the host and the wait before in ms, without the spread.
    fn tried(mut hosts: Hosts, times: usize) -> Vec<String> {
        let mut now = Instant::now();
        let mut out = Vec::new();
        for _ in 0..times {
            let (address, wait) = hosts.next(now).map(|(a, w)| (a.to_owned(), w)).unwrap();
            let exact = (0..).map(|n| FIRST * 2_u32.pow(n)).map(|d| d.min(LAST));
            let base = exact.take(9).filter(|d| *d <= wait).last().unwrap_or_default();
            out.push(format!("{address} {}", base.as_millis()));
            now += wait;
            hosts.failed(now);
        }
        out
    }

    #[test]
    fn one_host_is_left_alone_longer_and_longer() {
        let waits = tried(hosts(1, 7), 10).join(", ").replace("host0:5044 ", "");
        insta::assert_snapshot!(waits, @"0, 250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000");
    }

    #[test]
    fn the_next_host_is_tried_at_once_and_the_seed_says_who_is_first() {
        insta::assert_snapshot!(tried(hosts(3, 4), 4).join(", "), @"host1:5044 0, host2:5044 0, host0:5044 0, host1:5044 250");
    }

    #[test]
    fn a_host_that_works_keeps_its_turn_and_begins_anew() {
        let (mut hosts, now) = (hosts(2, 0), Instant::now());
        hosts.failed(now);
        assert_eq!(hosts.next(now), Some(("host1:5044", Duration::ZERO)));
        hosts.worked();
        assert_eq!(hosts.next(now), Some(("host1:5044", Duration::ZERO)));
        hosts.failed(now);
        let (address, wait) = hosts.next(now).unwrap();
        assert!(wait >= FIRST && wait <= FIRST * 5 / 4, "{address} {wait:?}");
        assert!(Hosts::new(&[], 1).next(now).is_none());
    }
}
