//! `throttle`: events are counted by key and period; those below or above a count are marked (logstash-filter-throttle 4.0).
//! Time is the events' own.

mod counters;

use std::sync::{Arc, Mutex, PoisonError};

use alces_conf::Options;
use alces_event::{Event, Template};

use crate::{
    common::{Common, template},
    context::Context,
    filter::Filter,
};
use counters::Counters;

/// A compiled `throttle { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Throttle {
    key: Template,
    period: Period,
    before: Option<u64>,
    after: Option<u64>,
    /// One for all workers.
    counters: Arc<Mutex<Counters>>,
    text: String,
    common: Common,
}

#[derive(Clone, Debug)]
enum Period {
    Fixed(i64),
    PerEvent(Template),
}

/// Logstash's, where nothing is given or what is given is no number.
const DEFAULT_PERIOD: i64 = 60;

impl Throttle {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let key = options.text("key").and_then(|text| template(options, &text.node, &text.span));
        if !options.is_given("key") {
            options.error_here(r#"throttle wants `key => "%{[host][name]}"`, by which events are counted"#);
        }
        let before = count(options, "before_count");
        let after = count(options, "after_count");
        let period = match options.text("period") {
            None => Period::Fixed(DEFAULT_PERIOD),
            Some(text) => {
                let template = template(options, &text.node, &text.span)?;
                match template.as_literal() {
                    None => Period::PerEvent(template),
                    Some(literal) => match literal.parse() {
                        Ok(period @ 1..) => Period::Fixed(period),
                        _ => {
                            options.error_with_help(
                                &text.span,
                                format!("`{literal}` is not a period"),
                                "write seconds, or a field that holds them, as in `%{period}`",
                            );
                            return None;
                        }
                    },
                }
            }
        };
        let max_age = options.integer("max_age", 0..=i64::from(u32::MAX)).unwrap_or(3600);
        let max_counters = options.integer("max_counters", -1..=i64::MAX).unwrap_or(100_000);
        let counters = Counters::new(max_age, usize::try_from(max_counters).ok());
        let counters = Arc::new(Mutex::new(counters));
        Some(Box::new(Self { key: key?, period, before, after, counters, text: String::new(), common }))
    }
}

/// A bound; -1 is none.
fn count(options: &mut Options<'_>, name: &'static str) -> Option<u64> {
    options.integer(name, -1..=i64::MAX).and_then(|count| u64::try_from(count).ok())
}

/// Ruby's `to_i`: the digits that the text begins with.
fn seconds(text: &str) -> i64 {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)
        .and_then(|digits| digits.parse().ok())
        .filter(|period| *period > 0)
        .unwrap_or(DEFAULT_PERIOD)
}

impl Filter for Throttle {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let period = match &self.period {
            Period::Fixed(period) => *period,
            Period::PerEvent(template) => seconds(&template.render(event)),
        };
        self.text.clear();
        self.key.render_into(&mut self.text, event);
        let second = event.timestamp().as_second();
        let count =
            self.counters.lock().unwrap_or_else(PoisonError::into_inner).count(&self.text, second, period);
        if self.before.is_some_and(|before| count < before) || self.after.is_some_and(|after| count > after) {
            self.common.apply(event);
        }
    }

    fn flush(&mut self, end: bool, _: &mut Vec<Event>) {
        if !end {
            self.counters.lock().unwrap_or_else(PoisonError::into_inner).tidy();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{check_at, check_json, errors};

    /// Which of events at these seconds are throttled, two workers taking turns.
    fn throttled(options: &str, events: &[(i64, &str)]) -> String {
        let conf = format!(r#"throttle {{ key => "%{{message}}" add_tag => "t" {options} }}"#);
        let events: Vec<_> = events.iter().map(|(at, key)| (*at, Some(*key))).collect();
        check_at(&conf, &events)
            .lines()
            .map(|line| if line.contains(r#""tags":["t"]"#) { 't' } else { '-' })
            .collect()
    }

    #[test]
    fn below_and_above_a_count() {
        let five: Vec<_> = (0..7).map(|at| (at, "a")).collect();
        assert_eq!(throttled("before_count => 3 after_count => 5", &five), "tt---tt");
        assert_eq!(throttled("before_count => -1 after_count => 1", &five), "-tttttt");
        assert_eq!(throttled("before_count => 3", &five), "tt-----");
        assert_eq!(throttled("", &five), "-------");
    }

    #[test]
    fn each_key_and_each_period_is_counted_by_itself() {
        let events = [(0, "a"), (1, "b"), (2, "a"), (59, "a"), (60, "a"), (61, "b"), (62, "a")];
        assert_eq!(throttled("after_count => 1", &events), "--tt--t");
        assert_eq!(throttled("after_count => 1 period => 3600", &events), "--ttttt");
    }

    #[test]
    fn late_events_count_in_their_own_period() {
        let events = [(600, "a"), (605, "a"), (1210, "a"), (606, "a"), (1211, "a"), (599, "a")];
        assert_eq!(throttled("after_count => 1 period => 600", &events), "-t-tt-");
        // Past the greatest age they are forgotten.
        assert_eq!(throttled("after_count => 1 period => 600 max_age => 10", &events), "-t--t-");
    }

    #[test]
    fn the_period_of_an_event() {
        assert_eq!(seconds("10"), 10);
        assert_eq!(seconds(" 10.5 s"), 10);
        for text in ["", "x", "0", "-5", "%{period}", "99999999999999999999"] {
            assert_eq!(seconds(text), 60, "{text}");
        }
        let conf = r#"throttle { key => "k" period => "%{p}" before_count => 2 add_tag => "t" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"p":5}"#), @r#"{"p":5,"tags":["t"]}"#);
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors("throttle { period => soon }"), @r#"
        x.conf:1:10: throttle wants `key => "%{[host][name]}"`, by which events are counted
          |
        1 | filter { throttle { period => soon } }
          |          ^^^^^^^^
        x.conf:1:31: `soon` is not a period
          |
        1 | filter { throttle { period => soon } }
          |                               ^^^^
          = help: write seconds, or a field that holds them, as in `%{period}`
        "#);
    }
}
