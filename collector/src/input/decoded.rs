//! A sender's events whose message goes through a codec, as in Logstash's beats input: the sender's fields come over those that
//! are decoded.

use std::sync::{Arc, Mutex, PoisonError};

use alces_codec::{Decoder, DecoderPlan};
use alces_event::{Event, FieldRef, Key, ObjectRef, Root, Timestamp, Value, ValueRef};
use bytes::Bytes;

use super::Decoration;

/// `[@metadata][_part]`: which event of its message this is, where there are several; so that they get ids of their own.
pub(crate) const PART: &str = "_part";

/// The codec of one connection.
#[derive(Clone)]
pub(super) struct Decoded {
    /// Shared by the workers that decode its windows.
    decoder: Arc<Mutex<Box<dyn Decoder>>>,
    decoration: Decoration,
    tag: Option<String>,
}

impl Decoded {
    pub(super) fn new(codec: &DecoderPlan, decoration: &Decoration, tags: bool) -> Self {
        Self {
            decoder: Arc::new(Mutex::new(codec.stream())),
            decoration: decoration.clone(),
            tag: tags.then(|| format!("beats_input_codec_{}_applied", codec.name())),
        }
    }

    /// The events of one that was sent.
    pub(super) fn events(&self, mut sent: Event, now: Timestamp) -> Vec<Event> {
        let message = FieldRef::field("message");
        let text = match sent.get(&message) {
            // Not a document: there is no message in it.
            _ if sent.has_tag("_jsonparsefailure") => None,
            None | Some(ValueRef::Null) => None,
            Some(ValueRef::Str(text)) => Some(text.to_owned()),
            Some(other) => {
                let mut text = String::new();
                alces_event::render_value(&mut text, other);
                Some(text)
            }
        };
        let Some(text) = text else {
            self.decoration.apply(&mut sent);
            return vec![sent];
        };
        sent.remove(&message);
        let mut made = Vec::new();
        {
            let mut decoder = self.decoder.lock().unwrap_or_else(PoisonError::into_inner);
            decoder.decode(Bytes::from(text), now, &mut made);
            // A message is complete in itself.
            decoder.flush(now, &mut made);
        }
        let several = made.len() > 1;
        for (part, event) in (0_i64..).zip(&mut made) {
            merge(event, &sent, now);
            if several && part > 0 {
                name_part(event, part);
            }
            self.decoration.apply(event);
            if let Some(tag) = &self.tag {
                event.tag(tag);
            }
        }
        made
    }
}

fn merge(event: &mut Event, sent: &Event, now: Timestamp) {
    // A document without a time was given this one.
    if sent.timestamp() != now {
        event.set_timestamp(sent.timestamp());
    }
    merge_fields(event, sent.fields(), &|key| FieldRef::key(key));
    let metadata = FieldRef::key(Key::new("@metadata"));
    merge_fields(event, sent.metadata(), &|key| metadata.child(key));
}

/// The sender's fields win; an object is merged with one that is there, one level deep. Both sides' tags are kept: Logstash loses
/// those of the codec, and with them that it failed.
fn merge_fields(event: &mut Event, fields: ObjectRef<'_>, field: &dyn Fn(Key) -> FieldRef) {
    for (key, value) in fields.iter() {
        let place = field(key.clone());
        match (event.get(&place), value) {
            (Some(ValueRef::Object(_)), ValueRef::Object(more)) => {
                for (key, value) in more.iter() {
                    event.set(&place.child(key.clone()), value.to_value());
                }
            }
            (Some(there), tags) if key.as_str() == "tags" && place.root() == Root::Fields => {
                let texts = |value: ValueRef<'_>| -> Vec<String> {
                    match value {
                        ValueRef::Str(text) => vec![text.to_owned()],
                        ValueRef::List(list) => {
                            list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
                        }
                        _ => Vec::new(),
                    }
                };
                let all = [texts(tags), texts(there)].concat();
                event.set(&place, Value::list(Vec::new()));
                all.iter().for_each(|tag| event.tag(tag));
            }
            (_, value) => {
                event.set(&place, value.to_value());
            }
        }
    }
}

/// The sender's id is that of the first event of a message.
fn name_part(event: &mut Event, part: i64) {
    let id = FieldRef::metadata("_id");
    match event.text(&id).map(|id| format!("{id}-{part}")) {
        Some(own) => event.set(&id, own),
        None => event.set(&FieldRef::metadata(PART), part),
    };
}

#[cfg(test)]
mod tests {
    use alces_conf::{Options, Source};
    use alces_filters::{Context, EcsMode, NoFiles};

    use super::*;

    /// What a codec makes of an event that was sent, as JSON without the times.
    fn check(codec: &str, sent: &str) -> String {
        let source =
            Source::new("x.conf", &format!("input {{ beats {{ codec => {codec} tags => \"t\" }} }}"));
        let config = alces_conf::parse(&source, alces_conf::Escapes::Off).unwrap();
        let Some(alces_conf::Statement::Plugin(plugin)) = config.sections[0].body.first() else {
            panic!("a plugin")
        };
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let context = Context {
            source: &source,
            env: &|_| None,
            ecs: EcsMode::V8,
            clock: Arc::new(move || now),
            files: &NoFiles,
        };
        let mut options = Options::new(&source, &|_| None, plugin);
        let decoration = Decoration::read(&mut options, &context).without_original();
        let plan = super::super::codec(&context, &mut options, alces_codec::Framing::Messages, &[]).unwrap();
        let decoded = Decoded::new(&plan, &decoration, true);
        let (sent, _) = Event::from_json(sent.as_bytes(), now).unwrap();
        let show = |event: &Event| {
            let metadata = serde_json::to_string(&event.metadata()).unwrap();
            serde_json::to_string(event).unwrap() + " " + &metadata
        };
        decoded.events(sent, now).iter().map(show).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_document_is_merged_with_what_the_sender_adds() {
        insta::assert_snapshot!(check("json", r#"{"@timestamp":"2015-05-17T10:05:03Z","@metadata":{"beat":"filebeat"},"message":"{\"level\":\"info\",\"log\":{\"logger\":\"l\",\"offset\":1},\"host\":\"h\",\"@timestamp\":\"2001-01-01T00:00:00Z\"}","log":{"offset":7},"host":{"name":"n"},"tags":["s"]}"#), @r#"{"@timestamp":"2015-05-17T10:05:03.000Z","level":"info","log":{"logger":"l","offset":7},"host":{"name":"n"},"@version":"1","event":{"original":"{\"level\":\"info\",\"log\":{\"logger\":\"l\",\"offset\":1},\"host\":\"h\",\"@timestamp\":\"2001-01-01T00:00:00Z\"}"},"tags":["s","t","beats_input_codec_json_applied"]} {"beat":"filebeat"}"#);
    }

    #[test]
    fn a_failure_keeps_its_tag() {
        insta::assert_snapshot!(check("json", r#"{"message":"nope","tags":["s"]}"#), @r#"{"@timestamp":"2026-01-02T00:00:00.000Z","@version":"1","message":"nope","tags":["s","_jsonparsefailure","t","beats_input_codec_json_applied"]} {}"#);
    }

    #[test]
    fn the_events_of_a_list_have_ids_of_their_own() {
        insta::assert_snapshot!(check("json", r#"{"@metadata":{"_id":"7"},"message":"[{\"a\":1},{\"a\":2}]"}"#), @r#"
        {"@timestamp":"2026-01-02T00:00:00.000Z","@version":"1","a":1,"tags":["t","beats_input_codec_json_applied"]} {"_id":"7"}
        {"@timestamp":"2026-01-02T00:00:00.000Z","@version":"1","a":2,"tags":["t","beats_input_codec_json_applied"]} {"_id":"7-1"}
        "#);
        insta::assert_snapshot!(check("json", r#"{"message":"[{\"a\":1},{\"a\":2}]"}"#), @r#"
        {"@timestamp":"2026-01-02T00:00:00.000Z","@version":"1","a":1,"tags":["t","beats_input_codec_json_applied"]} {}
        {"@timestamp":"2026-01-02T00:00:00.000Z","@version":"1","a":2,"tags":["t","beats_input_codec_json_applied"]} {"_part":1}
        "#);
    }

    #[test]
    fn without_a_message_the_codec_is_not_asked() {
        insta::assert_snapshot!(check("json", r#"{"metric":1}"#), @r#"{"@timestamp":"2026-01-02T00:00:00.000Z","metric":1,"@version":"1","tags":["t"]} {}"#);
    }

    #[test]
    fn a_line_is_a_message_though_nothing_ends_it() {
        insta::assert_snapshot!(check("line", r#"{"message":"one","event":{"dataset":"d"}}"#), @r#"{"@timestamp":"2026-01-02T00:00:00.000Z","@version":"1","message":"one","event":{"original":"one","dataset":"d"},"tags":["t","beats_input_codec_line_applied"]} {}"#);
        insta::assert_snapshot!(check("json_lines", r#"{"message":7}"#), @r#"{"@timestamp":"2026-01-02T00:00:00.000Z","@version":"1","message":"7","tags":["_jsonparsefailure","t","beats_input_codec_json_lines_applied"]} {}"#);
    }
}
