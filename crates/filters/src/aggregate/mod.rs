//! `aggregate`: what several events tell of one task is gathered in a map (logstash-filter-aggregate 2.10).
//!
//! The scripts are in the small Ruby of [`crate::rubycode`]. Maps are shared between workers, and between all filters of a pipeline
//! with the same `task_id`. As in Logstash the events of a task must come in their order, and several workers do not keep it: their
//! maps are safe, the order in which they grow is not.
//!
//! Other than in Logstash: maps are not stored when the pipeline stops (`aggregate_maps_path`); there is no `map_meta`, with which a
//! script sets timeouts of its own; and a filter without timeouts of its own lets tasks expire after 30 minutes, whatever other
//! `task_id`s have.

mod tasks;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use alces_conf::{Diagnostic, Options};
use alces_event::{Event, FieldRef, Key, Template, Timestamp, ValueRef, parse_timestamp};
use jiff::SignedDuration;

use crate::{
    common::{Common, field_option, template},
    context::{Clock, Context},
    filter::Filter,
    rubycode::{Instance, Script, V, empty_hash, script},
};
use tasks::{Moment, Task, Tasks};

pub(crate) use tasks::Shared;

/// A compiled `aggregate { … }`.
#[derive(Clone)]
pub(crate) struct Aggregate {
    task_id: Template,
    written_id: String,
    code: Script,
    action: Action,
    end_of_task: bool,
    timeouts: Timeouts,
    tasks: Arc<Mutex<Tasks>>,
    /// Tells the filters of a pipeline apart; the same for all workers.
    number: usize,
    twice: Diagnostic,
    instance: Instance,
    clock: Clock,
    common: Common,
}

/// When tasks expire, and what becomes of their maps.
#[derive(Clone)]
struct Timeouts {
    given: bool,
    timeout: SignedDuration,
    inactivity: SignedDuration,
    code: Option<Script>,
    push: bool,
    push_previous: bool,
    id_field: Option<FieldRef>,
    time_field: Option<FieldRef>,
    tags: Vec<Template>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Create,
    Update,
    Either,
}

const DEFAULT_TIMEOUT: i64 = 1800;
const FAILED: &str = "_aggregateexception";
const AT_THE_END: &str = "_aggregatefinalflush";

static FILTERS: AtomicUsize = AtomicUsize::new(0);

impl std::fmt::Debug for Aggregate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aggregate").field("task_id", &self.written_id).finish_non_exhaustive()
    }
}

impl Aggregate {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        options.unsupported(
            "aggregate_maps_path",
            "maps are not stored: let tasks end, or push their maps with `timeout`",
        );
        options.differs(
            "code",
            "it is in a small part of Ruby; what is not supported is an error when the pipeline starts",
        );
        options.differs("timeout_code", "it is in a small part of Ruby");
        let id = options.text("task_id");
        if !options.is_given("task_id") {
            options.error_here(r#"aggregate wants `task_id => "%{id}"`, which tells tasks apart"#);
        }
        if let Some(id) = id.as_ref().filter(|id| !id.node.contains("%{")) {
            options.error_with_help(
                &id.span,
                "`task_id` is the same for all events",
                "write a field of the event, as in `%{id}`",
            );
        }
        let task_id = id.as_ref().and_then(|id| template(options, &id.node, &id.span));
        let code = options.text("code");
        if code.is_none() && !options.is_given("code") {
            options.error_here(r#"aggregate wants `code => "map['count'] ||= 0; map['count'] += 1"`"#);
        }
        let code = code.and_then(|code| script(options, &code, &["event", "map"]));
        let actions =
            [("create", Action::Create), ("update", Action::Update), ("create_or_update", Action::Either)];
        let action = options.choice("map_action", &actions).unwrap_or(Action::Either);
        let end_of_task = options.boolean("end_of_task").unwrap_or(false);
        let timeouts = Timeouts::read(options);
        let span = options.plugin_span();
        let twice = options
            .source()
            .error(&span, "another aggregate with this `task_id` has options of timeouts already")
            .with_help(
                "one filter has them for all with that `task_id`: `timeout`, `inactivity_timeout`, `timeout_code`, \
                 `push_map_as_event_on_timeout`, `push_previous_map_as_event`, `timeout_timestamp_field`, \
                 `timeout_task_id_field`, `timeout_tags`",
            );
        Some(Box::new(Self {
            task_id: task_id?,
            written_id: id?.node,
            code: code?,
            action,
            end_of_task,
            timeouts,
            tasks: Arc::default(),
            number: FILTERS.fetch_add(1, Ordering::Relaxed),
            twice,
            instance: Instance::default(),
            clock: context.clock.clone(),
            common,
        }))
    }

    /// An event made of a map.
    fn event(&self, map: &V, id: &str) -> Event {
        let mut event = Event::new((self.clock)());
        let failed = match map.to_event() {
            Ok(value) => {
                if let ValueRef::Object(object) = value.view_alone() {
                    object.iter().for_each(|(key, value)| put(&mut event, key, value));
                }
                false
            }
            Err(reason) => self.failed(&reason),
        };
        if let Some(field) = &self.timeouts.id_field {
            event.set(field, id);
        }
        for tag in &self.timeouts.tags {
            let tag = tag.render(&event);
            event.tag(&tag);
        }
        let code = self.timeouts.code.as_ref();
        let done = code.map_or(Ok(()), |code| code.run(&mut event, &[V::Event], &self.instance, &self.clock));
        if failed || done.is_err_and(|reason| self.failed(&reason)) {
            event.tag(FAILED);
        }
        event
    }

    fn failed(&self, reason: &str) -> bool {
        tracing::error!(task_id = self.written_id, "Aggregate exception occurred: {reason}");
        true
    }

    /// The time of an event by the field that holds it, or by the clock.
    fn moment(&self, event: &Event) -> Moment {
        let here = (self.clock)();
        let told = self.timeouts.time_field.as_ref().and_then(|field| match event.get(field)? {
            ValueRef::Time(time) => Some(time),
            ValueRef::Str(text) => parse_timestamp(text),
            _ => None,
        });
        Moment { told: told.unwrap_or(here), here }
    }

    fn pushes(&self) -> bool {
        self.timeouts.push || self.timeouts.push_previous
    }

    /// Events of the tasks that have expired by now, which are forgotten.
    fn expire(&self, tasks: &mut Tasks, now: Timestamp) -> Vec<Event> {
        let Timeouts { timeout, inactivity, .. } = self.timeouts;
        let mut made = Vec::new();
        tasks.under_way.retain(|id, task| {
            let expired = task.expired(now, |moment| moment.here, timeout, inactivity);
            if expired && self.pushes() {
                made.push(self.event(&task.map, id));
            }
            !expired
        });
        made
    }
}

/// A field as `LogStash::Event.new` takes it out of a map.
fn put(event: &mut Event, key: &Key, value: ValueRef<'_>) {
    if key.as_str() != "@timestamp" {
        event.set(&FieldRef::key(key.clone()), value.to_value());
        return;
    }
    match value {
        ValueRef::Time(time) => event.set_timestamp(time),
        other => match other.as_str().and_then(parse_timestamp) {
            Some(time) => event.set_timestamp(time),
            None => {
                event.set(&FieldRef::field("_@timestamp"), other.to_value());
                event.tag("_timestampparsefailure");
            }
        },
    }
}

impl Timeouts {
    fn read(options: &mut Options<'_>) -> Self {
        let names = [
            "timeout",
            "inactivity_timeout",
            "timeout_code",
            "push_map_as_event_on_timeout",
            "push_previous_map_as_event",
            "timeout_timestamp_field",
            "timeout_task_id_field",
            "timeout_tags",
        ];
        let given = names.iter().any(|name| options.is_given(name));
        let most = i64::from(u32::MAX);
        let timeout = options.integer("timeout", 0..=most).unwrap_or(DEFAULT_TIMEOUT);
        let inactivity = options.integer("inactivity_timeout", 0..=most);
        if inactivity.is_some_and(|inactivity| inactivity > timeout) {
            options.error_here("`inactivity_timeout` of aggregate must be lower than `timeout`");
        }
        let code = options.text("timeout_code");
        let tags = options.texts("timeout_tags").unwrap_or_default();
        Self {
            given,
            timeout: SignedDuration::from_secs(timeout),
            inactivity: SignedDuration::from_secs(inactivity.unwrap_or(timeout)),
            code: code.and_then(|code| script(options, &code, &["event"])),
            push: options.boolean("push_map_as_event_on_timeout").unwrap_or(false),
            push_previous: options.boolean("push_previous_map_as_event").unwrap_or(false),
            id_field: field_option(options, "timeout_task_id_field"),
            time_field: field_option(options, "timeout_timestamp_field"),
            tags: tags.iter().filter_map(|tag| template(options, &tag.node, &tag.span)).collect(),
        }
    }
}

impl Filter for Aggregate {
    fn share(&mut self, shared: &mut Shared) {
        self.tasks = shared.tasks(&self.written_id, self.number, self.timeouts.given, &self.twice);
    }

    fn apply(&mut self, event: &mut Event, more: &mut Vec<Event>) {
        let id = self.task_id.render(event);
        if id == self.written_id {
            return;
        }
        let moment = self.moment(event);
        let tasks = Arc::clone(&self.tasks);
        let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if self.timeouts.time_field.is_some() {
            let Timeouts { timeout, inactivity, .. } = self.timeouts;
            let expired = |task: &Task| task.expired(moment.told, |moment| moment.told, timeout, inactivity);
            if tasks.under_way.get(&id).is_some_and(expired)
                && let Some(task) = tasks.under_way.shift_remove(&id)
                && self.pushes()
            {
                more.push(self.event(&task.map, &id));
            }
        }
        let map = match tasks.under_way.get_mut(&id) {
            Some(_) if self.action == Action::Create => return,
            Some(task) => {
                task.latest = moment;
                task.map.clone()
            }
            None if self.action == Action::Update => return,
            None => {
                if self.timeouts.push_previous
                    && let Some((previous, task)) = tasks.under_way.shift_remove_index(0)
                {
                    more.push(self.event(&task.map, &previous));
                }
                let map = empty_hash();
                let task = Task { map: map.clone(), begun: moment, latest: moment };
                tasks.under_way.insert(id.clone(), task);
                map
            }
        };
        let done = self.code.run(event, &[V::Event, map], &self.instance, &self.clock);
        if self.end_of_task {
            tasks.under_way.shift_remove(&id);
        }
        drop(tasks);
        match done {
            Ok(()) => self.common.apply(event),
            Err(reason) => {
                self.failed(&reason);
                event.tag(FAILED);
            }
        }
    }

    fn flush(&mut self, end: bool, more: &mut Vec<Event>) {
        let now = (self.clock)();
        let tasks = Arc::clone(&self.tasks);
        let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = self.timeouts.inactivity / 2;
        let due = tasks.flushed.is_none_or(|flushed| now.duration_since(flushed) > rest);
        if tasks.owner != self.number || !(due || end) {
            return;
        }
        tasks.flushed = Some(now);
        let mut made = self.expire(&mut tasks, now);
        if end
            && self.timeouts.push_previous
            && let Some((id, task)) = tasks.under_way.shift_remove_index(0)
        {
            made.push(self.event(&task.map, &id));
        }
        if end {
            made.iter_mut().for_each(|event| event.tag(AT_THE_END));
        }
        more.append(&mut made);
    }
}

#[cfg(test)]
mod tests;
