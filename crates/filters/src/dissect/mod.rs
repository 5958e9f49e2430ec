//! `dissect`: a text is cut at delimiters (logstash-filter-dissect 1.2).

mod mapping;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Key, Value, ValueRef};

use crate::{
    common::{Common, failure_tags, field, one_of},
    context::Context,
    filter::Filter,
    ruby,
};
use mapping::{Kind, Mapping};

/// A compiled `dissect { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Dissect {
    mappings: Vec<(FieldRef, Mapping)>,
    conversions: Vec<Conversion>,
    tag_on_failure: Vec<String>,
    common: Common,
    /// Where the parts of the text at hand are.
    spans: Vec<(usize, usize)>,
}

#[derive(Clone, Debug)]
struct Conversion {
    field: FieldRef,
    /// As it is written, for the tags.
    name: String,
    whole: bool,
}

impl Dissect {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        options.differs("mapping", "what stands before the first field and after the last must be there");
        let mut mappings = Vec::new();
        for (source, texts) in options.text_lists("mapping").unwrap_or_default() {
            for text in texts {
                match Mapping::compile(&text.node) {
                    Ok(mapping) => {
                        mappings.extend(field(options, &source.node, &source.span).map(|f| (f, mapping)));
                    }
                    Err(reason) => options.error(&text.span, reason),
                }
            }
        }
        let mut conversions = Vec::new();
        for (name, types) in options.text_lists("convert_datatype").unwrap_or_default() {
            for to in types {
                let types = [("int", true), ("float", false)];
                let Some(whole) = one_of(options, &to, "convert_datatype", &types) else { continue };
                if let Some(field) = field(options, &name.node, &name.span) {
                    conversions.push(Conversion { field, name: name.node.clone(), whole });
                }
            }
        }
        if !options.is_given("mapping") && !options.is_given("convert_datatype") {
            options.error_here("dissect wants `mapping => { \"message\" => \"%{field} %{field}\" }`");
        }
        let tag_on_failure = failure_tags(options, "_dissectfailure");
        Some(Box::new(Self { mappings, conversions, tag_on_failure, common, spans: Vec::new() }))
    }
}

impl Filter for Dissect {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        for (source, mapping) in &self.mappings {
            let cut = match event.get(source) {
                // A field that is not there is no failure; one with nothing in it is.
                None => continue,
                Some(ValueRef::Str(text)) => mapping.cut(text, &mut self.spans).then_some(None),
                Some(other) => {
                    let text = ruby::to_s(other);
                    mapping.cut(&text, &mut self.spans).then_some(Some(text))
                }
            };
            let done = match cut {
                Some(printed) => save(event, source, mapping, &self.spans, printed),
                None => false,
            };
            if !done {
                self.tag_on_failure.iter().for_each(|tag| event.tag(tag));
                return;
            }
        }
        for conversion in &self.conversions {
            conversion.apply(event);
        }
        self.common.apply(event);
    }
}

/// Sets the fields; `printed` is the text of a source that is not text itself.
fn save(
    event: &mut Event,
    source: &FieldRef,
    mapping: &Mapping,
    spans: &[(usize, usize)],
    printed: Option<String>,
) -> bool {
    let plain = printed.is_none() && mapping.is_plain() && !mapping.writes(source);
    let text = match printed {
        Some(text) => text,
        // The parts stay parts of the source's text; nothing else needs to be known.
        None if plain => String::new(),
        None => event.get(source).and_then(ValueRef::as_str).unwrap_or_default().to_owned(),
    };
    let part = |at: usize| spans.get(at).and_then(|(start, end)| text.get(*start..*end)).unwrap_or_default();
    for slot in mapping.slots() {
        let (start, end) = spans.get(slot.at).copied().unwrap_or_default();
        match &slot.kind {
            _ if !slot.is_settable(event) => return false,
            Kind::Normal(field) if plain => event.set_slice(field, source, start, end),
            Kind::Normal(field) => {
                if !event.set(field, part(slot.at)) {
                    return false;
                }
            }
            Kind::Append { field, join } => {
                let value = match event.get(field) {
                    None => part(slot.at).to_owned(),
                    Some(before) => format!("{}{join}{}", ruby::to_s(before), part(slot.at)),
                };
                event.set(field, value);
            }
            Kind::Indirect { field, from } => {
                let name = match (event.get(field), from) {
                    (Some(value), _) => ruby::to_s(value),
                    (None, Some(from)) => part(*from).to_owned(),
                    (None, None) => continue,
                };
                if name.is_empty() {
                    continue;
                }
                let field = FieldRef::parse(&name).unwrap_or_else(|_| FieldRef::key(Key::new(&name)));
                if !(event.can_set(&field) && event.set(&field, part(slot.at))) {
                    return false;
                }
            }
        }
    }
    true
}

impl Conversion {
    fn apply(&self, event: &mut Event) {
        let number = match event.get(&self.field) {
            None | Some(ValueRef::Null) => return self.tag(event, "nullvalue"),
            Some(ValueRef::Int(number)) => Some(number as f64),
            Some(ValueRef::Float(number)) => Some(number),
            Some(ValueRef::Str(text)) => Some(text.trim())
                .filter(|text| text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)))
                .and_then(|text| text.parse().ok()),
            Some(_) => None,
        };
        match number {
            Some(number) if self.whole => event.set(&self.field, Value::Int(number as i64)),
            Some(number) => event.set(&self.field, Value::Float(number)),
            None => {
                self.tag(event, "uncoercible");
                false
            }
        };
    }

    fn tag(&self, event: &mut Event, what: &str) {
        event.tag(&format!(
            "_dataconversion{what}_{}_{}",
            self.name,
            if self.whole { "int" } else { "float" }
        ));
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, check_json, errors};

    /// The fields that a mapping makes of a line.
    #[track_caller]
    fn dissect(mapping: &str, line: &str) -> String {
        check(&format!(r#"mutate {{ rename => {{ "message" => "[@metadata][m]" }} }} dissect {{ mapping => {{ "[@metadata][m]" => '{mapping}' }} }}"#), line)
            .replacen(r#""@timestamp":"1970-01-01T00:00:00.000Z","@version":"1""#, "", 1)
            .replacen("{,", "{", 1)
    }

    #[test]
    fn fields_and_delimiters() {
        for (mapping, line, expect) in [
            ("%{key}", "foobar", r#"{"key":"foobar"}"#),
            ("%{key1} %{key2}", "foo bar", r#"{"key1":"foo","key2":"bar"}"#),
            ("/var/%{key}/log", "/var/foobar/log", r#"{"key":"foobar"}"#),
            ("/var/%{key}", "/var/foobar/log", r#"{"key":"foobar/log"}"#),
            (
                "/var/%{key}/log/%{key1}.log",
                "/var/foobar/log/apache.log",
                r#"{"key":"foobar","key1":"apache"}"#,
            ),
            (
                "%{[a][b]} » %{c}»%{d}€%{e}",
                "foo » bar»baz€quux",
                r#"{"a":{"b":"foo"},"c":"bar","d":"baz","e":"quux"}"#,
            ),
            ("%{a}%{b} %{c}", "foo bar baz", r#"{"a":"","b":"foo","c":"bar baz"}"#),
            ("%{a}------->%{b}", "foo------->bar", r#"{"a":"foo","b":"bar"}"#),
            ("%{a},%{b}", ",x", r#"{"a":"","b":"x"}"#),
            ("%{a}\n%{b}", "1\n2", r#"{"a":"1","b":"2"}"#),
        ] {
            assert_eq!(dissect(mapping, line), expect, "{mapping}");
        }
    }

    #[test]
    fn skipped_appended_indirect() {
        for (mapping, line, expect) in [
            ("%{} %{key}", "hello world", r#"{"key":"world"}"#),
            ("%{?skipped} %{key}", "hello world", r#"{"key":"world"}"#),
            ("%{ts} %{+ts} %{+ts} %{src}", "Oct 4 12:00 host", r#"{"ts":"Oct 4 12:00","src":"host"}"#),
            ("%{key}-%{+key}-%{+key}", "1-2-3", r#"{"key":"1-2-3"}"#),
            ("%{+key/3} %{+key/1} %{+key/2}", "1 2 3", r#"{"key":"2 3 1"}"#),
            ("%{+a/2} %{+a/1} %{+a/4} %{+a/3}", "1 2 3 go", r#"{"a":"2 1 go 3"}"#),
            ("%{a} %{b} %{+a}", "1 2 3 go", r#"{"a":"1 3 go","b":"2"}"#),
            ("%{+a} %{a} %{+a} %{b}", "December 31 1999 quux", r#"{"a":"31 December 1999","b":"quux"}"#),
            (
                "error: %{?err}, %{&err}",
                "error: some_error, some_description",
                r#"{"some_error":"some_description"}"#,
            ),
            ("%{key} %{&key}", "hello world", r#"{"key":"hello","hello":"world"}"#),
            ("%{?k1}=%{&k3}, %{?k2}=%{&k2}", "foo=bar, baz=quux", r#"{"baz":"quux"}"#),
        ] {
            assert_eq!(dissect(mapping, line), expect, "{mapping}");
        }
    }

    #[test]
    fn padding_and_what_is_empty() {
        for (mapping, line, expect) in [
            (
                "%{id} %{function->} %{server}",
                "00000043 ViewReceive     machine-321",
                r#"{"id":"00000043","function":"ViewReceive","server":"machine-321"}"#,
            ),
            (
                "%{id->} %{function} %{server}",
                "00000043     ViewReceive machine-321",
                r#"{"id":"00000043","function":"ViewReceive","server":"machine-321"}"#,
            ),
            ("%{->} %{a}", "x    y", r#"{"a":"y"}"#),
            ("%{+a/1->} %{+a/2}", "x   y", r#"{"a":"x y"}"#),
            (
                "%{name},%{addr1},%{addr2},%{city}",
                "Jane Doe,4321 Fifth Avenue,,New York",
                r#"{"name":"Jane Doe","addr1":"4321 Fifth Avenue","addr2":"","city":"New York"}"#,
            ),
        ] {
            assert_eq!(dissect(mapping, line), expect, "{mapping}");
        }
    }

    #[test]
    fn all_of_it_or_nothing() {
        for (mapping, line) in
            [("%{a} %{b} %{c}", "foo bar"), ("[%{a}] %{b}", "foo] bar"), ("%{a}", ""), ("%{a} %{b}.", "x y")]
        {
            assert_eq!(dissect(mapping, line), r#"{"tags":["_dissectfailure"]}"#, "{mapping}");
        }
        let conf = r#"dissect { mapping => { "message" => "%{a},%{b}" } tag_on_failure => ["x", "y"] add_tag => "ok" }"#;
        assert!(check(conf, "none").ends_with(r#""tags":["x","y"]}"#));
        assert!(check(conf, "a,b").ends_with(r#""tags":["ok"]}"#));
    }

    #[test]
    fn several_mappings_and_their_sources() {
        // A later one cuts what an earlier one made; a missing source is passed over; a number is cut as its text.
        insta::assert_snapshot!(check_json(
            r#"dissect { mapping => { "message" => "%{x} %{message}" "[message]" => "%{y} %{message}" "missing" => "%{z}" "n" => "%{i}.%{f}" } }"#,
            r#"{"message":"a b c","n":1.5}"#
        ), @r#"{"message":"c","n":1.5,"x":"a","y":"b","i":"1","f":"5"}"#);
        // Nothing is set below a text.
        insta::assert_snapshot!(check_json(r#"dissect { mapping => { "message" => "%{[s][t]}" } }"#, r#"{"message":"m","s":"x"}"#), @r#"{"message":"m","s":"x","tags":["_dissectfailure"]}"#);
    }

    #[test]
    fn conversions() {
        insta::assert_snapshot!(check_json(
            r#"dissect { convert_datatype => { "a" => "int" "b" => "float" "c" => "int" "d" => "int" "e" => "float" "n" => "int" } }"#,
            r#"{"a":"12.9","b":"7","c":"x","e":[1],"n":1.5}"#
        ), @r#"{"a":12,"b":7.0,"c":"x","e":[1],"n":1,"tags":["_dataconversionuncoercible_c_int","_dataconversionnullvalue_d_int","_dataconversionuncoercible_e_float"]}"#);
    }

    #[test]
    fn wrong_mappings_are_named() {
        insta::assert_snapshot!(errors(r#"dissect { mapping => { "m" => "%{+&a} %{b}" "n" => "%{a}%{&}" "o" => "no field" "p" => "%{+}" "q" => "%{+a/x}" } }"#), @r#"
        x.conf:1:40: `%{+&a}`: a field is appended (`+`) or indirect (`&`), not both
          |
        1 | filter { dissect { mapping => { "m" => "%{+&a} %{b}" "n" => "%{a}%{&}" "o" => "no field" "p" => "%{+}" "q" => "%{+a/x}" } } }
          |                                        ^^^^^^^^^^^^^
        x.conf:1:61: `%{&}` names no field
          |
        1 | filter { dissect { mapping => { "m" => "%{+&a} %{b}" "n" => "%{a}%{&}" "o" => "no field" "p" => "%{+}" "q" => "%{+a/x}" } } }
          |                                                             ^^^^^^^^^^
        x.conf:1:79: `no field` has no field: write them as `%{name}`
          |
        1 | filter { dissect { mapping => { "m" => "%{+&a} %{b}" "n" => "%{a}%{&}" "o" => "no field" "p" => "%{+}" "q" => "%{+a/x}" } } }
          |                                                                               ^^^^^^^^^^
        x.conf:1:97: `%{+}` names no field
          |
        1 | filter { dissect { mapping => { "m" => "%{+&a} %{b}" "n" => "%{a}%{&}" "o" => "no field" "p" => "%{+}" "q" => "%{+a/x}" } } }
          |                                                                                                 ^^^^^^
        x.conf:1:111: `%{+a/x}`: the order after `/` is a number
          |
        1 | filter { dissect { mapping => { "m" => "%{+&a} %{b}" "n" => "%{a}%{&}" "o" => "no field" "p" => "%{+}" "q" => "%{+a/x}" } } }
          |                                                                                                               ^^^^^^^^^
        "#);
        insta::assert_snapshot!(errors(r#"dissect { convert_datatype => { "a" => "integer" } tag_on_failur => "x" }"#), @r#"
        x.conf:1:49: `convert_datatype` of dissect knows no `integer`
          |
        1 | filter { dissect { convert_datatype => { "a" => "integer" } tag_on_failur => "x" } }
          |                                                 ^^^^^^^^^
          = help: `convert_datatype` knows int, float
        x.conf:1:61: unknown option `tag_on_failur` of dissect
          |
        1 | filter { dissect { convert_datatype => { "a" => "integer" } tag_on_failur => "x" } }
          |                                                             ^^^^^^^^^^^^^
          = help: did you mean `tag_on_failure`?
        "#);
        insta::assert_snapshot!(errors(r#"dissect { }"#), @r#"
        x.conf:1:10: dissect wants `mapping => { "message" => "%{field} %{field}" }`
          |
        1 | filter { dissect { } }
          |          ^^^^^^^
        "#);
    }
}
