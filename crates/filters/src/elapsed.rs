//! `elapsed`: the time between two events with the same identifier (logstash-filter-elapsed 4.1).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use alces_conf::Options;
use alces_event::{Event, FieldRef, Timestamp, Value, ValueRef};

use crate::{
    common::{Common, field_option},
    context::{Clock, Context},
    filter::Filter,
    host::host_name,
    inspect::{Order, inspect},
};

/// A compiled `elapsed { … }`.
#[derive(Clone)]
pub(crate) struct Elapsed {
    start_tag: String,
    end_tag: String,
    id: FieldRef,
    timeout: i64,
    new_event: bool,
    keep: Keep,
    /// One for all workers: a start and its end may come to different ones.
    started: Arc<Mutex<Started>>,
    host: Option<String>,
    clock: Clock,
    common: Common,
}

impl std::fmt::Debug for Elapsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elapsed").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Of several starts with one identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    First,
    Last,
}

/// What has begun and not ended, by the identifier as Ruby shows it: the number 7 is not the text 7.
#[derive(Debug, Default)]
struct Started {
    tasks: HashMap<String, Task>,
    /// How many there ever were, so that those that expire together come out in their order.
    count: u64,
}

#[derive(Debug)]
struct Task {
    id: Value,
    time: Timestamp,
    /// When the event came here; its own time may be long ago.
    arrived: Timestamp,
    number: u64,
}

const ELAPSED: &str = "elapsed";
const MATCH: &str = "elapsed_match";
const EXPIRED: &str = "elapsed_expired_error";
const NO_START: &str = "elapsed_end_without_start";

const TIME: &str = "elapsed_time";
const START: &str = "elapsed_timestamp_start";
const HOST: &str = "host";

impl Elapsed {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let start_tag = options.text("start_tag");
        let end_tag = options.text("end_tag");
        let id = field_option(options, "unique_id_field");
        for (name, example) in [("start_tag", "begun"), ("end_tag", "done"), ("unique_id_field", "task")] {
            if !options.is_given(name) {
                options.error_here(format!(r#"elapsed wants `{name}`, as in `{name} => "{example}"`"#));
            }
        }
        let timeout = options.integer("timeout", 0..=i64::from(u32::MAX)).unwrap_or(1800);
        let new_event = options.boolean("new_event_on_match").unwrap_or_default();
        let keep = options.choice("keep_start_event", &[("first", Keep::First), ("last", Keep::Last)]);
        Some(Box::new(Self {
            start_tag: start_tag?.node,
            end_tag: end_tag?.node,
            id: id?,
            timeout,
            new_event,
            keep: keep.unwrap_or(Keep::First),
            started: Arc::default(),
            host: host_name(context),
            clock: context.clock.clone(),
            common,
        }))
    }

    fn start(&self, key: String, id: Value, time: Timestamp) {
        let arrived = (self.clock)();
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if self.keep == Keep::First && started.tasks.contains_key(&key) {
            return;
        }
        let number = started.count;
        started.count += 1;
        started.tasks.insert(key, Task { id, time, arrived, number });
    }

    fn end(&self, key: &str) -> Option<Task> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).tasks.remove(key)
    }

    fn expired(&self, now: Timestamp) -> Vec<Task> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let mut expired: Vec<_> = started
            .tasks
            .extract_if(|_, task| age(task, now) >= self.timeout)
            .map(|(_, task)| task)
            .collect();
        expired.sort_unstable_by_key(|task| task.number);
        expired
    }

    /// An event of this filter's own.
    fn new_event(&self) -> Event {
        let mut event = Event::new((self.clock)());
        if let Some(host) = &self.host {
            event.set(&FieldRef::field(HOST), host.as_str());
        }
        event
    }

    fn tell(&self, event: &mut Event, task: Task, tag: &str, time: Value) {
        event.tag(ELAPSED);
        event.tag(tag);
        event.set(&FieldRef::field(TIME), time);
        event.set(&self.id, task.id);
        event.set(&FieldRef::field(START), task.time);
    }
}

fn age(task: &Task, now: Timestamp) -> i64 {
    now.as_second().saturating_sub(task.arrived.as_second())
}

impl Filter for Elapsed {
    fn apply(&mut self, event: &mut Event, more: &mut Vec<Event>) {
        let (starts, ends) = (event.has_tag(&self.start_tag), event.has_tag(&self.end_tag));
        if !(starts || ends) {
            return;
        }
        let Some(id) = event.get(&self.id).filter(|id| *id != ValueRef::Null) else { return };
        let mut key = String::new();
        inspect(&mut key, id, Order::Sorted);
        if starts {
            let id = id.to_value();
            self.common.apply(event);
            self.start(key, id, event.timestamp());
            return;
        }
        self.common.apply(event);
        let Some(task) = self.end(&key) else {
            event.tag(NO_START);
            return;
        };
        let seconds = event.timestamp().duration_since(task.time).as_secs_f64();
        if self.new_event {
            let mut result = self.new_event();
            self.tell(&mut result, task, MATCH, Value::Float(seconds));
            self.common.apply(&mut result);
            more.push(result);
        } else {
            self.tell(event, task, MATCH, Value::Float(seconds));
        }
    }

    fn flush(&mut self, _: bool, more: &mut Vec<Event>) {
        let now = (self.clock)();
        for task in self.expired(now) {
            let mut result = self.new_event();
            let age = age(&task, now);
            self.tell(&mut result, task, EXPIRED, Value::Int(age));
            self.common.apply(&mut result);
            more.push(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_at, errors};

    /// What becomes of `begin 7`, `end 7` and the like at these seconds.
    fn check(options: &str, events: &[(i64, Option<&str>)]) -> String {
        let conf = format!(
            r#"
            dissect {{ mapping => {{ "message" => "%{{what}} %{{id}}" }} }}
            mutate {{ add_tag => "%{{what}}" }}
            mutate {{ remove_field => ["message", "what", "@version"] }}
            elapsed {{ start_tag => begin end_tag => end unique_id_field => id {options} }}
            mutate {{ remove_field => "host" }}
            "#
        );
        check_at(&conf, events)
    }

    #[test]
    fn the_time_from_start_to_end() {
        insta::assert_snapshot!(check(r#"add_field => { "seen" => "yes" }"#, &[(100, Some("begin 7")), (101, Some("begin 8")), (105, Some("other 7")), (130, Some("end 7")), (131, Some("end 9"))]), @r#"
        {"@timestamp":"1970-01-01T00:01:40.000Z","id":"7","tags":["begin"],"seen":"yes"}
        {"@timestamp":"1970-01-01T00:01:41.000Z","id":"8","tags":["begin"],"seen":"yes"}
        {"@timestamp":"1970-01-01T00:01:45.000Z","id":"7","tags":["other"]}
        {"@timestamp":"1970-01-01T00:02:10.000Z","id":"7","tags":["end","elapsed","elapsed_match"],"seen":"yes","elapsed_time":30.0,"elapsed_timestamp_start":"1970-01-01T00:01:40.000Z"}
        {"@timestamp":"1970-01-01T00:02:11.000Z","id":"9","tags":["end","elapsed_end_without_start"],"seen":"yes"}
        "#);
    }

    #[test]
    fn an_event_of_its_own() {
        insta::assert_snapshot!(check("new_event_on_match => true add_tag => xx", &[(100, Some("begin 7")), (130, Some("end 7"))]), @r#"
        {"@timestamp":"1970-01-01T00:01:40.000Z","id":"7","tags":["begin","xx"]}
        {"@timestamp":"1970-01-01T00:02:10.000Z","@version":"1","tags":["elapsed","elapsed_match","xx"],"elapsed_time":30.0,"id":"7","elapsed_timestamp_start":"1970-01-01T00:01:40.000Z"}
        {"@timestamp":"1970-01-01T00:02:10.000Z","id":"7","tags":["end","xx"]}
        "#);
    }

    #[test]
    fn of_two_starts_the_first_or_the_last() {
        let time = |options: &str| {
            let out = check(options, &[(0, Some("begin 7")), (5, Some("begin 7")), (10, Some("end 7"))]);
            out.split_once("elapsed_time\":").unwrap().1[..4].to_owned()
        };
        assert_eq!(time(""), "10.0");
        assert_eq!(time("keep_start_event => last"), "5.0,");
    }

    #[test]
    fn a_start_without_an_end_expires() {
        insta::assert_snapshot!(check("timeout => 60 add_tag => xx", &[(0, Some("begin 7")), (1, Some("begin 8")), (30, Some("end 7")), (60, None), (61, None), (62, None), (63, Some("end 8"))]), @r#"
        {"@timestamp":"1970-01-01T00:00:00.000Z","id":"7","tags":["begin","xx"]}
        {"@timestamp":"1970-01-01T00:00:01.000Z","id":"8","tags":["begin","xx"]}
        {"@timestamp":"1970-01-01T00:00:30.000Z","id":"7","tags":["end","xx","elapsed","elapsed_match"],"elapsed_time":30.0,"elapsed_timestamp_start":"1970-01-01T00:00:00.000Z"}
        {"@timestamp":"1970-01-01T00:01:01.000Z","@version":"1","tags":["elapsed","elapsed_expired_error","xx"],"elapsed_time":60,"id":"8","elapsed_timestamp_start":"1970-01-01T00:00:01.000Z"}
        {"@timestamp":"1970-01-01T00:01:03.000Z","id":"8","tags":["end","xx","elapsed_end_without_start"]}
        "#);
    }

    #[test]
    fn a_number_is_not_its_text() {
        let conf = r#"mutate { add_tag => "%{message}" } if [message] == "b" { mutate { add_field => { "id" => "1" } } mutate { convert => { "id" => "integer" } } } else { mutate { add_field => { "id" => "1" } } } elapsed { start_tag => "b" end_tag => "e" unique_id_field => id }"#;
        assert!(check_at(conf, &[(0, Some("b")), (1, Some("e"))]).contains("elapsed_end_without_start"));
    }

    #[test]
    fn without_an_identifier_nothing_happens() {
        let conf = r#"mutate { add_tag => "b" } elapsed { start_tag => "b" end_tag => "e" unique_id_field => id add_tag => xx timeout => 1 }"#;
        assert!(!check_at(conf, &[(0, Some("b")), (9, None)]).contains(r#""xx""#));
    }

    #[test]
    fn what_is_missing_is_named() {
        insta::assert_snapshot!(errors("elapsed { start_tag => begin }"), @r#"
        x.conf:1:10: elapsed wants `end_tag`, as in `end_tag => "done"`
          |
        1 | filter { elapsed { start_tag => begin } }
          |          ^^^^^^^
        x.conf:1:10: elapsed wants `unique_id_field`, as in `unique_id_field => "task"`
          |
        1 | filter { elapsed { start_tag => begin } }
          |          ^^^^^^^
        "#);
    }
}
