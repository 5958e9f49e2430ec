//! Where what is known of a user agent goes.

use std::{collections::HashMap, sync::LazyLock};

use alces_event::{Event, FieldRef, Key, Object, Value};

use super::{
    agent::Agent,
    part::{Part, Whole},
};

/// The names of fields, of ECS or of before.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    Ecs {
        target: FieldRef,
        /// The parts of versions, which go to `@metadata`.
        parts: Option<FieldRef>,
    },
    Legacy {
        /// None is the top of the event.
        target: Option<FieldRef>,
        names: Box<LegacyNames>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct LegacyNames {
    name: Key,
    device: Key,
    major: Key,
    minor: Key,
    patch: Key,
    version: Key,
    os: Key,
    os_major: Key,
    os_minor: Key,
    os_patch: Key,
    os_version: Key,
    os_name: Key,
    os_full: Key,
}

static NAME: LazyLock<Key> = LazyLock::new(|| Key::new("name"));
static DEVICE: LazyLock<Key> = LazyLock::new(|| Key::new("device"));
static VERSION: LazyLock<Key> = LazyLock::new(|| Key::new("version"));
static OS: LazyLock<Key> = LazyLock::new(|| Key::new("os"));
static FULL: LazyLock<Key> = LazyLock::new(|| Key::new("full"));
static PARTS: LazyLock<[Key; 3]> = LazyLock::new(|| ["major", "minor", "patch"].map(Key::new));

impl Layout {
    pub(super) fn ecs(target: Option<FieldRef>, with_parts: bool) -> Self {
        Self::Ecs {
            target: target.unwrap_or_else(|| FieldRef::field("user_agent")),
            parts: with_parts.then(|| FieldRef::metadata("filter").child(Key::new("user_agent"))),
        }
    }

    pub(super) fn legacy(target: Option<FieldRef>, prefix: &str) -> Self {
        let key = |name: &str| Key::new(&format!("{prefix}{name}"));
        let names = LegacyNames {
            name: key("name"),
            device: key("device"),
            major: key("major"),
            minor: key("minor"),
            patch: key("patch"),
            version: key("version"),
            os: key("os"),
            os_major: key("os_major"),
            os_minor: key("os_minor"),
            os_patch: key("os_patch"),
            os_version: key("os_version"),
            os_name: key("os_name"),
            os_full: key("os_full"),
        };
        Self::Legacy { target, names: Box::new(names) }
    }

    /// Sets what is known of an agent, whose text `whole` is a text of the event.
    pub(super) fn set(&self, event: &mut Event, known: &Known, whole: Whole<'_>) {
        let agent = &known.agent;
        let value = |part: &Part| part.value(whole);
        let maybe = |part: &Option<Part>| part.as_ref().map(value);
        match self {
            Self::Ecs { target, parts } => {
                let Some(object) = event.object_mut(target) else { return };
                object.reserve(4);
                object.set_or(&NAME, || value(&agent.name), |place, value| *place = value);
                object.set_or(&DEVICE, || Value::from(known.device.clone()), merge);
                if let Some(version) = &agent.version {
                    object.set_or(&VERSION, || value(version), |place, value| *place = value);
                }
                object.set_or(&OS, || Value::from(known.os.clone()), merge);
                if let Some(object) = parts.as_ref().and_then(|field| event.object_mut(field)) {
                    set_parts(object, [&agent.major, &agent.minor, &agent.patch].map(maybe));
                    if agent.os_major.is_some() {
                        let parts = [&agent.os_major, &agent.os_minor, &agent.os_patch].map(maybe);
                        set_parts(object.child_with(&OS, 1), parts);
                    }
                }
            }
            Self::Legacy { target, names } => {
                let object = match target {
                    None => event.fields_mut(),
                    Some(target) => match event.object_mut(target) {
                        Some(object) => object,
                        None => return,
                    },
                };
                for (key, part) in [
                    (&names.name, Some(&agent.name)),
                    (&names.device, Some(&agent.device)),
                    (&names.major, agent.major.as_ref()),
                    (&names.minor, agent.minor.as_ref()),
                    (&names.patch, agent.patch.as_ref()),
                    (&names.version, agent.version.as_ref()),
                    (&names.os_major, agent.os_major.as_ref()),
                    (&names.os_minor, agent.os_minor.as_ref()),
                    (&names.os_patch, agent.os_patch.as_ref()),
                    (&names.os_version, agent.os_version.as_ref()),
                    (&names.os_name, Some(&agent.os_name)),
                    (&names.os, Some(&agent.os_name)),
                    (&names.os_full, Some(&agent.os_full)),
                ] {
                    if let Some(part) = part {
                        object.set(key.clone(), value(part));
                    }
                }
            }
        }
    }
}

/// An agent, and what it has in common with many others.
#[derive(Clone, Debug)]
pub(super) struct Known {
    agent: Agent,
    device: Object,
    os: Object,
}

/// The devices and systems that were met, as objects. They are far fewer than agents, and most events have one of a few of them.
#[derive(Debug, Default)]
pub(super) struct Shared(HashMap<Vec<String>, Object>);

/// So many are shared; further ones, which an attacker could make up, are each agent's own.
const MOST_SHARED: usize = 4096;

/// Longer texts are not shared either: some expressions take whatever a client sends for the name of a device.
const LONGEST_SHARED: usize = 256;

impl Known {
    /// Of an agent whose text is `whole`.
    pub(super) fn new(agent: Agent, whole: &str, shared: &mut Shared) -> Self {
        let text = |part: &Part| part.text(whole).to_owned();
        let device = shared.object([(&DEVICE, None), (&NAME, Some(text(&agent.device)))]);
        let os = shared.object([
            (&OS, None),
            (&VERSION, agent.os_version.as_ref().map(text)),
            (&NAME, Some(text(&agent.os_name))),
            (&FULL, Some(text(&agent.os_full))),
        ]);
        Self { device, os, agent }
    }
}

impl Shared {
    /// An object of the fields that have a text.
    fn object<const N: usize>(&mut self, fields: [(&Key, Option<String>); N]) -> Object {
        let known: Vec<String> = fields.iter().map(|(_, text)| text.clone().unwrap_or_default()).collect();
        let bytes = known.iter().map(String::len).sum::<usize>();
        if let Some(object) = self.0.get(&known) {
            return object.clone();
        }
        let texts = fields.into_iter().filter_map(|(key, text)| Some((key.clone(), Value::from(text?))));
        let object = texts.collect::<Object>().frozen();
        if self.0.len() < MOST_SHARED && bytes <= LONGEST_SHARED {
            self.0.insert(known, object.clone());
        }
        object
    }
}

/// Into an object that is there, field by field.
fn merge(place: &mut Value, value: Value) {
    match (place, value) {
        (Value::Object(there), Value::Object(more)) => {
            more.into_iter().for_each(|(key, value)| there.set(key, value));
        }
        (place, value) => *place = value,
    }
}

fn set_parts(object: &mut Object, parts: [Option<Value>; 3]) {
    if parts.iter().all(Option::is_none) {
        return;
    }
    let version = object.child_with(&VERSION, 3);
    for (key, part) in PARTS.iter().zip(parts) {
        if let Some(part) = part {
            version.set(key.clone(), part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_make_up_is_not_kept_for_ever() {
        let mut shared = Shared::default();
        let mut device = |name: String| shared.object([(&NAME, Some(name))]).len();
        assert_eq!(device("x".repeat(LONGEST_SHARED + 1)), 1);
        assert!((0..2 * MOST_SHARED).all(|n| device(n.to_string()) == 1));
        assert_eq!(shared.0.len(), MOST_SHARED);
    }
}
