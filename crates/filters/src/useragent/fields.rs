//! Where what is known of a user agent goes.

use std::sync::LazyLock;

use alces_event::{Event, FieldRef, Key, Object, Value};

use super::{agent::Agent, part::Part};

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

/// An agent's texts as values of one event.
pub(super) struct Values {
    name: Value,
    device: Value,
    version: Option<Value>,
    os_name: Value,
    os_full: Value,
    os_version: Option<Value>,
    /// Major, minor and patch of the browser and of the system.
    parts: Option<[Option<Value>; 6]>,
    /// The name of the system once more, for `os`.
    os: Option<Value>,
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

    /// What is set for `agent`, whose text is a text of `event`.
    pub(super) fn values(&self, agent: &Agent, text: &str, event: &Event) -> Values {
        let value = |part: &Part| part.value(text, event);
        let maybe = |part: &Option<Part>| part.as_ref().map(value);
        let (with_parts, with_os) = match self {
            Self::Ecs { parts, .. } => (parts.is_some(), false),
            Self::Legacy { .. } => (true, true),
        };
        Values {
            name: value(&agent.name),
            device: value(&agent.device),
            version: maybe(&agent.version),
            os_name: value(&agent.os_name),
            os_full: value(&agent.os_full),
            os_version: maybe(&agent.os_version),
            parts: with_parts.then(|| {
                [&agent.major, &agent.minor, &agent.patch, &agent.os_major, &agent.os_minor, &agent.os_patch]
                    .map(maybe)
            }),
            os: with_os.then(|| value(&agent.os_name)),
        }
    }

    pub(super) fn set(&self, event: &mut Event, values: Values) {
        match self {
            Self::Ecs { target, parts } => {
                let Some(object) = event.object_mut(target) else { return };
                object.reserve(4);
                let (name, device) = (values.name, values.device);
                object.set(NAME.clone(), name);
                object.child_with(&DEVICE, 1).set(NAME.clone(), device);
                if let Some(version) = values.version {
                    object.set(VERSION.clone(), version);
                }
                let os = object.child_with(&OS, 3);
                if let Some(version) = values.os_version {
                    os.set(VERSION.clone(), version);
                }
                os.set(NAME.clone(), values.os_name);
                os.set(FULL.clone(), values.os_full);
                if let (Some(field), Some([major, minor, patch, os_major, os_minor, os_patch])) =
                    (parts, values.parts)
                    && let Some(object) = event.object_mut(field)
                {
                    set_parts(object, [major, minor, patch]);
                    if os_major.is_some() {
                        set_parts(object.child_with(&OS, 1), [os_major, os_minor, os_patch]);
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
                let mut set = |key: &Key, value: Option<Value>| {
                    if let Some(value) = value {
                        object.set(key.clone(), value);
                    }
                };
                let [major, minor, patch, os_major, os_minor, os_patch] = values.parts.unwrap_or_default();
                set(&names.name, Some(values.name));
                set(&names.device, Some(values.device));
                set(&names.major, major);
                set(&names.minor, minor);
                set(&names.patch, patch);
                set(&names.version, values.version);
                set(&names.os_major, os_major);
                set(&names.os_minor, os_minor);
                set(&names.os_patch, os_patch);
                set(&names.os_version, values.os_version);
                set(&names.os_name, Some(values.os_name));
                set(&names.os, values.os);
                set(&names.os_full, Some(values.os_full));
            }
        }
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
