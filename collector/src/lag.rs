//! How late lines are, by host: from the time of an event to its delivery. One event of each batch tells for the others.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use alces_event::{Event, FieldRef, Timestamp, ValueRef};

/// A host that has sent nothing for so long is told no more.
const FORGET: Duration = Duration::from_secs(600);

/// So many hosts are told apart: names come from outside.
const MOST: usize = 1_000;

/// What is said of those beyond, and of events without a host.
const OTHERS: &str = "";

/// A name is longer by mistake.
const LONGEST: usize = 255;

/// An event whose delivery is timed.
#[derive(Debug)]
pub(crate) struct Sample {
    host: String,
    at: Timestamp,
}

impl Sample {
    /// Of an event behind the filters.
    pub(crate) fn of(event: &Event, fields: &Fields) -> Self {
        let text = |field: &FieldRef| match event.get(field) {
            Some(ValueRef::Str(text)) if text.len() <= LONGEST => Some(text.to_owned()),
            _ => None,
        };
        let host = fields.0.iter().find_map(text).unwrap_or_default();
        Self { host, at: event.timestamp() }
    }
}

/// Where the name of a host stands: in ECS, of the syslog input, and before ECS.
#[derive(Clone, Debug)]
pub(crate) struct Fields([FieldRef; 3]);

impl Default for Fields {
    fn default() -> Self {
        let field = |text: &str| FieldRef::parse(text).unwrap_or_else(|_| FieldRef::field("host"));
        Self([field("[host][name]"), field("[host][hostname]"), FieldRef::field("host")])
    }
}

/// Of each host, how late its last sample was and when that was.
#[derive(Debug, Default)]
pub(crate) struct Lags(Mutex<BTreeMap<String, (f64, Instant)>>);

impl Lags {
    /// A sample is delivered.
    pub(crate) fn delivered(&self, sample: Sample, now: Timestamp) {
        let late = now.duration_since(sample.at).as_secs_f64();
        self.note(sample.host, late, Instant::now());
    }

    fn note(&self, host: String, late: f64, at: Instant) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let host = if hosts.contains_key(&host) || hosts.len() < MOST { host } else { OTHERS.to_owned() };
        hosts.insert(host, (late, at));
    }

    /// Seconds, by host. Below 0 where a host's clock is ahead.
    pub(crate) fn all(&self) -> Vec<(String, f64)> {
        self.known(Instant::now())
    }

    fn known(&self, now: Instant) -> Vec<(String, f64)> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, (_, at)| now.saturating_duration_since(*at) < FORGET);
        hosts.iter().map(|(host, (late, _))| (host.clone(), *late)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_in_any_of_its_places() {
        let check = |json: &str| {
            let now = "2026-01-02T00:00:10Z".parse().unwrap();
            let (event, _) = Event::from_json(json.as_bytes(), now).unwrap();
            let lags = Lags::default();
            lags.delivered(Sample::of(&event, &Fields::default()), now);
            format!("{:?}", lags.all())
        };
        let at = r#""@timestamp":"2026-01-02T00:00:08.500Z""#;
        assert_eq!(check(&format!(r#"{{{at},"host":{{"name":"web1"}}}}"#)), r#"[("web1", 1.5)]"#);
        assert_eq!(check(&format!(r#"{{{at},"host":{{"hostname":"web2"}}}}"#)), r#"[("web2", 1.5)]"#);
        assert_eq!(check(&format!(r#"{{{at},"host":"web3"}}"#)), r#"[("web3", 1.5)]"#);
        assert_eq!(check(r#"{"@timestamp":"2026-01-02T00:00:11Z"}"#), r#"[("", -1.0)]"#);
    }

    #[test]
    fn hosts_are_forgotten_and_do_not_fill_the_memory() {
        let (lags, start) = (Lags::default(), Instant::now());
        (0..MOST + 5).for_each(|n| lags.note(format!("h{n}"), n as f64, start));
        let known = lags.known(start);
        assert_eq!(known.len(), MOST + 1);
        assert_eq!(known[0], (String::new(), (MOST + 4) as f64));
        lags.note("h1".to_owned(), 1.0, start + FORGET);
        assert_eq!(lags.known(start + FORGET), [("h1".to_owned(), 1.0)]);
    }
}
