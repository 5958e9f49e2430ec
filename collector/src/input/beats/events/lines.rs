//! Lines of our own form to events: what they have in common is read once.

use std::sync::{Arc, LazyLock};

use alces_event::{Event, FieldRef, Timestamp, Value};
use alces_lumberjack::{Payload, Template, write_id};

use super::from_json;
use crate::Stats;

/// The template of the lines that come, and what it was read as.
#[derive(Default)]
pub(super) struct Lines(Option<(Arc<Template>, Prototype)>);

/// An event that lacks nothing but the line.
struct Prototype {
    event: Event,
    /// What ids begin with.
    id: String,
    /// Not so for a template that is not one of an agent's: its documents are read one by one.
    usual: bool,
}

static MESSAGE: LazyLock<FieldRef> = LazyLock::new(|| FieldRef::field("message"));
static ID: LazyLock<FieldRef> = LazyLock::new(|| reference("[@metadata][_id]"));
static OFFSET: LazyLock<FieldRef> = LazyLock::new(|| reference("[log][offset]"));

fn reference(text: &str) -> FieldRef {
    FieldRef::parse(text).unwrap_or_else(|_| FieldRef::field(text))
}

impl Lines {
    /// The event of a line.
    pub(super) fn event(&mut self, payload: &Payload, now: Timestamp, stats: &Stats) -> Event {
        let whole = || from_json(&payload.document().unwrap_or_default(), now, stats);
        let Payload::Line { template, text, offset, cut, several } = payload else { return whole() };
        let prototype = self.prototype(template, now);
        // Those that are cut or joined are few.
        let (Ok(text), true, false) = (std::str::from_utf8(text), prototype.usual, *cut || *several) else {
            stats.replaced.add(u64::from(std::str::from_utf8(text).is_err()));
            return whole();
        };
        prototype.of(text, *offset)
    }

    fn prototype(&mut self, template: &Arc<Template>, now: Timestamp) -> &Prototype {
        let known = self.0.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, template));
        let kept = match (known, self.0.take()) {
            (true, Some(kept)) => kept,
            _ => (template.clone(), Prototype::new(template, now)),
        };
        &self.0.insert(kept).1
    }
}

impl Prototype {
    fn new(template: &Template, now: Timestamp) -> Self {
        let event = Event::from_json(&template.prototype(), now);
        let usual = event.as_ref().is_ok_and(|(event, replaced)| {
            let offset = event.get(&OFFSET).and_then(|offset| offset.as_int());
            !replaced && event.text(&MESSAGE) == Some("") && event.text(&ID).is_some() && offset == Some(0)
        });
        let event = event.map_or_else(|_| Event::new(now), |(event, _)| event);
        let id = event.text(&ID).unwrap_or_default().to_owned();
        Self { event, id, usual }
    }

    fn of(&self, text: &str, offset: u64) -> Event {
        let mut id = Vec::with_capacity(self.id.len() + 32);
        id.extend_from_slice(self.id.as_bytes());
        write_id(offset, text.as_bytes(), &mut id);
        let id = std::str::from_utf8(&id).unwrap_or_default();
        let mut event = self.event.with_texts(&[(&MESSAGE, text), (&ID, id)]);
        event.set(&OFFSET, i64::try_from(offset).map_or(Value::Float(offset as f64), Value::Int));
        event
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_event_is_what_is_read_of_its_document(
            text in proptest::collection::vec(prop_oneof![4 => 32_u8..127, 1 => any::<u8>()], 0..30), offset: u64, cut: bool,
            several: bool, place in prop_oneof![3 => Just(r#","file":{"path":"/a.log"}"#), 1 => Just(r#","offset":7"#), 1 => Just("!")],
        ) {
            let template = Template {
                start: br#"{"@timestamp":"2026-11-26T10:00:00.000Z","@metadata":{"_id":"x-"#.to_vec(),
                place: place.as_bytes().to_vec(),
                rest: br#","host":{"name":"web01"}}"#.to_vec(),
            };
            let payload = Payload::Line { template: Arc::new(template), text: text.into(), offset, cut, several };
            let (stats, dull) = (Stats::default(), Stats::default());
            let now = Timestamp::UNIX_EPOCH;
            let mut lines = Lines::default();
            let got = lines.event(&payload, now, &stats);
            let again = lines.event(&payload, now, &stats);
            let expect = from_json(&payload.document().unwrap(), now, &dull);
            for event in [got, again] {
                prop_assert_eq!(serde_json::to_string(&event).unwrap(), serde_json::to_string(&expect).unwrap());
                prop_assert_eq!(event.metadata().get("_id"), expect.metadata().get("_id"));
                prop_assert_eq!(event.timestamp(), expect.timestamp());
            }
        }
    }
}
