//! The names of fields: CEF's keys and full names, and ECS's.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use alces_event::FieldRef;
use alces_plugin::EcsMode;

/// See the head of the file.
const TABLE: &str = include_str!("table.txt");

/// The fields that CEF numbers, as name, key and ECS name before the number.
const NUMBERED: [(&str, &str, &str); 4] = [
    ("deviceCustomFloatingPoint", "cfp", "device_custom_floating_point_"),
    ("deviceCustomIPv6Address", "c6a", "device_custom_ipv6_address_"),
    ("deviceCustomNumber", "cn", "device_custom_number_"),
    ("deviceCustomString", "cs", "device_custom_string_"),
];

/// Whether the fields of the device are those of an observer, or of the host that the event is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Device {
    Observer,
    Host,
}

/// All names for one codec.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    /// Where the parts of the header go.
    pub(super) header: [FieldRef; 7],
    /// Where a header of syslog goes.
    pub(super) syslog: FieldRef,
    names: Arc<Names>,
}

#[derive(Debug, Default)]
struct Names {
    /// From a key or full name to the event's field.
    read: HashMap<String, String>,
    /// From the event's field or full name to what is written.
    written: HashMap<String, String>,
    times: Vec<String>,
}

struct Row<'r> {
    name: &'r str,
    key: &'r str,
    ecs: &'r str,
    old: Option<&'r str>,
    is_time: bool,
}

impl Fields {
    pub(super) fn new(ecs: EcsMode, device: Device, shortens: bool) -> Self {
        let ecs = ecs == EcsMode::V8;
        let field = |off: &'static str, on: [&'static str; 2]| match (ecs, on) {
            (false, _) => FieldRef::field(off),
            (true, [outer, inner]) => FieldRef::field(outer).child(alces_event::Key::new(inner)),
        };
        let header = [
            field("cefVersion", ["cef", "version"]),
            field("deviceVendor", ["observer", "vendor"]),
            field("deviceProduct", ["observer", "product"]),
            field("deviceVersion", ["observer", "version"]),
            field("deviceEventClassId", ["event", "code"]),
            field("name", ["cef", "name"]),
            field("severity", ["event", "severity"]),
        ];
        let syslog = match ecs {
            true => field("", ["log", "syslog"]).child(alces_event::Key::new("header")),
            false => FieldRef::field("syslog"),
        };
        Self { header, syslog, names: Arc::new(Names::new(ecs, device, shortens)) }
    }

    /// The event's field for a key of a message.
    pub(super) fn field<'k>(&self, key: &'k str) -> Cow<'k, str> {
        match self.names.read.get(key) {
            Some(field) => Cow::Owned(field.clone()),
            // `name[0]` is no reference.
            None => match key.split_once('[') {
                Some((name, index)) => Cow::Owned(format!("[{name}][{index}")),
                None => Cow::Borrowed(key),
            },
        }
    }

    /// Whether a field of an event holds a time.
    pub(super) fn is_time(&self, field: &str) -> bool {
        self.names.times.iter().any(|known| known == field)
    }

    /// What an event's field is called in a message.
    pub(super) fn written(&self, field: &str) -> String {
        let name = self.names.written.get(field).map_or(field, String::as_str);
        name.chars().filter(char::is_ascii_alphanumeric).collect()
    }
}

impl Names {
    fn new(ecs: bool, device: Device, shortens: bool) -> Self {
        let mut names = Self::default();
        let (group, id, host) = match device {
            Device::Observer => ("observer", "[observer][name]", "[observer][hostname]"),
            Device::Host => ("host", "[host][id]", "[host][name]"),
        };
        let mut firsts = Vec::new();
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (Some(name), Some(key), Some(field)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let more: Vec<&str> = words.collect();
            let field = field.replace("{device}", group).replace("{id}", id).replace("{name}", host);
            let row = Row {
                name,
                key: if key == "-" { name } else { key },
                ecs: &field,
                old: more.iter().find_map(|word| word.strip_prefix("old=")),
                is_time: more.contains(&"time"),
            };
            if more.contains(&"first") {
                firsts.push((name, field));
            } else {
                names.add(&row, ecs, shortens);
            }
        }
        for (name, key, field) in NUMBERED {
            for number in 1..=15 {
                for (label, part) in [("", "value"), ("Label", "label")] {
                    let row = Row {
                        name: &format!("{name}{number}{label}"),
                        key: &format!("{key}{number}{label}"),
                        ecs: &format!("[cef][{field}{number}][{part}]"),
                        old: None,
                        is_time: false,
                    };
                    names.add(&row, ecs, shortens);
                }
            }
        }
        // The last name of a field is the one that is written.
        for (name, field) in firsts {
            names.add(&Row { name, key: name, ecs: &field, old: None, is_time: false }, ecs, shortens);
        }
        names
    }

    fn add(&mut self, row: &Row<'_>, ecs: bool, shortens: bool) {
        let field = if ecs { row.ecs } else { row.name };
        let written = if shortens { row.key } else { row.name };
        for name in [row.key, row.name] {
            self.read.insert(name.to_owned(), field.to_owned());
        }
        for name in [field, row.name] {
            self.written.insert(name.to_owned(), written.to_owned());
        }
        if let Some(old) = row.old {
            self.read.insert(old.to_owned(), if ecs { row.ecs } else { old }.to_owned());
            self.written.insert(old.to_owned(), if shortens { row.key } else { old }.to_owned());
        }
        if ecs && row.is_time {
            self.times.push(field.to_owned());
        }
    }
}
