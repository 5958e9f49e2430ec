//! The options that every filter has: `add_field`, `remove_field`, `add_tag`, `remove_tag`, `id` and others.

use std::borrow::Cow;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Template};
use alces_plugin::AddField;
pub(crate) use alces_plugin::options::{field, field_option, fields, one_of, plain_texts, template};

use crate::regex::Pattern;

/// What is done to an event when its filter succeeded (Logstash's `filter_matched`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Common {
    add_field: AddField,
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
        Self {
            add_field: AddField::read(options),
            remove_field: templates(options, "remove_field"),
            add_tag: templates(options, "add_tag"),
            remove_tag: templates(options, "remove_tag"),
        }
    }

    /// In Logstash's order: fields added, fields removed, tags added, tags removed.
    pub(crate) fn apply(&self, event: &mut Event) {
        self.add_field.apply(event);
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

fn templates(options: &mut Options<'_>, name: &'static str) -> Vec<Template> {
    let texts = options.texts(name).unwrap_or_default();
    texts.iter().filter_map(|t| template(options, &t.node, &t.span)).collect()
}

/// The tags of `tag_on_failure`.
pub(crate) fn failure_tags(options: &mut Options<'_>, default: &'static str) -> Vec<String> {
    plain_texts(options, "tag_on_failure").unwrap_or_else(|| vec![default.to_owned()])
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
