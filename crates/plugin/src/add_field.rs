//! `add_field`, which filters and inputs have.

use alces_conf::{Options, TypedValue};
use alces_event::{Event, FieldRef, Template};

use crate::options::template;

/// Fields and what is added to them; both may be made of an event's values.
#[derive(Clone, Debug, Default)]
pub struct AddField(Vec<(Template, Vec<Template>)>);

impl AddField {
    /// Reads the option.
    pub fn read(options: &mut Options<'_>) -> Self {
        let given = options.hash("add_field").unwrap_or_default();
        let read = given.into_iter().filter_map(|(key, value)| {
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
        });
        Self(read.collect())
    }

    /// Adds the fields; a value that is there becomes a list.
    pub fn apply(&self, event: &mut Event) {
        for (key, values) in &self.0 {
            let Ok(field) = FieldRef::parse(&key.render(event)) else { continue };
            for value in values {
                let value = value.render(event);
                event.append(&field, value);
            }
        }
    }
}
