//! `kv`: `key=value` texts become fields (logstash-filter-kv 4.7).

mod chars;
mod scan;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use alces_conf::Options;
use alces_event::{Event, FieldRef, Key, Object, Template, Value, ValueRef};

use crate::{
    common::{Common, field, field_option, plain_texts, template},
    context::Context,
    filter::Filter,
    regex::GaveUp,
    ruby,
};
use chars::Chars;
use scan::Scanner;

/// A compiled `kv { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Kv {
    source: FieldRef,
    target: Option<FieldRef>,
    scanner: Scanner,
    prefix: Template,
    trim_key: Option<Chars>,
    trim_value: Option<Chars>,
    remove_char_key: Option<Chars>,
    remove_char_value: Option<Chars>,
    transform_key: Option<Transform>,
    transform_value: Option<Transform>,
    include_keys: Vec<Template>,
    exclude_keys: Vec<Template>,
    default_keys: Vec<(String, Value)>,
    allow_duplicate_values: bool,
    allow_empty_values: bool,
    recursive: bool,
    tag_on_failure: Vec<String>,
    tag_on_timeout: String,
    common: Common,
}

type Transform = fn(&str) -> String;

/// What was found, in order: a key with its values.
#[derive(Default)]
struct Found<'t> {
    entries: Vec<(Cow<'t, str>, Values<'t>)>,
    /// Where each key stands, once there are more than [`SEARCHED`].
    places: HashMap<Cow<'t, str>, usize>,
}

#[derive(Default)]
struct Values<'t> {
    items: Vec<Item<'t>>,
    /// The texts among them, once there are more than [`SEARCHED`].
    texts: HashSet<Cow<'t, str>>,
}

/// So many are searched one after the other.
const SEARCHED: usize = 64;

impl<'t> Found<'t> {
    /// The values of a key, which is there from now on.
    fn values(&mut self, key: Cow<'t, str>) -> &mut Values<'t> {
        let known = if self.entries.len() <= SEARCHED {
            self.entries.iter().position(|(known, _)| *known == key)
        } else {
            if self.places.is_empty() {
                let keys = self.entries.iter().enumerate();
                self.places = keys.map(|(at, (key, _))| (key.clone(), at)).collect();
            }
            self.places.get(&key).copied()
        };
        let at = known.unwrap_or_else(|| {
            if !self.places.is_empty() {
                self.places.insert(key.clone(), self.entries.len());
            }
            self.entries.push((key, Values::default()));
            self.entries.len() - 1
        });
        &mut self.entries[at].1
    }
}

impl<'t> Values<'t> {
    fn has(&mut self, text: &str) -> bool {
        if self.items.len() <= SEARCHED {
            return self.items.iter().any(|item| matches!(item, Item::Text(known) if *known == text));
        }
        if self.texts.is_empty() {
            self.texts = self.items.iter().filter_map(Item::text).collect();
        }
        self.texts.contains(text)
    }

    fn push(&mut self, item: Item<'t>) {
        if !self.texts.is_empty() {
            self.texts.extend(item.text());
        }
        self.items.push(item);
    }
}

impl<'t> Item<'t> {
    fn text(&self) -> Option<Cow<'t, str>> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Inner(_) => None,
        }
    }
}

enum Item<'t> {
    Text(Cow<'t, str>),
    Inner(Found<'t>),
}

enum Failed {
    GaveUp,
    /// A key that is no name of a field.
    Name,
}

impl From<GaveUp> for Failed {
    fn from(_: GaveUp) -> Self {
        Self::GaveUp
    }
}

impl Kv {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        options.choice("ecs_compatibility", &[("disabled", ()), ("v1", ()), ("v8", ())]);
        options.no_effect("ecs_compatibility", "it does not change where the fields go");
        options.integer("timeout_millis", 0..=i64::MAX);
        options.differs("timeout_millis", "a pattern is limited by its steps, not by time");
        options.differs(
            "allow_duplicate_values",
            "values that are the same are left out, not those that are a part of the one before",
        );
        let transforms: &[(&str, Transform)] = &[
            ("lowercase", |text| text.to_lowercase()),
            ("uppercase", |text| text.to_uppercase()),
            ("capitalize", ruby::capitalize),
        ];
        let scanner = scan::read(options);
        let prefix = match options.text("prefix") {
            Some(text) => template(options, &text.node, &text.span),
            None => Template::parse("").ok(),
        };
        let kv = Self {
            source: field_option(options, "source").unwrap_or_else(|| FieldRef::field("message")),
            target: field_option(options, "target"),
            trim_key: chars::ends(options, "trim_key"),
            trim_value: chars::ends(options, "trim_value"),
            remove_char_key: chars::everywhere(options, "remove_char_key"),
            remove_char_value: chars::everywhere(options, "remove_char_value"),
            transform_key: options.choice("transform_key", transforms),
            transform_value: options.choice("transform_value", transforms),
            include_keys: keys(options, "include_keys"),
            exclude_keys: keys(options, "exclude_keys"),
            default_keys: defaults(options),
            allow_duplicate_values: options.boolean("allow_duplicate_values").unwrap_or(true),
            allow_empty_values: options.boolean("allow_empty_values").unwrap_or(false),
            recursive: options.boolean("recursive").unwrap_or(false),
            tag_on_failure: plain_texts(options, "tag_on_failure")
                .unwrap_or_else(|| vec!["_kv_filter_error".to_owned()]),
            tag_on_timeout: options
                .text("tag_on_timeout")
                .map_or("_kv_filter_timeout".to_owned(), |t| t.node),
            common,
            prefix: prefix?,
            scanner: scanner?,
        };
        Some(Box::new(kv))
    }

    /// What is set, and whether that is anything.
    fn read(&self, event: &Event) -> Result<Vec<(String, Value)>, Failed> {
        let rules = Rules {
            kv: self,
            include: render(&self.include_keys, event),
            exclude: render(&self.exclude_keys, event),
            prefix: self.prefix.render(event),
        };
        let mut found = Found::default();
        match event.get(&self.source) {
            Some(ValueRef::Str(text)) => rules.parse(text, &mut found)?,
            Some(ValueRef::List(list)) => {
                for text in list.iter().filter_map(ValueRef::as_str) {
                    rules.parse(text, &mut found)?;
                }
            }
            _ => {}
        }
        let mut fields = self.default_keys.clone();
        for (key, values) in found.entries {
            let value = value(event, values.items);
            // What was found is there once: only a default may be there too.
            match fields.iter_mut().take(self.default_keys.len()).find(|(known, _)| *known == *key) {
                Some((_, default)) => *default = value,
                None => fields.push((key.into_owned(), value)),
            }
        }
        Ok(fields)
    }

    fn set(&self, event: &mut Event, fields: Vec<(String, Value)>) -> Result<(), Failed> {
        if let Some(target) = &self.target {
            let object: Object = fields.into_iter().map(|(key, value)| (Key::new(&key), value)).collect();
            return if event.can_set(target) && event.set(target, Value::from(object)) {
                Ok(())
            } else {
                Err(Failed::Name)
            };
        }
        for (key, value) in fields {
            let field = FieldRef::parse(&key).map_err(|_| Failed::Name)?;
            if !(event.can_set(&field) && event.set(&field, value)) {
                return Err(Failed::Name);
            }
        }
        Ok(())
    }
}

impl Filter for Kv {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let done = match self.read(event) {
            Ok(fields) if fields.is_empty() => return,
            Ok(fields) => self.set(event, fields),
            Err(failed) => Err(failed),
        };
        match done {
            Ok(()) => self.common.apply(event),
            Err(Failed::GaveUp) => event.tag(&self.tag_on_timeout),
            Err(Failed::Name) => self.tag_on_failure.iter().for_each(|tag| event.tag(tag)),
        }
    }
}

/// The options as they are for one event.
struct Rules<'k> {
    kv: &'k Kv,
    include: Vec<String>,
    exclude: Vec<String>,
    prefix: String,
}

/// Values in values are read to this depth, so that no text exhausts the stack.
const MAX_DEPTH: usize = 32;

impl Rules<'_> {
    fn parse<'t>(&self, text: &'t str, found: &mut Found<'t>) -> Result<(), Failed> {
        self.kv.scanner.scan(text, |key, value| {
            self.add(Cow::Borrowed(key), Cow::Borrowed(value), found, 0).map_err(|_| GaveUp)
        })?;
        Ok(())
    }

    fn add<'t>(
        &self,
        key: Cow<'t, str>,
        value: Cow<'t, str>,
        found: &mut Found<'t>,
        depth: usize,
    ) -> Result<(), Failed> {
        let kv = self.kv;
        if value.is_empty() && !kv.allow_empty_values {
            return Ok(());
        }
        let mut key = rewrite(key, &kv.trim_key, &kv.remove_char_key, kv.transform_key)?;
        if !self.include.is_empty() && !self.include.iter().any(|known| *known == *key) {
            return Ok(());
        }
        if self.exclude.iter().any(|known| *known == *key) {
            return Ok(());
        }
        if !self.prefix.is_empty() {
            key = Cow::Owned(format!("{}{key}", self.prefix));
        }
        let value = rewrite(value, &kv.trim_value, &kv.remove_char_value, kv.transform_value)?;
        let values = found.values(key);
        if !kv.allow_duplicate_values && values.has(&value) {
            return Ok(());
        }
        let inner =
            if kv.recursive && depth < MAX_DEPTH { self.inner(&value, depth + 1)? } else { Found::default() };
        values.push(if inner.entries.is_empty() { Item::Text(value) } else { Item::Inner(inner) });
        Ok(())
    }

    /// What a value holds itself.
    fn inner(&self, value: &str, depth: usize) -> Result<Found<'static>, Failed> {
        let mut found = Found::default();
        self.kv.scanner.scan(value, |key, value| {
            self.add(Cow::Owned(key.to_owned()), Cow::Owned(value.to_owned()), &mut found, depth)
                .map_err(|_| GaveUp)
        })?;
        Ok(found)
    }
}

fn rewrite<'t>(
    text: Cow<'t, str>,
    trim: &Option<Chars>,
    remove: &Option<Chars>,
    transform: Option<Transform>,
) -> Result<Cow<'t, str>, GaveUp> {
    let mut text = text;
    for chars in [trim, remove].into_iter().flatten() {
        text = chars.without(text)?;
    }
    Ok(match transform {
        Some(transform) => Cow::Owned(transform(&text)),
        None => text,
    })
}

fn value(event: &Event, items: Vec<Item<'_>>) -> Value {
    let one = |item| match item {
        Item::Text(Cow::Borrowed(text)) => event.share(text),
        Item::Text(Cow::Owned(text)) => Value::from(text),
        Item::Inner(found) => {
            let fields =
                found.entries.into_iter().map(|(key, values)| (Key::new(&key), value(event, values.items)));
            Value::from(fields.collect::<Object>())
        }
    };
    let mut values: Vec<Value> = items.into_iter().map(one).collect();
    match (values.len(), values.pop()) {
        (1, Some(value)) => value,
        (_, last) => {
            values.extend(last);
            Value::list(values)
        }
    }
}

fn render(templates: &[Template], event: &Event) -> Vec<String> {
    templates.iter().map(|template| template.render(event)).collect()
}

fn keys(options: &mut Options<'_>, name: &'static str) -> Vec<Template> {
    let texts = options.texts(name).unwrap_or_default();
    texts.iter().filter_map(|text| template(options, &text.node, &text.span)).collect()
}

fn defaults(options: &mut Options<'_>) -> Vec<(String, Value)> {
    options
        .text_lists("default_keys")
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, mut values)| {
            field(options, &key.node, &key.span)?;
            let value = match values.len() {
                1 => Value::from(values.remove(0).node),
                _ => Value::list(values.into_iter().map(|value| Value::from(value.node)).collect()),
            };
            Some((key.node, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, check_json, errors};

    /// The fields that `kv { … }` adds to a line.
    #[track_caller]
    fn kv(conf: &str, line: &str) -> String {
        check(&format!(r#"kv {{ {conf} }} mutate {{ remove_field => ["message", "@version"] }}"#), line)
            .replacen(r#""@timestamp":"1970-01-01T00:00:00.000Z""#, "", 1)
            .replacen("{,", "{", 1)
    }

    #[test]
    fn the_documented_examples() {
        insta::assert_snapshot!(kv("", "ip=1.2.3.4 error=REFUSED"), @r#"{"ip":"1.2.3.4","error":"REFUSED"}"#);
        insta::assert_snapshot!(kv(r#"trim_value => "<>\[\]," trim_key => "<>\[\],""#, "<k>=<v>, [l]=[w], m=[x"), @r#"{"k":"v","l":"w","m":"x"}"#);
        insta::assert_snapshot!(kv(r#"remove_char_value => "<>\[\]," remove_char_key => "<>""#, "<k>=a<>b,c l<m=[x]"), @r#"{"k":"abc","lm":"x"}"#);
        insta::assert_snapshot!(kv(r#"transform_value => "capitalize" transform_key => "uppercase""#, "kéy=vALUE"), @r#"{"KÉY":"Value"}"#);
        insta::assert_snapshot!(kv(r#"field_split => "&?""#, "?pin=12345~0&d=123&e=foo@bar.com&oq=bobo&ss=12345"), @r#"{"pin":"12345~0","d":"123","e":"foo@bar.com","oq":"bobo","ss":"12345"}"#);
        insta::assert_snapshot!(kv(r#"field_split_pattern => ":+""#, "k1=v1:k2=v2::k3=v3:::k4=v4"), @r#"{"k1":"v1","k2":"v2","k3":"v3","k4":"v4"}"#);
        insta::assert_snapshot!(kv(r#"field_split_pattern => "\+\+" value_split_pattern => "=>|->""#, "k1=>v1++k2->v2++k3=v3"), @r#"{"k1":"v1","k2":"v2"}"#);
        insta::assert_snapshot!(kv(r#"value_split => ":" prefix => "arg_""#, "key1:value1 key2:value2"), @r#"{"arg_key1":"value1","arg_key2":"value2"}"#);
        insta::assert_snapshot!(kv(r#"include_keys => ["from", "to"]"#, "Hey, from=<abc>, to=def foo=bar"), @r#"{"from":"<abc>,","to":"def"}"#);
        insta::assert_snapshot!(kv(r#"exclude_keys => ["from", "to"]"#, "Hey, from=<abc>, to=def foo=bar"), @r#"{"foo":"bar"}"#);
        insta::assert_snapshot!(kv(r#"default_keys => ["from", "logstash@example.com", "to", "default@dev.null"]"#, "Hey, from=<abc> foo=bar"), @r#"{"from":"abc","to":"default@dev.null","foo":"bar"}"#);
        insta::assert_snapshot!(kv("", "from=me from=me"), @r#"{"from":["me","me"]}"#);
        insta::assert_snapshot!(kv("allow_duplicate_values => false", "from=me from=me from=m"), @r#"{"from":["me","m"]}"#);
        insta::assert_snapshot!(kv("", "bracketsone=(hello world) bracketstwo=[hello world] bracketsthree=<hello world>"), @r#"{"bracketsone":"hello world","bracketstwo":"hello world","bracketsthree":"hello world"}"#);
        insta::assert_snapshot!(kv("include_brackets => false", "bracketsone=(hello world) bracketstwo=[hello world] bracketsthree=<hello world>"), @r#"{"bracketsone":"(hello","bracketstwo":"[hello","bracketsthree":"<hello"}"#);
        insta::assert_snapshot!(kv(r#"recursive => true field_split => " ""#, r#"a="b=c d='e=f g=h'" i=j"#), @r#"{"a":{"b":"c","d":{"e":"f","g":"h"}},"i":"j"}"#);
        insta::assert_snapshot!(kv("", "key1= value1 key2 =value2 key3 = value3"), @r#"{"key1":"value1","key2":"value2","key3":"value3"}"#);
        insta::assert_snapshot!(kv("whitespace => strict allow_empty_values => true", "key1=value1 key2= key3=value3"), @r#"{"key1":"value1","key2":"","key3":"value3"}"#);
        insta::assert_snapshot!(kv(r#"allow_empty_values => true"#, r#"a="" b=x c="#), @r#"{"a":"","b":"x","c":""}"#);
    }

    #[test]
    fn quotes_and_escapes() {
        insta::assert_snapshot!(kv("", r#"a="x y" b='it is' c="open d=e f=g\ h i="j\"k""#), @r#"{"a":"x y","b":"it is","c":"\"open","d":"e","f":"g\\ h","i":"j\\\"k"}"#);
        // A quote that something follows is a letter.
        insta::assert_snapshot!(kv("", r#"a="b"c d=e"#), @r#"{"a":"\"b\"c","d":"e"}"#);
        insta::assert_snapshot!(kv(r#"trim_value => "é""#, "kö=éé«x»é"), @r#"{"kö":"«x»"}"#);
    }

    #[test]
    fn where_from_and_where_to() {
        insta::assert_snapshot!(check_json(r#"kv { source => "s" target => "[a][b]" prefix => "%{p}_" add_tag => "ok" include_keys => ["%{k}"] }"#, r#"{"s":["x=1 y=2", 7, "x=3"],"p":"P","k":"x"}"#), @r#"{"s":["x=1 y=2",7,"x=3"],"p":"P","k":"x","a":{"b":{"P_x":["1","3"]}},"tags":["ok"]}"#);
        // Nothing found, nothing done; nor with what is no text.
        insta::assert_snapshot!(check_json(r#"kv { source => "s" add_tag => "ok" }"#, r#"{"s":"nothing"}"#), @r#"{"s":"nothing"}"#);
        insta::assert_snapshot!(check_json(r#"kv { source => "s" add_tag => "ok" }"#, r#"{"s":7}"#), @r#"{"s":7}"#);
        insta::assert_snapshot!(check_json(r#"kv { source => "s" add_tag => "ok" default_keys => { "d" => "1" } }"#, r#"{"a":7}"#), @r#"{"a":7,"d":"1","tags":["ok"]}"#);
    }

    #[test]
    fn failures_are_tagged() {
        assert!(kv("", "a[b=c").contains("_kv_filter_error"));
        assert!(kv(r#"tag_on_failure => "x""#, "@timestamp=now").contains(r#""tags":["x"]"#));
        let explodes = format!("{}c", "a".repeat(60));
        assert!(
            kv(r#"value_split_pattern => "(?:(a|aa)+)+(?<!a)c""#, &explodes).contains("_kv_filter_timeout")
        );
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors(r#"kv { value_split => "" whitespace => "loose" field_split_pattern => "(" }"#), @r#"
        x.conf:1:30: `value_split` of kv must not be empty
          |
        1 | filter { kv { value_split => "" whitespace => "loose" field_split_pattern => "(" } }
          |                              ^^
        x.conf:1:47: option `whitespace` of kv wants one of `lenient`, `strict`
          |
        1 | filter { kv { value_split => "" whitespace => "loose" field_split_pattern => "(" } }
          |                                               ^^^^^^^
        x.conf:1:78: the regular expression is broken: Parsing error at position 5: Opening parenthesis without closing parenthesis
          |
        1 | filter { kv { value_split => "" whitespace => "loose" field_split_pattern => "(" } }
          |                                                                              ^^^
        "#);
        insta::assert_snapshot!(errors(r#"kv { trim => "x" transform_key => "upper" }"#), @r#"
        x.conf:1:44: option `transform_key` of kv wants one of `lowercase`, `uppercase`, `capitalize`
          |
        1 | filter { kv { trim => "x" transform_key => "upper" } }
          |                                            ^^^^^^^
        x.conf:1:15: unknown option `trim` of kv
          |
        1 | filter { kv { trim => "x" transform_key => "upper" } }
          |               ^^^^
          = help: known options: add_field, add_tag, allow_duplicate_values, allow_empty_values, default_keys, ecs_compatibility, enable_metric, exclude_keys, field_split, field_split_pattern, id, include_brackets, include_keys, periodic_flush, prefix, recursive, remove_char_key, remove_char_value, remove_field, remove_tag, source, tag_on_failure, tag_on_timeout, target, timeout_millis, transform_key, transform_value, trim_key, trim_value, value_split, value_split_pattern, whitespace
        "#);
    }

    #[test]
    fn a_hundred_thousand_keys_or_values_are_told_apart() {
        let keys: Vec<String> = (0..100_000).map(|n| format!("k{n}={n}")).collect();
        let out = kv(r#"target => "t""#, &format!("{} k7=again", keys.join(" ")));
        assert!(out.starts_with(r#"{"t":{"k0":"0","k1":"1","#), "{}", &out[..60]);
        assert!(out.contains(r#""k7":["7","again"],"#) && out.ends_with(r#""k99999":"99999"}}"#));
        let values: Vec<String> = (0..100_000).map(|n| format!("k={n}")).collect();
        let out = kv("allow_duplicate_values => false", &format!("{} k=0 k=99999", values.join(" ")));
        assert!(out.ends_with(r#","99998","99999"]}"#));
    }
}
