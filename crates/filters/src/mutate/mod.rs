//! `mutate`: rename, replace, convert … in Logstash's fixed order, whatever the order in the file (logstash-filter-mutate 3.6).

mod convert;
mod gsub;
mod merge;

use alces_conf::{Options, Spanned};
use alces_event::{Event, FieldRef, Template, Value, ValueRef};

use crate::{
    common::{Common, FieldName, field, fields, template},
    context::Context,
    filter::Filter,
    ruby,
};
use convert::{Type, convert};
use gsub::Gsub;

/// A compiled `mutate { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Mutate {
    coerce: Vec<(FieldRef, Template)>,
    rename: Vec<(FieldName, FieldName)>,
    update: Vec<(FieldRef, Template)>,
    replace: Vec<(FieldRef, Template)>,
    convert: Vec<(FieldRef, Type)>,
    gsub: Vec<Gsub>,
    uppercase: Vec<FieldRef>,
    capitalize: Vec<FieldRef>,
    lowercase: Vec<FieldRef>,
    strip: Vec<FieldRef>,
    split: Vec<(FieldRef, String)>,
    join: Vec<(FieldRef, String)>,
    merge: Vec<(FieldRef, FieldRef)>,
    copy: Vec<(FieldRef, FieldRef)>,
    tag_on_failure: String,
    common: Common,
}

/// Something went wrong: the event is tagged, what was done before stays, and what comes after is not done.
#[derive(Clone, Copy, Debug)]
struct Failed;

impl Mutate {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        options.differs("merge", "several fields merged into a text are all kept, not the last one only");
        let mutate = Self {
            coerce: template_pairs(options, "coerce"),
            rename: rename_pairs(options),
            update: template_pairs(options, "update"),
            replace: template_pairs(options, "replace"),
            convert: convert::read(options),
            gsub: gsub::read(options),
            uppercase: fields(options, "uppercase"),
            capitalize: fields(options, "capitalize"),
            lowercase: fields(options, "lowercase"),
            strip: fields(options, "strip"),
            split: text_pairs(options, "split"),
            join: text_pairs(options, "join"),
            merge: field_pairs(options, "merge"),
            copy: field_pairs(options, "copy"),
            tag_on_failure: options.text("tag_on_failure").map_or("_mutate_error".to_owned(), |t| t.node),
            common,
        };
        Some(Box::new(mutate))
    }

    fn change(&self, event: &mut Event) -> Result<(), Failed> {
        for (name, value) in &self.coerce {
            if matches!(event.get(name), Some(ValueRef::Null)) {
                set(event, name, value.render(event))?;
            }
        }
        for (from, to) in &self.rename {
            let (from, to) = (from.of(event).ok_or(Failed)?, to.of(event).ok_or(Failed)?);
            rename(event, &from, &to)?;
        }
        for (name, value) in &self.update {
            if event.get(name).is_some() {
                set(event, name, value.render(event))?;
            }
        }
        for (name, value) in &self.replace {
            set(event, name, value.render(event))?;
        }
        for (name, to) in &self.convert {
            if let Some(value) = event.get(name).map(|value| convert(value, *to)).transpose()?.flatten() {
                set(event, name, value)?;
            }
        }
        for gsub in &self.gsub {
            gsub.apply(event)?;
        }
        for name in &self.uppercase {
            letters(event, name, str::to_uppercase)?;
        }
        for name in &self.capitalize {
            letters(event, name, ruby::capitalize)?;
        }
        for name in &self.lowercase {
            letters(event, name, str::to_lowercase)?;
        }
        for name in &self.strip {
            strip(event, name)?;
        }
        for (name, separator) in &self.split {
            if let Some(text) = event.get(name).and_then(ValueRef::as_str) {
                let parts = ruby::split(text, separator).into_iter().map(|part| event.share(part)).collect();
                set(event, name, Value::list(parts))?;
            }
        }
        for (name, separator) in &self.join {
            if let Some(ValueRef::List(list)) = event.get(name) {
                let text = ruby::join(list, separator);
                set(event, name, text)?;
            }
        }
        for (into, from) in &self.merge {
            merge::merge(event, into, from)?;
        }
        for (from, to) in &self.copy {
            if let Some(value) =
                event.get(from).filter(|value| *value != ValueRef::Null).map(ValueRef::to_value)
            {
                set(event, to, value)?;
            }
        }
        Ok(())
    }
}

impl Filter for Mutate {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        match self.change(event) {
            Ok(()) => self.common.apply(event),
            Err(Failed) => event.tag(&self.tag_on_failure),
        }
    }
}

/// Sets a field where Logstash would: not below a text, and `@timestamp` to a time only.
fn set(event: &mut Event, name: &FieldRef, value: impl Into<Value>) -> Result<(), Failed> {
    if event.can_set(name) && event.set(name, value) { Ok(()) } else { Err(Failed) }
}

fn rename(event: &mut Event, from: &FieldRef, to: &FieldRef) -> Result<(), Failed> {
    // An event is never without its time: that of `@timestamp` is copied, not moved.
    if let Some(ValueRef::Time(time)) = event.get(from)
        && !event.rename(from, to)
    {
        return set(event, to, time);
    }
    if event.get(from).is_none() {
        return Ok(());
    }
    if !event.can_set(to) {
        // `[a]` to `[a][b]` is fine: the old one has gone when the new one is set.
        let Some(value) = event.remove(from) else { return Err(Failed) };
        return set(event, to, value);
    }
    event.rename(from, to);
    Ok(())
}

/// Changes a text, or the texts of a list.
fn letters(event: &mut Event, name: &FieldRef, how: impl Fn(&str) -> String) -> Result<(), Failed> {
    let changed = match event.get(name) {
        Some(ValueRef::Str(text)) => Value::from(how(text)),
        Some(ValueRef::List(list)) => Value::list(
            list.iter()
                .map(|item| item.as_str().map_or_else(|| item.to_value(), |text| how(text).into()))
                .collect(),
        ),
        _ => return Ok(()),
    };
    set(event, name, changed)
}

/// Unlike letters, a list must be of texts only.
fn strip(event: &mut Event, name: &FieldRef) -> Result<(), Failed> {
    let stripped = match event.get(name) {
        Some(ValueRef::Str(text)) => event.share(ruby::strip(text)),
        Some(ValueRef::List(list)) => {
            let texts = list.iter().map(|item| item.as_str().map(|text| event.share(ruby::strip(text))));
            Value::list(texts.collect::<Option<_>>().ok_or(Failed)?)
        }
        _ => return Ok(()),
    };
    set(event, name, stripped)
}

fn pairs(options: &mut Options<'_>, name: &'static str) -> Vec<(Spanned<String>, Spanned<String>)> {
    let lists = options.text_lists(name).unwrap_or_default();
    lists.into_iter().flat_map(|(k, vs)| vs.into_iter().map(move |v| (k.clone(), v))).collect()
}

fn field_pairs(options: &mut Options<'_>, name: &'static str) -> Vec<(FieldRef, FieldRef)> {
    pairs(options, name)
        .into_iter()
        .filter_map(|(a, b)| Some((field(options, &a.node, &a.span)?, field(options, &b.node, &b.span)?)))
        .collect()
}

fn template_pairs(options: &mut Options<'_>, name: &'static str) -> Vec<(FieldRef, Template)> {
    pairs(options, name)
        .into_iter()
        .filter_map(|(a, b)| Some((field(options, &a.node, &a.span)?, template(options, &b.node, &b.span)?)))
        .collect()
}

fn text_pairs(options: &mut Options<'_>, name: &'static str) -> Vec<(FieldRef, String)> {
    pairs(options, name)
        .into_iter()
        .filter_map(|(a, b)| Some((field(options, &a.node, &a.span)?, b.node)))
        .collect()
}

fn rename_pairs(options: &mut Options<'_>) -> Vec<(FieldName, FieldName)> {
    pairs(options, "rename")
        .into_iter()
        .filter_map(|(a, b)| {
            Some((FieldName::read(options, &a.node, &a.span)?, FieldName::read(options, &b.node, &b.span)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, check_json, errors};

    /// What `mutate { … }` makes of an event from JSON, without what every event has.
    #[track_caller]
    fn mutate(conf: &str, json: &str) -> String {
        check_json(&format!("mutate {{ {conf} }}"), json)
    }

    #[test]
    fn in_the_fixed_order() {
        insta::assert_snapshot!(
            check(r#"mutate { copy => { "b" => "[c][d]" } convert => { "b" => "integer" } rename => { "a" => "b" } replace => { "a" => " X%{message} " } strip => "a" add_field => { "n" => "%{b}" } }
                     mutate { lowercase => ["a"] }"#, "7"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"7","a":"x7","n":"%{b}"}"#
        );
        // Every step, each on what the one before left.
        insta::assert_snapshot!(
            mutate(
                r#"copy => { "a" => "z" } merge => { "a" => "m" } join => { "j" => "-" } split => { "a" => "," } strip => ["a"] lowercase => ["a"]
                   capitalize => ["a"] uppercase => ["a"] gsub => ["a", "x", "y"] convert => { "a" => "string" } replace => { "a" => "%{a},x " }
                   update => { "a" => "%{a}2" } rename => { "o" => "a" } coerce => { "o" => "1" }"#,
                r#"{"o":null,"m":"m","j":[1,["2",null],true]}"#
            ),
            @r#"{"m":"m","j":"1-2--true","a":["12","y","m"],"z":["12","y","m"]}"#
        );
    }

    #[test]
    fn coerce_fills_nulls_only() {
        insta::assert_snapshot!(mutate(r#"coerce => { "a" => "d%{c}" "b" => "d" "c" => "d" }"#, r#"{"a":null,"c":7}"#), @r#"{"a":"d7","c":7}"#);
    }

    #[test]
    fn rename_moves_whatever_it_is() {
        insta::assert_snapshot!(mutate(
            r#"rename => { "a" => "[b][c]" "host" => "[host][name]" "%{k}" => "n_%{k}" "missing" => "m" "null" => "nil" "@timestamp" => "t" }"#,
            r#"{"a":[1,{"x":null}],"host":"h","k":"key","key":1,"null":null}"#
        ), @r#"{"k":"key","b":{"c":[1,{"x":null}]},"host":{"name":"h"},"n_key":1,"nil":null,"t":"1970-01-01T00:00:00.000Z"}"#);
    }

    #[test]
    fn update_wants_the_field_and_replace_does_not() {
        insta::assert_snapshot!(mutate(r#"update => { "a" => "A%{b}" "c" => "C" } replace => { "d" => "D%{missing}" }"#, r#"{"a":1,"b":2}"#), @r#"{"a":"A2","b":2,"d":"D%{missing}"}"#);
    }

    #[test]
    fn letters_of_texts_and_of_lists() {
        insta::assert_snapshot!(mutate(
            r#"uppercase => ["u", "n", "missing"] lowercase => ["l"] capitalize => ["c"] strip => ["s", "sl", "n"]"#,
            r#"{"u":"straße","l":["ÀB",1,null],"c":["éTÉ x"],"s":"\t a b \n","sl":[" x "],"n":5}"#
        ), @r#"{"u":"STRASSE","l":["àb",1,null],"c":["Été x"],"s":"a b","sl":["x"],"n":5}"#);
    }

    #[test]
    fn split_and_join() {
        insta::assert_snapshot!(mutate(
            r#"split => { "a" => "," "b" => " " "n" => "," } join => { "l" => ", " "t" => "x" }"#,
            r#"{"a":"1,2,,","b":"  x  y ","n":1,"l":["a",[1.5,null],true],"t":"text"}"#
        ), @r#"{"a":["1","2"],"b":["x","y"],"n":1,"l":"a, 1.5, , true","t":"text"}"#);
    }

    #[test]
    fn copy_leaves_the_old_and_the_nulls() {
        insta::assert_snapshot!(mutate(r#"copy => { "a" => "b" "nil" => "c" "@timestamp" => "t" }"#, r#"{"a":{"x":[1]},"nil":null}"#), @r#"{"a":{"x":[1]},"nil":null,"b":{"x":[1]},"t":"1970-01-01T00:00:00.000Z"}"#);
    }

    #[test]
    fn a_failure_is_tagged_and_ends_the_filter() {
        // Nothing is set below a text, and nothing but a time as the time.
        insta::assert_snapshot!(mutate(r#"replace => { "[a][b]" => "x" } uppercase => "a" add_tag => "done""#, r#"{"a":"text"}"#), @r#"{"a":"text","tags":["_mutate_error"]}"#);
        insta::assert_snapshot!(mutate(r#"replace => { "@timestamp" => "x" } tag_on_failure => "mine""#, "{}"), @r#"{"tags":["mine"]}"#);
        insta::assert_snapshot!(mutate(r#"strip => "a""#, r#"{"a":[" x ",1]}"#), @r#"{"a":[" x ",1],"tags":["_mutate_error"]}"#);
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors(r#"mutate { gsub => ["a", "b"] }"#), @r#"
        x.conf:1:28: `gsub` wants three texts for each replacement
          |
        1 | filter { mutate { gsub => ["a", "b"] } }
          |                            ^^^
          = help: write `gsub => ["field", "regex", "replacement"]`
        "#);
        insta::assert_snapshot!(errors(r#"mutate { gsub => ["a", "(", "c"] uppercas => "a" }"#), @r#"
        x.conf:1:33: the regular expression is broken: Parsing error at position 5: Opening parenthesis without closing parenthesis
          |
        1 | filter { mutate { gsub => ["a", "(", "c"] uppercas => "a" } }
          |                                 ^^^
        x.conf:1:43: unknown option `uppercas` of mutate
          |
        1 | filter { mutate { gsub => ["a", "(", "c"] uppercas => "a" } }
          |                                           ^^^^^^^^
          = help: did you mean `uppercase`?
        "#);
        insta::assert_snapshot!(errors(r#"mutate { convert => { "a" => "int" } rename => { "a" => "[b" } split => "x" }"#), @r#"
        x.conf:1:66: `[b` is not a field reference: write `name` or `[outer][inner]`
          |
        1 | filter { mutate { convert => { "a" => "int" } rename => { "a" => "[b" } split => "x" } }
          |                                                                  ^^^^
        x.conf:1:39: `convert` of mutate knows no `int`
          |
        1 | filter { mutate { convert => { "a" => "int" } rename => { "a" => "[b" } split => "x" } }
          |                                       ^^^^^
          = help: `convert` knows integer, integer_eu, float, float_eu, string, boolean
        x.conf:1:82: option `split` of mutate wants a hash, as in `{ "message" => "…" }`, not a string
          |
        1 | filter { mutate { convert => { "a" => "int" } rename => { "a" => "[b" } split => "x" } }
          |                                                                                  ^^^
        "#);
    }
}
