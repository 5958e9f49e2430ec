//! `translate`: a field's value is looked up in a dictionary (logstash-filter-translate 3.4).
//!
//! Other than in Logstash: a dictionary's file is looked at every few seconds at the most, however short `refresh_interval` is; a
//! file that is not there when the pipeline starts is an error and not a warning; and a key that is a number in YAML is the text
//! that is written there, where Logstash never finds it.

mod dictionary;
mod file;

use std::{path::PathBuf, sync::Arc};

use alces_conf::{Options, Spanned, TypedValue};
use alces_event::{Event, FieldRef, Key, Object, ObjectRef, Template, Value, ValueRef};
use jiff::SignedDuration;

use crate::{
    common::{Common, field, pattern, template},
    context::{Context, EcsMode, ecs_option},
    filter::Filter,
    reload::Reload,
    ruby,
};
use dictionary::{Dictionary, How};
use file::Format;

/// A compiled `translate { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Translate {
    what: What,
    dictionary: Known,
    fallback: Option<Template>,
    override_: bool,
    /// Such an event is always a success.
    in_place: bool,
    common: Common,
}

/// What is looked up, and where the answer goes.
#[derive(Clone, Debug)]
enum What {
    /// A value, or the first of a list.
    Value { source: FieldRef, target: FieldRef },
    /// All values of a list, into another.
    Values { source: FieldRef, target: FieldRef },
    /// A value of each object of a list, into that object.
    Objects { list: FieldRef, source: Vec<Key>, target: Vec<Key> },
}

#[derive(Clone, Debug)]
enum Known {
    Written(Arc<Dictionary>),
    File(Reload<Dictionary>),
}

impl Known {
    fn get(&mut self) -> &Dictionary {
        match self {
            Self::Written(dictionary) => dictionary,
            Self::File(file) => file.get().0,
        }
    }
}

const REFRESH: i64 = 300;
const CODE_POINTS: i64 = 134_217_728;

impl Translate {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let ecs = ecs_option(options, context.ecs);
        options.differs("refresh_interval", "the file is looked at every few seconds at the most");
        options.differs("dictionary_path", "a file that is not there at the start is an error");
        let source = renamed(options, "source", "field");
        let target = renamed(options, "target", "destination");
        let exact = options.boolean("exact").unwrap_or(true);
        let regex = options.boolean("regex").unwrap_or(false);
        let how = match (exact, regex) {
            (true, false) => How::Exact,
            (true, true) => How::Regex,
            (false, _) => How::Replace,
        };
        let dictionary = dictionary(context, options, how);
        let fallback = options.text("fallback");
        let fallback = fallback.and_then(|text| template(options, &text.node, &text.span));
        let override_ = options.boolean("override");
        let iterate_on = options.text("iterate_on");
        let source = source?;
        let target = target.unwrap_or_else(|| match ecs {
            EcsMode::V8 => source.clone(),
            EcsMode::Disabled => Spanned { node: "translation".to_owned(), span: source.span.clone() },
        });
        let from = field(options, &source.node, &source.span);
        let to = field(options, &target.node, &target.span);
        let list = iterate_on.and_then(|text| field(options, &text.node, &text.span));
        let (from, to) = (from?, to?);
        let in_place = from == to;
        let what = match list {
            None => What::Value { source: from, target: to },
            Some(list) if list == from => What::Values { source: from, target: to },
            Some(list) => What::Objects { list, source: keys(&source.node), target: keys(&target.node) },
        };
        Some(Box::new(Self {
            what,
            dictionary: dictionary?,
            fallback,
            override_: override_.unwrap_or(in_place),
            in_place,
            common,
        }))
    }

    fn may_set(&self, event: &Event, target: &FieldRef) -> bool {
        self.override_ || event.get(target).is_none()
    }

    /// Whether anything was set; none where the filter leaves the event alone.
    fn translate(&mut self, event: &mut Event) -> Option<bool> {
        let fallback = |event: &Event, fallback: &Option<Template>| {
            fallback.as_ref().map(|template| Value::from(template.render(event)))
        };
        match &self.what {
            What::Value { source, target } => {
                let value = event.get(source)?;
                if !self.may_set(event, target) {
                    return None;
                }
                let text = match value {
                    ValueRef::List(list) => list.get(0).map(ruby::to_s).unwrap_or_default(),
                    one => ruby::to_s(one),
                };
                let found = self.dictionary.get().find(&text);
                let Some(value) = found.or_else(|| fallback(event, &self.fallback)) else {
                    return Some(false);
                };
                event.set(target, value);
                Some(true)
            }
            What::Values { source, target } => {
                let value = event.get(source)?;
                if !self.may_set(event, target) {
                    return None;
                }
                let texts: Vec<String> = match value {
                    ValueRef::Null => Vec::new(),
                    ValueRef::List(list) => list.iter().map(ruby::to_s).collect(),
                    one => vec![ruby::to_s(one)],
                };
                let other = fallback(event, &self.fallback).unwrap_or(Value::Null);
                let dictionary = self.dictionary.get();
                let find = |text: &String| dictionary.find(text).unwrap_or_else(|| other.clone());
                let values: Vec<Value> = texts.iter().map(find).collect();
                let any = values.iter().any(|value| !matches!(value, Value::Null | Value::Bool(false)));
                event.set(target, Value::list(values));
                Some(any)
            }
            What::Objects { list, source, target } => {
                let value = event.get(list)?;
                let ValueRef::List(items) = value else { return Some(false) };
                let other = fallback(event, &self.fallback);
                let dictionary = self.dictionary.get();
                let find = |item: ValueRef<'_>| {
                    let object = item.as_object()?;
                    let found = below(object, source).and_then(|value| dictionary.find(&ruby::to_s(value)));
                    found.or_else(|| other.clone())
                };
                let found: Vec<Option<Value>> = items.iter().map(find).collect();
                let any = found.iter().any(Option::is_some);
                if let Some((Value::List(items), _)) = event.place(list) {
                    for (item, value) in items.iter_mut().zip(found) {
                        if let (Value::Object(object), Some(value)) = (item, value) {
                            set_below(object, target, value);
                        }
                    }
                }
                Some(any)
            }
        }
    }
}

/// An option that has an older name.
fn renamed(options: &mut Options<'_>, name: &'static str, old: &'static str) -> Option<Spanned<String>> {
    let new = options.text(name);
    let before = options.text(old);
    if let (Some(_), Some(before)) = (&new, &before) {
        options.error(&before.span, format!("`{old}` is the old name of `{name}`: write one of them"));
    }
    if name == "source" && !options.is_given(name) && !options.is_given(old) {
        options.error_here(
            r#"translate wants `source => "[http][response][status_code]"`, the field to look up"#,
        );
    }
    new.or(before)
}

fn dictionary(context: &Context<'_>, options: &mut Options<'_>, how: How) -> Option<Known> {
    let path = options.text("dictionary_path");
    let interval = options.integer("refresh_interval", i64::from(i32::MIN)..=i64::from(i32::MAX));
    let interval = Some(interval.unwrap_or(REFRESH)).filter(|seconds| *seconds > 0);
    let merge = options.choice("refresh_behaviour", &[("merge", true), ("replace", false)]).unwrap_or(true);
    let most = options.integer("yaml_dictionary_code_point_limit", 1..=i64::MAX).unwrap_or(CODE_POINTS);
    let written = options.hash("dictionary");
    let Some(path) = path else {
        let written = written.unwrap_or_default();
        if how == How::Regex
            && !written.iter().all(|(key, _)| pattern(options, &key.node, &key.span).is_some())
        {
            return None;
        }
        let entries = written.into_iter().map(|(key, value)| (key.node, typed(value.node))).collect();
        return match Dictionary::new(how, None, entries) {
            Ok(dictionary) => Some(Known::Written(Arc::new(dictionary))),
            Err(reason) => {
                options.error_here(reason);
                None
            }
        };
    };
    if written.is_some_and(|entries| !entries.is_empty()) {
        options.error(&path.span, "translate takes `dictionary` or `dictionary_path`, not both");
    }
    let Some(format) = Format::of(&path.node) else {
        options.error_with_help(
            &path.span,
            format!("`{}` is no kind of file that a dictionary can be in", path.node),
            "the name ends with `.yaml`, `.yml`, `.json` or `.csv`",
        );
        return None;
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let make = move |bytes: &[u8], old: Option<&Dictionary>| {
        Dictionary::new(how, old.filter(|_| merge), format.read(bytes, most)?)
    };
    let interval = interval.map(SignedDuration::from_secs);
    match Reload::read(context, PathBuf::from(&path.node), interval, Box::new(make)) {
        Ok(file) => Some(Known::File(file)),
        Err(reason) => {
            options.error(&path.span, format!("cannot read the dictionary `{}`: {reason}", path.node));
            None
        }
    }
}

/// A value as the configuration has it.
fn typed(value: TypedValue) -> Value {
    match value {
        TypedValue::Text(text) => Value::from(text),
        TypedValue::Number(text) => match text.parse::<i64>() {
            Ok(number) => Value::Int(number),
            Err(_) => text.parse::<f64>().map_or_else(|_| Value::from(text.as_str()), Value::Float),
        },
        TypedValue::List(items) => Value::list(items.into_iter().map(typed).collect()),
        TypedValue::Hash(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (Key::new(&key), typed(value))).collect())
        }
    }
}

/// `[a][b]` and `a` as names.
fn keys(reference: &str) -> Vec<Key> {
    reference.split(['[', ']']).filter(|name| !name.is_empty()).map(Key::new).collect()
}

fn below<'a>(object: ObjectRef<'a>, way: &[Key]) -> Option<ValueRef<'a>> {
    way.iter().try_fold(ValueRef::Object(object), |at, key| at.as_object()?.get(key.as_str()))
}

fn set_below(object: &mut Object, way: &[Key], value: Value) {
    if let Some((last, way)) = way.split_last() {
        way.iter().fold(object, |object, key| object.child(key)).set(last.clone(), value);
    }
}

impl Filter for Translate {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        if self.translate(event).is_some_and(|set| set || self.in_place) {
            self.common.apply(event);
        }
    }

    fn flush(&mut self, end: bool, _: &mut Vec<Event>) {
        if let (false, Known::File(file)) = (end, &self.dictionary) {
            file.refresh();
        }
    }
}

#[cfg(test)]
mod tests;
