//! The options that every filter has: `add_field`, `remove_field`, `add_tag`, `remove_tag`, `id` and others.

use std::borrow::Cow;

use alces_conf::{Options, Spanned, TypedValue, closest};
use alces_event::{Event, FieldRef, Template};

use crate::regex::Pattern;

/// What is done to an event when its filter succeeded (Logstash's `filter_matched`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Common {
    add_field: Vec<(Template, Vec<Template>)>,
    remove_field: Vec<Template>,
    add_tag: Vec<Template>,
    remove_tag: Vec<Template>,
}

impl Common {
    pub(crate) fn read(options: &mut Options<'_>) -> Self {
        // Shown by the monitoring API, not needed to run.
        options.text("id");
        options.no_effect("enable_metric", "every plugin is measured");
        options.no_effect("periodic_flush", "filters that hold events back are flushed anyway");
        let add_field = options.hash("add_field").unwrap_or_default();
        let add_field = add_field
            .into_iter()
            .filter_map(|(key, value)| {
                let texts = match value.node {
                    TypedValue::Text(text) | TypedValue::Number(text) => vec![text],
                    TypedValue::List(items) => items
                        .into_iter()
                        .filter_map(|item| match item {
                            TypedValue::Text(text) | TypedValue::Number(text) => Some(text),
                            _ => None,
                        })
                        .collect(),
                    TypedValue::Hash(_) => {
                        options.error(&value.span, "`add_field` sets texts, not hashes");
                        return None;
                    }
                };
                let key = template(options, &key.node, &key.span)?;
                let texts = texts.iter().filter_map(|t| template(options, t, &value.span)).collect();
                Some((key, texts))
            })
            .collect();
        Self {
            add_field,
            remove_field: templates(options, "remove_field"),
            add_tag: templates(options, "add_tag"),
            remove_tag: templates(options, "remove_tag"),
        }
    }

    /// In Logstash's order: fields added, fields removed, tags added, tags removed.
    pub(crate) fn apply(&self, event: &mut Event) {
        for (key, values) in &self.add_field {
            let Ok(field) = FieldRef::parse(&key.render(event)) else { continue };
            for value in values {
                let value = value.render(event);
                event.append(&field, value);
            }
        }
        for field in &self.remove_field {
            if let Ok(field) = FieldRef::parse(&field.render(event)) {
                event.remove(&field);
            }
        }
        for tag in &self.add_tag {
            let tag = tag.render(event);
            event.tag(&tag);
        }
        for tag in &self.remove_tag {
            let tag = tag.render(event);
            event.untag(&tag);
        }
    }
}

/// A template, or an error at its place.
pub(crate) fn template(options: &mut Options<'_>, text: &str, span: &alces_conf::Span) -> Option<Template> {
    match Template::parse(text) {
        Ok(template) => Some(template),
        Err(error) => {
            options.error(span, error.to_string());
            None
        }
    }
}

fn templates(options: &mut Options<'_>, name: &'static str) -> Vec<Template> {
    let texts = options.texts(name).unwrap_or_default();
    texts.iter().filter_map(|t| template(options, &t.node, &t.span)).collect()
}

/// A field reference, or an error at its place.
pub(crate) fn field(options: &mut Options<'_>, text: &str, span: &alces_conf::Span) -> Option<FieldRef> {
    match FieldRef::parse(text) {
        Ok(field) => Some(field),
        Err(error) => {
            options.error(span, error.to_string());
            None
        }
    }
}

/// The fields of a list of names.
pub(crate) fn fields(options: &mut Options<'_>, name: &'static str) -> Vec<FieldRef> {
    let texts = options.texts(name).unwrap_or_default();
    texts.iter().filter_map(|t| field(options, &t.node, &t.span)).collect()
}

/// A field named by a single text.
pub(crate) fn field_option(options: &mut Options<'_>, name: &'static str) -> Option<FieldRef> {
    let text = options.text(name)?;
    field(options, &text.node, &text.span)
}

/// The texts of an option, without their places.
pub(crate) fn plain_texts(options: &mut Options<'_>, name: &'static str) -> Option<Vec<String>> {
    options.texts(name).map(|texts| texts.into_iter().map(|text| text.node).collect())
}

/// The tags of `tag_on_failure`.
pub(crate) fn failure_tags(options: &mut Options<'_>, default: &'static str) -> Vec<String> {
    plain_texts(options, "tag_on_failure").unwrap_or_else(|| vec![default.to_owned()])
}

/// What a word within an option means, or an error at its place that names what is near.
pub(crate) fn one_of<T: Copy>(
    options: &mut Options<'_>,
    word: &Spanned<String>,
    option: &str,
    choices: &[(&str, T)],
) -> Option<T> {
    if let Some((_, choice)) = choices.iter().find(|(known, _)| *known == word.node) {
        return Some(*choice);
    }
    let names = choices.iter().map(|(name, _)| *name);
    let help = match closest(&word.node, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`{option}` knows {}", names.collect::<Vec<_>>().join(", ")),
    };
    options.error_with_help(
        &word.span,
        format!("`{option}` of {} knows no `{}`", options.plugin(), word.node),
        help,
    );
    None
}

/// A compiled regular expression, or an error at its place.
pub(crate) fn pattern(options: &mut Options<'_>, text: &str, span: &alces_conf::Span) -> Option<Pattern> {
    Pattern::compile(text).map_err(|reason| options.error(span, reason)).ok()
}

/// A field whose name may be made of an event's values.
#[derive(Clone, Debug)]
pub(crate) enum FieldName {
    Fixed(FieldRef),
    PerEvent(Template),
}

impl FieldName {
    pub(crate) fn read(options: &mut Options<'_>, text: &str, span: &alces_conf::Span) -> Option<Self> {
        let template = template(options, text, span)?;
        match template.as_literal() {
            Some(name) => field(options, name, span).map(Self::Fixed),
            None => Some(Self::PerEvent(template)),
        }
    }

    /// The field; `None` where what the event makes of it is no reference.
    pub(crate) fn of(&self, event: &Event) -> Option<Cow<'_, FieldRef>> {
        match self {
            Self::Fixed(field) => Some(Cow::Borrowed(field)),
            Self::PerEvent(template) => FieldRef::parse(&template.render(event)).ok().map(Cow::Owned),
        }
    }
}
