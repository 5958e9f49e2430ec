//! `metrics`: counts and measures events, and tells of them in an event of its own now and then (logstash-filter-metrics 4.0).

mod meter;
mod timer;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use alces_conf::Options;
use alces_event::{Event, FieldRef, Key, Template, Timestamp, Value};
use jiff::SignedDuration;

use crate::{
    common::{Common, template},
    context::{Clock, Context},
    filter::Filter,
    host::host_name,
    ruby,
};
use meter::{MINUTES, Meter};
use timer::{Timer, percentile};

/// A compiled `metrics { … }`.
#[derive(Clone)]
pub(crate) struct Metrics {
    meters: Vec<Template>,
    timers: Vec<(Template, Template)>,
    ignore_older_than: SignedDuration,
    flush_interval: SignedDuration,
    clear_interval: Option<SignedDuration>,
    /// The names of the averages that are asked for; see [`MINUTES`].
    rates: [Option<Key>; 3],
    percentiles: Vec<(Key, f64)>,
    /// One for all workers.
    state: Arc<Mutex<State>>,
    host: Option<String>,
    clock: Clock,
    name: String,
    common: Common,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").field("meters", &self.meters).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct State {
    meters: BTreeMap<Box<str>, Meter>,
    timers: BTreeMap<Box<str>, Timer>,
    flushed: Timestamp,
    cleared: Timestamp,
}

/// The pipeline's own clock may ring a little early.
const SLACK: SignedDuration = SignedDuration::from_millis(500);

const PERCENTILES: [&str; 7] = ["1", "5", "10", "90", "95", "99", "100"];

impl Metrics {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let meters = options.texts("meter").unwrap_or_default();
        let meters = meters.iter().filter_map(|text| template(options, &text.node, &text.span)).collect();
        let timers = timers(options);
        if !options.is_given("meter") && !options.is_given("timer") {
            options.error_here(
                r#"metrics wants `meter => "events"` to count or `timer => { "took" => "%{duration}" }` to measure"#,
            );
        }
        let seconds = |options: &mut Options<'_>, name, least, default| {
            let seconds = options.integer(name, least..=i64::from(u32::MAX)).unwrap_or(default);
            SignedDuration::from_secs(seconds)
        };
        let ignore_older_than = seconds(options, "ignore_older_than", 0, 0);
        let flush_interval = seconds(options, "flush_interval", 0, 5);
        let clear_interval = seconds(options, "clear_interval", -1, -1);
        let now = (context.clock)();
        let state = State { meters: BTreeMap::new(), timers: BTreeMap::new(), flushed: now, cleared: now };
        Some(Box::new(Self {
            meters,
            timers,
            ignore_older_than,
            flush_interval,
            clear_interval: clear_interval.is_positive().then_some(clear_interval),
            rates: rates(options),
            percentiles: percentiles(options),
            state: Arc::new(Mutex::new(state)),
            host: host_name(context),
            clock: context.clock.clone(),
            name: String::new(),
            common,
        }))
    }

    fn event(&self, state: &mut State, now: Timestamp) -> Event {
        let mut event = Event::new(now);
        if let Some(host) = &self.host {
            event.set(&FieldRef::field("message"), host.as_str());
        }
        for (name, meter) in &mut state.meters {
            self.meter(&mut event, name, meter, now);
        }
        for (name, timer) in &mut state.timers {
            self.meter(&mut event, name, &mut timer.meter, now);
            let Some(object) = event.object_mut(&FieldRef::key(Key::new(name))) else { continue };
            for (key, value) in
                [("min", timer.min), ("max", timer.max), ("stddev", timer.deviation()), ("mean", timer.mean)]
            {
                object.set(Key::new(key), Value::Float(value));
            }
            let sorted = timer.sorted();
            for (key, percent) in &self.percentiles {
                object.set(key.clone(), Value::Float(percentile(&sorted, *percent)));
            }
        }
        event
    }

    fn meter(&self, event: &mut Event, name: &str, meter: &mut Meter, now: Timestamp) {
        let Some(object) = event.object_mut(&FieldRef::key(Key::new(name))) else { return };
        object.set(Key::new("count"), Value::Int(i64::try_from(meter.count).unwrap_or(i64::MAX)));
        for (key, rate) in self.rates.iter().zip(meter.rates(now)) {
            if let Some(key) = key {
                object.set(key.clone(), Value::Float(rate));
            }
        }
    }
}

fn timers(options: &mut Options<'_>) -> Vec<(Template, Template)> {
    let mut timers = Vec::new();
    for (name, values) in options.text_lists("timer").unwrap_or_default() {
        for value in values {
            let name = template(options, &name.node, &name.span);
            let value = template(options, &value.node, &value.span);
            timers.extend(name.zip(value));
        }
    }
    timers
}

fn rates(options: &mut Options<'_>) -> [Option<Key>; 3] {
    let keys = MINUTES.map(|minutes| Key::new(&format!("rate_{minutes}m")));
    let Some(asked) = options.texts("rates") else { return keys.map(Some) };
    let mut rates = [const { None }; 3];
    for text in asked {
        match MINUTES.iter().position(|minutes| minutes.to_string() == text.node) {
            Some(at) => rates[at] = Some(keys[at].clone()),
            None => options.error_with_help(
                &text.span,
                format!("there is no rate of {} minutes", text.node),
                "write some of 1, 5 and 15",
            ),
        }
    }
    rates
}

fn percentiles(options: &mut Options<'_>) -> Vec<(Key, f64)> {
    let key = |text: &str| Key::new(&format!("p{text}"));
    match options.texts("percentiles") {
        None => PERCENTILES.iter().filter_map(|text| Some((key(text), text.parse().ok()?))).collect(),
        Some(texts) => texts
            .into_iter()
            .filter_map(|text| match text.node.parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Some((key(&text.node), percent)),
                _ => {
                    options.error(&text.span, format!("`{}` is not a percentile from 0 to 100", text.node));
                    None
                }
            })
            .collect(),
    }
}

impl Filter for Metrics {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let now = (self.clock)();
        if self.ignore_older_than.is_positive()
            && now.duration_since(event.timestamp()) > self.ignore_older_than
        {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for meter in &self.meters {
            self.name.clear();
            meter.render_into(&mut self.name, event);
            match state.meters.get_mut(self.name.as_str()) {
                Some(meter) => meter.mark(now),
                None => {
                    let mut meter = Meter::new(now);
                    meter.mark(now);
                    state.meters.insert(self.name.as_str().into(), meter);
                }
            }
        }
        for (name, value) in &self.timers {
            self.name.clear();
            name.render_into(&mut self.name, event);
            let value = ruby::to_f(&value.render(event));
            match state.timers.get_mut(self.name.as_str()) {
                Some(timer) => timer.update(value, now),
                None => {
                    let mut timer = Timer::new(now);
                    timer.update(value, now);
                    state.timers.insert(self.name.as_str().into(), timer);
                }
            }
        }
    }

    fn flush(&mut self, end: bool, more: &mut Vec<Event>) {
        let now = (self.clock)();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.meters.is_empty() && state.timers.is_empty() {
            return;
        }
        if !end && now.duration_since(state.flushed) + SLACK < self.flush_interval {
            return;
        }
        state.flushed = now;
        let mut event = self.event(&mut state, now);
        // At the end nothing is left for the other workers to tell again.
        if end || self.clear_interval.is_some_and(|clear| now.duration_since(state.cleared) + SLACK >= clear)
        {
            state.cleared = now;
            state.meters.clear();
            state.timers.clear();
        }
        drop(state);
        self.common.apply(&mut event);
        more.push(event);
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_all, check_at, errors};

    /// The events that the filter makes, without the name of the machine.
    fn made(options: &str, events: &[(i64, Option<&str>)]) -> String {
        let conf = format!(
            r#"
            metrics {{ add_tag => "metric" {options} }}
            if "metric" in [tags] {{ mutate {{ remove_field => ["message", "@version"] }} }} else {{ drop {{ }} }}
            "#
        );
        check_at(&conf, events)
    }

    #[test]
    fn events_are_counted_by_name() {
        insta::assert_snapshot!(made(r#"meter => ["http.%{message}", "all"] rates => [1, 15]"#, &[(0, Some("200")), (1, Some("404")), (2, Some("200")), (4, None), (5, None), (6, Some("200")), (10, None)]), @r#"
        {"@timestamp":"1970-01-01T00:00:05.000Z","all":{"count":3,"rate_1m":0.6,"rate_15m":0.6},"http.200":{"count":2,"rate_1m":0.4,"rate_15m":0.4},"http.404":{"count":1,"rate_1m":0.0,"rate_15m":0.0},"tags":["metric"]}
        {"@timestamp":"1970-01-01T00:00:10.000Z","all":{"count":4,"rate_1m":0.5680177658517293,"rate_15m":0.5977839392019587},"http.200":{"count":3,"rate_1m":0.38400888292586466,"rate_15m":0.3988919696009794},"http.404":{"count":1,"rate_1m":0.2,"rate_15m":0.2},"tags":["metric"]}
        "#);
    }

    #[test]
    fn values_are_measured() {
        insta::assert_snapshot!(made(r#"timer => { "took" => "%{message}" } percentiles => [50, 99.9] rates => []"#, &[(0, Some("10")), (1, Some("20.5ms")), (2, Some("x")), (5, None)]), @r#"{"@timestamp":"1970-01-01T00:00:05.000Z","took":{"count":3,"min":0.0,"max":20.5,"stddev":10.251016209787855,"mean":10.166666666666668,"p50":10.0,"p99.9":20.5},"tags":["metric"]}"#);
    }

    #[test]
    fn when_it_tells_and_when_it_forgets() {
        let options = r#"meter => "all" rates => [] flush_interval => 10 clear_interval => 20"#;
        let events = [
            (0, Some("x")),
            (5, None),
            (10, None),
            (12, Some("x")),
            (20, None),
            (25, None),
            (30, None),
            (31, Some("x")),
            (32, None),
        ];
        insta::assert_snapshot!(made(options, &events), @r#"
        {"@timestamp":"1970-01-01T00:00:10.000Z","all":{"count":1},"tags":["metric"]}
        {"@timestamp":"1970-01-01T00:00:20.000Z","all":{"count":2},"tags":["metric"]}
        {"@timestamp":"1970-01-01T00:00:32.000Z","all":{"count":1},"tags":["metric"]}
        "#);
    }

    #[test]
    fn old_events_are_not_counted() {
        let old = r#"date { match => ["message", "UNIX"] } "#;
        let conf = format!(
            r#"{old} metrics {{ meter => "all" rates => [] ignore_older_than => 10 }} mutate {{ remove_field => ["message", "@version"] }}"#
        );
        let out = check_at(&conf, &[(100, Some("100")), (100, Some("90")), (100, Some("89")), (105, None)]);
        assert!(out.ends_with(r#""all":{"count":2}}"#), "{out}");
    }

    #[test]
    fn at_the_end_all_is_told_once() {
        let conf = r#"metrics { meter => "all" rates => [] flush_interval => 600 } mutate { remove_field => ["message", "@version", "@timestamp"] }"#;
        let out = check_all(conf, &["a", "b"]);
        assert_eq!(
            out.lines().last().unwrap(),
            r#"{"@timestamp":"2026-01-02T00:00:00.000Z","all":{"count":2}}"#
        );
        assert_eq!(check_all(conf, &[]), "");
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors("metrics { rates => [1, 2] percentiles => [50, 101] }"), @r#"
        x.conf:1:10: metrics wants `meter => "events"` to count or `timer => { "took" => "%{duration}" }` to measure
          |
        1 | filter { metrics { rates => [1, 2] percentiles => [50, 101] } }
          |          ^^^^^^^
        x.conf:1:33: there is no rate of 2 minutes
          |
        1 | filter { metrics { rates => [1, 2] percentiles => [50, 101] } }
          |                                 ^
          = help: write some of 1, 5 and 15
        x.conf:1:56: `101` is not a percentile from 0 to 100
          |
        1 | filter { metrics { rates => [1, 2] percentiles => [50, 101] } }
          |                                                        ^^^
        "#);
    }
}
