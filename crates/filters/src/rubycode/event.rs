//! What the event can do (`LogStash::Event`).

use alces_event::{FieldRef, Key, Template, ValueRef};

use super::{
    method::{Answer, text_of},
    run::Machine,
    value::{Entries, Failure, K, V},
};

impl Machine<'_> {
    pub(super) fn event_method(&mut self, name: &'static str, given: &[V]) -> Answer {
        let made = match (name, given) {
            ("get", [field]) => {
                let field = reference(field)?;
                let value = self.event.get(&field).map_or(V::Nil, V::of);
                self.spend(1)?;
                value
            }
            ("set", [field, value]) => {
                let written = text_of(field)?;
                let field = reference(field)?;
                let new = value.to_event()?;
                if !self.event.can_set(&field) {
                    return Err(
                        format!("Could not set field '{written}': a value on its way has no fields").into()
                    );
                }
                if !self.event.set(&field, new) {
                    let wanted = if field.root() == alces_event::Root::Timestamp {
                        "LogStash::Timestamp"
                    } else {
                        "Hash"
                    };
                    return Err(format!("wrong argument type {} (expected {wanted})", value.class()).into());
                }
                value.clone()
            }
            ("remove", [field]) => {
                let removed = self.event.remove(&reference(field)?);
                removed.map_or(V::Nil, |value| V::of(value.view_alone()))
            }
            ("include?", [field]) => V::Bool(self.event.get(&reference(field)?).is_some()),
            ("tag", [tag]) => {
                self.event.tag(text_of(tag)?);
                V::Nil
            }
            ("cancel", []) => {
                self.event.cancel();
                V::Bool(true)
            }
            ("cancelled?", []) => V::Bool(self.event.is_cancelled()),
            ("timestamp", []) => V::Time(self.event.timestamp()),
            ("sprintf", [text]) => {
                let template = Template::parse(text_of(text)?).map_err(|error| error.to_string())?;
                let text = template.render(self.event);
                self.text(&text)?
            }
            ("to_hash" | "to_hash_with_metadata", []) => {
                let mut entries = Entries::new();
                let entry = |(key, value): (&Key, ValueRef<'_>)| (K::Text(key.as_str().into()), V::of(value));
                entries.extend(self.event.fields().iter().map(entry));
                entries.insert(K::Text("@timestamp".into()), V::Time(self.event.timestamp()));
                if name == "to_hash_with_metadata" {
                    let metadata = V::of(ValueRef::Object(self.event.metadata()));
                    entries.insert(K::Text("@metadata".into()), metadata);
                }
                self.spend(entries.len())?;
                V::hash(entries)
            }
            ("to_json", []) => {
                let mut out = Vec::new();
                self.event.write_json(&mut out);
                self.text(&String::from_utf8_lossy(&out))?
            }
            _ => return Ok(None),
        };
        Ok(Some(made))
    }
}

fn reference(field: &V) -> Result<FieldRef, Failure> {
    FieldRef::parse(text_of(field)?).map_err(|error| error.to_string())
}
