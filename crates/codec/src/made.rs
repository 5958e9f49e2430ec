//! Events made of decoded objects, as Logstash's `Event.new` makes them.

use alces_event::{Event, FieldRef, Object, Timestamp, ValueRef, parse_timestamp};

/// An event with the fields of an object, or with the object in `target`.
pub(crate) fn event(object: Object, target: Option<&FieldRef>, now: Timestamp) -> Event {
    let mut event = Event::new(now);
    fill(&mut event, object, target, now);
    event
}

/// Sets the fields of an object, or the object in `target`.
pub(crate) fn fill(event: &mut Event, object: Object, target: Option<&FieldRef>, now: Timestamp) {
    match target {
        Some(target) => {
            event.set(target, object);
        }
        None => spread(event, object, now),
    }
}

fn spread(event: &mut Event, mut object: Object, now: Timestamp) {
    if let Some(time) = object.take("@timestamp") {
        // Set first, because it may be a part of the event's line.
        let unread = FieldRef::field("_@timestamp");
        event.set(&unread, time);
        let read = match event.get(&unread) {
            Some(ValueRef::Time(time)) => Some(time),
            Some(other) => other.as_str().and_then(parse_timestamp),
            None => None,
        };
        event.set_timestamp(read.unwrap_or(now));
        if read.is_some() || matches!(event.get(&unread), Some(ValueRef::Null)) {
            event.remove(&unread);
        } else {
            event.tag("_timestampparsefailure");
        }
    }
    for (key, value) in object {
        event.set(&FieldRef::key(key), value);
    }
    settle_tags(event);
}

/// Tags that are not texts are put aside, as Logstash does.
pub(crate) fn settle_tags(event: &mut Event) {
    let are_tags = match event.fields().get("tags") {
        None | Some(ValueRef::Str(_) | ValueRef::Null) => true,
        Some(ValueRef::List(list)) => list.iter().all(|item| item.as_str().is_some()),
        Some(_) => false,
    };
    if !are_tags && let Some(value) = event.remove(&FieldRef::field("tags")) {
        event.set(&FieldRef::field("_tags"), value);
        event.tag("_tagsparsefailure");
    }
}
