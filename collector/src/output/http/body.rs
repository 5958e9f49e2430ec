//! What is sent of an event.

use alces_event::{Event, Template, write_text};

/// How events are written.
#[derive(Clone)]
pub(crate) enum Format {
    /// Each as a JSON object.
    Json(Option<Mapping>),
    /// Many as one JSON array.
    Batch(Option<Mapping>),
    /// Each as the pairs of a form.
    Form(Option<Mapping>),
    /// Each as a text.
    Message(Template),
}

/// What of an event is sent, under which names.
#[derive(Clone)]
pub(crate) enum Mapping {
    Hash(Vec<(String, Mapping)>),
    List(Vec<Mapping>),
    Text(Template),
}

impl Format {
    /// Whether many events are one request.
    pub(crate) fn is_batch(&self) -> bool {
        matches!(self, Self::Batch(_))
    }

    /// Whether what is sent is the event itself, as JSON.
    pub(crate) fn is_event(&self) -> bool {
        matches!(self, Self::Json(None) | Self::Batch(None))
    }

    /// Appends what is sent of an event.
    pub(crate) fn write(&self, event: &Event, out: &mut Vec<u8>) {
        match self {
            Self::Json(None) | Self::Batch(None) => event.write_json(out),
            Self::Json(Some(mapping)) | Self::Batch(Some(mapping)) => mapping.write(event, out),
            Self::Message(template) => out.extend_from_slice(template.render(event).as_bytes()),
            Self::Form(mapping) => {
                let mut json = Vec::new();
                match mapping {
                    Some(mapping) => mapping.write(event, &mut json),
                    None => event.write_json(&mut json),
                }
                // Pairs keep no order in a form; what reads it looks for names.
                let pairs: serde_json::Map<_, _> = serde_json::from_slice(&json).unwrap_or_default();
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in &pairs {
                    match value {
                        serde_json::Value::String(text) => form.append_pair(name, text),
                        other => form.append_pair(name, &other.to_string()),
                    };
                }
                out.extend_from_slice(form.finish().as_bytes());
            }
        }
    }
}

impl Mapping {
    fn write(&self, event: &Event, out: &mut Vec<u8>) {
        match self {
            Self::Text(template) => write_text(&template.render(event), out),
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(event, out);
                }
                out.push(b']');
            }
            Self::Hash(pairs) => {
                out.push(b'{');
                for (at, (name, value)) in pairs.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(name, out);
                    out.push(b':');
                    value.write(event, out);
                }
                out.push(b'}');
            }
        }
    }
}
