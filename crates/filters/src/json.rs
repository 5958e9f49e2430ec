//! `json`: a field's JSON becomes fields (logstash-filter-json 3.2).

use alces_conf::Options;
use alces_event::{Event, FieldRef, Key, Object, Root, Value, ValueRef, parse_timestamp};

use crate::{
    common::{Common, failure_tags, field_option},
    context::{Clock, Context},
    filter::Filter,
    ruby,
};

/// A compiled `json { … }`.
#[derive(Clone)]
pub(crate) struct Json {
    source: FieldRef,
    target: Option<FieldRef>,
    tag_on_failure: Vec<String>,
    clock: Clock,
    common: Common,
}

impl std::fmt::Debug for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Json")
            .field("source", &self.source)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// Not JSON, or nothing that can be put into the event.
struct Failed;

const TAGS: &str = "tags";

impl Json {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        options.choice("ecs_compatibility", &[("disabled", ()), ("v1", ()), ("v8", ())]);
        options.no_effect("ecs_compatibility", "it does not change where the fields go");
        options.boolean("skip_on_invalid_json");
        options.no_effect(
            "skip_on_invalid_json",
            "it silences a warning of Logstash's log; the event is tagged either way",
        );
        let source = field_option(options, "source");
        if !options.is_given("source") {
            options.error_here("json wants `source => \"message\"`, the field that holds the JSON");
        }
        let json = Self {
            target: field_option(options, "target"),
            tag_on_failure: failure_tags(options, "_jsonparsefailure"),
            clock: context.clock.clone(),
            common,
            source: source?,
        };
        Some(Box::new(json))
    }

    fn read(&self, event: &mut Event) -> Result<bool, Failed> {
        let value: Value = match event.get(&self.source) {
            None | Some(ValueRef::Null | ValueRef::Bool(false)) => return Ok(false),
            Some(ValueRef::Str(text)) => serde_json::from_str(text).map_err(|_| Failed)?,
            Some(_) => return Err(Failed),
        };
        match (&self.target, value) {
            (Some(target), value) => {
                if !(event.can_set(target) && event.set(target, value)) {
                    return Err(Failed);
                }
            }
            (None, Value::Object(object)) => self.spread(event, object)?,
            (None, _) => return Err(Failed),
        }
        Ok(true)
    }

    /// Sets the fields at the top of the event.
    fn spread(&self, event: &mut Event, mut object: Object) -> Result<(), Failed> {
        let time = object.take("@timestamp");
        for (key, value) in object {
            if key.as_str() == TAGS && !are_tags(value.view_alone()) {
                event.set(&FieldRef::field("_tags"), value);
                event.tag("_tagsparsefailure");
                continue;
            }
            let field = name(key)?;
            // `@metadata` takes an object only.
            if !(event.can_set(&field) && event.set(&field, value)) {
                return Err(Failed);
            }
        }
        let Some(time) = time else { return Ok(()) };
        match time.view_alone() {
            ValueRef::Null | ValueRef::Bool(false) => {}
            written => match written.as_str().and_then(parse_timestamp) {
                Some(time) => event.set_timestamp(time),
                None => {
                    event.set_timestamp((self.clock)());
                    event.tag("_timestampparsefailure");
                    event.set(&FieldRef::field("_@timestamp"), ruby::to_s(written));
                }
            },
        }
        Ok(())
    }
}

/// A name of the document is a field reference where it has brackets.
fn name(key: Key) -> Result<FieldRef, Failed> {
    if key.as_str().contains(['[', ']']) {
        let field = FieldRef::parse(key.as_str()).map_err(|_| Failed)?;
        return if field.root() == Root::Timestamp { Err(Failed) } else { Ok(field) };
    }
    if key.as_str().is_empty() { Err(Failed) } else { Ok(FieldRef::key(key)) }
}

fn are_tags(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Str(_) | ValueRef::Null => true,
        ValueRef::List(list) => list.iter().all(|item| item.as_str().is_some()),
        _ => false,
    }
}

impl Filter for Json {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        match self.read(event) {
            Ok(true) => self.common.apply(event),
            Ok(false) => {}
            Err(Failed) => self.tag_on_failure.iter().for_each(|tag| event.tag(tag)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, check_json, errors};

    const CONF: &str = r#"json { source => "message" add_tag => "ok" }"#;

    #[test]
    fn fields_at_the_top_or_in_the_target() {
        insta::assert_snapshot!(check(CONF, r#"{"hello":"wörld","list":[1,2.5,null,true],"o":{"b":{}},"message":"new"}"#), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"new","hello":"wörld","list":[1,2.5,null,true],"o":{"b":{}},"tags":["ok"]}"#);
        insta::assert_snapshot!(check(r#"json { source => "message" target => "[doc][x]" remove_field => "message" }"#, r#"{"@timestamp":"x","tags":7}"#), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","doc":{"x":{"@timestamp":"x","tags":7}}}"#);
        insta::assert_snapshot!(check(r#"json { source => "message" target => "doc" }"#, "[1, 2]"), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"[1, 2]","doc":[1,2]}"#);
    }

    #[test]
    fn what_is_no_json_is_tagged() {
        for line in ["", "{", "nope", r#"{"a":1} x"#, "[1]", "7", "\"text\"", "null"] {
            assert!(check(CONF, line).ends_with(r#""tags":["_jsonparsefailure"]}"#), "{line}");
        }
        let conf =
            r#"json { source => "message" skip_on_invalid_json => true tag_on_failure => ["a", "b"] }"#;
        assert!(check(conf, "{").ends_with(r#""tags":["a","b"]}"#));
        // A value that is no text.
        assert!(check_json(r#"json { source => "n" }"#, r#"{"n":7}"#).contains("_jsonparsefailure"));
    }

    #[test]
    fn without_the_source_nothing_happens() {
        insta::assert_snapshot!(check_json(r#"json { source => "n" add_tag => "x" }"#, r#"{"a":7}"#), @r#"{"a":7}"#);
        insta::assert_snapshot!(check_json(r#"json { source => "n" add_tag => "x" }"#, r#"{"n":null}"#), @r#"{"n":null}"#);
    }

    #[test]
    fn the_time_of_the_document() {
        insta::assert_snapshot!(check(CONF, r#"{"@timestamp":"2015-05-17T12:05:03+02:00","@version":"7"}"#), @r#"{"@timestamp":"2015-05-17T10:05:03.000Z","@version":"7","message":"{\"@timestamp\":\"2015-05-17T12:05:03+02:00\",\"@version\":\"7\"}","tags":["ok"]}"#);
        insta::assert_snapshot!(check(CONF, r#"{"@timestamp":"yesterday","a":1}"#), @r#"{"@timestamp":"2026-01-02T00:00:00.000Z","@version":"1","message":"{\"@timestamp\":\"yesterday\",\"a\":1}","a":1,"tags":["_timestampparsefailure","ok"],"_@timestamp":"yesterday"}"#);
        insta::assert_snapshot!(check(CONF, r#"{"@timestamp":null}"#), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"{\"@timestamp\":null}","tags":["ok"]}"#);
    }

    #[test]
    fn names_that_mean_something() {
        insta::assert_snapshot!(check(CONF, r#"{"[a][b]":1,"a.b":2,"@metadata":{"x":1},"tags":["t"]}"#), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"{\"[a][b]\":1,\"a.b\":2,\"@metadata\":{\"x\":1},\"tags\":[\"t\"]}","a":{"b":1},"a.b":2,"tags":["t","ok"]}"#);
        insta::assert_snapshot!(check(CONF, r#"{"tags":{"x":1}}"#), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"{\"tags\":{\"x\":1}}","_tags":{"x":1},"tags":["_tagsparsefailure","ok"]}"#);
        assert!(check(CONF, r#"{"a[":1}"#).contains("_jsonparsefailure"));
        assert!(check(CONF, r#"{"@metadata":1}"#).contains("_jsonparsefailure"));
    }

    #[test]
    fn hostile_nesting_is_no_json() {
        assert!(
            check(CONF, &format!("{}{}", r#"{"a":"#.repeat(5000), "}".repeat(5000)))
                .contains("_jsonparsefailure")
        );
    }

    #[test]
    fn a_source_is_wanted() {
        insta::assert_snapshot!(errors(r#"json { }"#), @r#"
        x.conf:1:10: json wants `source => "message"`, the field that holds the JSON
          |
        1 | filter { json { } }
          |          ^^^^
        "#);
        insta::assert_snapshot!(errors(r#"json { source => "a" target => "[" skip_on_invalid => true }"#), @r#"
        x.conf:1:41: `[` is not a field reference: write `name` or `[outer][inner]`
          |
        1 | filter { json { source => "a" target => "[" skip_on_invalid => true } }
          |                                         ^^^
        x.conf:1:45: unknown option `skip_on_invalid` of json
          |
        1 | filter { json { source => "a" target => "[" skip_on_invalid => true } }
          |                                             ^^^^^^^^^^^^^^^
          = help: known options: add_field, add_tag, ecs_compatibility, enable_metric, id, periodic_flush, remove_field, remove_tag, skip_on_invalid_json, source, tag_on_failure, target
        "#);
    }
}
