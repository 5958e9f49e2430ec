//! `mutate`: rename, replace, convert … in Logstash's fixed order, whatever the order in the file.

use alces_conf::{Options, Spanned};
use alces_event::{Event, FieldRef, Template, Value, ValueRef};

use crate::{
    common::{Common, field, template},
    context::Context,
    filter::Filter,
};

/// A compiled `mutate { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Mutate {
    rename: Vec<(FieldRef, FieldRef)>,
    update: Vec<(FieldRef, Template)>,
    replace: Vec<(FieldRef, Template)>,
    convert: Vec<(FieldRef, Type)>,
    uppercase: Vec<FieldRef>,
    lowercase: Vec<FieldRef>,
    strip: Vec<FieldRef>,
    copy: Vec<(FieldRef, FieldRef)>,
    common: Common,
}

#[derive(Clone, Copy, Debug)]
enum Type {
    Integer,
    Float,
    String,
    Boolean,
}

impl Mutate {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        for name in ["gsub", "capitalize", "split", "join", "merge", "coerce"] {
            options.unsupported(
                name,
                "it comes with the engine; see the README's list of what does not work yet",
            );
        }
        options.no_effect("tag_on_failure", "nothing of what is supported can fail");
        let rename = field_pairs(options, "rename");
        let copy = field_pairs(options, "copy");
        let update = template_pairs(options, "update");
        let replace = template_pairs(options, "replace");
        let mut convert = Vec::new();
        for (name, word) in pairs(options, "convert") {
            let to = match word.node.as_str() {
                "integer" => Type::Integer,
                "float" => Type::Float,
                "string" => Type::String,
                "boolean" => Type::Boolean,
                _ => {
                    options.error(&word.span, "`convert` knows integer, float, string and boolean");
                    continue;
                }
            };
            if let Some(name) = field(options, &name.node, &name.span) {
                convert.push((name, to));
            }
        }
        let mutate = Self {
            rename,
            update,
            replace,
            convert,
            uppercase: fields(options, "uppercase"),
            lowercase: fields(options, "lowercase"),
            strip: fields(options, "strip"),
            copy,
            common,
        };
        Some(Box::new(mutate))
    }
}

impl Filter for Mutate {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        for (from, to) in &self.rename {
            event.rename(from, to);
        }
        for (name, value) in &self.update {
            if event.get(name).is_some() {
                let value = value.render(event);
                event.set(name, value);
            }
        }
        for (name, value) in &self.replace {
            let value = value.render(event);
            event.set(name, value);
        }
        for (name, to) in &self.convert {
            if let Some(value) = event.get(name).and_then(|value| convert(value, *to)) {
                event.set(name, value);
            }
        }
        for name in &self.uppercase {
            change(event, name, str::to_uppercase);
        }
        for name in &self.lowercase {
            change(event, name, str::to_lowercase);
        }
        for name in &self.strip {
            change(event, name, |text| text.trim().to_owned());
        }
        for (from, to) in &self.copy {
            if let Some(value) = event.get(from).map(ValueRef::to_value) {
                event.set(to, value);
            }
        }
        self.common.apply(event);
    }
}

fn change(event: &mut Event, name: &FieldRef, how: impl Fn(&str) -> String) {
    if let Some(text) = event.get(name).and_then(ValueRef::as_str) {
        let text = how(text);
        event.set(name, text);
    }
}

/// `None` leaves the field as it is.
fn convert(value: ValueRef<'_>, to: Type) -> Option<Value> {
    if let ValueRef::List(list) = value {
        return Some(Value::list(list.iter().map(|v| convert(v, to).unwrap_or(v.to_value())).collect()));
    }
    Some(match (to, value) {
        (Type::Integer, ValueRef::Str(text)) => {
            let text = text.trim().replace(',', "");
            let whole = text.parse::<i64>().ok();
            Value::Int(whole.or_else(|| text.parse::<f64>().ok().map(|f| f as i64)).unwrap_or(0))
        }
        (Type::Integer, ValueRef::Float(number)) => Value::Int(number as i64),
        (Type::Integer, ValueRef::Bool(truth)) => Value::Int(i64::from(truth)),
        (Type::Float, ValueRef::Str(text)) => Value::Float(text.trim().parse().unwrap_or(0.0)),
        (Type::Float, ValueRef::Int(number)) => Value::Float(number as f64),
        (Type::String, ValueRef::Int(number)) => Value::from(number.to_string()),
        (Type::String, ValueRef::Float(number)) => Value::from(format!("{number:?}")),
        (Type::String, ValueRef::Bool(truth)) => Value::from(truth.to_string()),
        (Type::Boolean, ValueRef::Str(text)) => match text.to_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => Value::Bool(true),
            "false" | "f" | "no" | "n" | "0" | "0.0" => Value::Bool(false),
            _ => return None,
        },
        (Type::Boolean, ValueRef::Int(number @ (0 | 1))) => Value::Bool(number == 1),
        _ => return None,
    })
}

fn fields(options: &mut Options<'_>, name: &'static str) -> Vec<FieldRef> {
    let texts = options.texts(name).unwrap_or_default();
    texts.iter().filter_map(|t| field(options, &t.node, &t.span)).collect()
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

#[cfg(test)]
mod tests {
    use crate::test_support::{check, errors};

    #[test]
    fn in_the_fixed_order() {
        insta::assert_snapshot!(
            check(r#"mutate { copy => { "b" => "[c][d]" } convert => { "b" => "integer" } rename => { "a" => "b" } replace => { "a" => " X%{message} " } strip => "a" add_field => { "n" => "%{b}" } }
                     mutate { lowercase => ["a"] }"#, "7"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"7","a":"x7","n":"%{b}"}"#
        );
    }

    #[test]
    fn what_is_not_there_yet_is_said() {
        assert!(
            errors(r#"mutate { gsub => ["a", "b", "c"] }"#).contains("`gsub` of mutate is not supported yet")
        );
        assert!(errors(r#"mutate { convert => { "a" => "int" } }"#).contains("knows integer, float"));
    }
}
