//! Under which names what a message says goes into its event. The names of RFC 3164 are Logstash's; what only RFC 5424 has is named as
//! the Elastic Common Schema does (`[log][syslog][…]`), and without it by plain names.

use std::{borrow::Cow, ops::Range};

use alces_codec::syslog::{Datum, Message, data};
use alces_event::{Event, FieldRef, Key, Object, Value};
use alces_filters::EcsMode;

use super::super::field;

/// Where things go.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) priority: FieldRef,
    pub(super) facility: FieldRef,
    pub(super) facility_label: FieldRef,
    pub(super) severity: FieldRef,
    pub(super) severity_label: FieldRef,
    /// What kind of service it is; ECS alone has it.
    pub(super) service: Option<FieldRef>,
    pub(super) timestamp: FieldRef,
    /// Without ECS a time in ISO 8601 is there twice.
    pub(super) timestamp_iso: Option<FieldRef>,
    host: FieldRef,
    program: FieldRef,
    process: FieldRef,
    /// A process that is no number, where `process` wants one.
    process_text: FieldRef,
    /// Whether `process` is a number.
    numbers: bool,
    version: FieldRef,
    kind: FieldRef,
    data: FieldRef,
}

impl Names {
    pub(super) fn new(ecs: EcsMode) -> Self {
        match ecs {
            EcsMode::V8 => Self {
                priority: field("[log][syslog][priority]"),
                facility: field("[log][syslog][facility][code]"),
                facility_label: field("[log][syslog][facility][name]"),
                severity: field("[log][syslog][severity][code]"),
                severity_label: field("[log][syslog][severity][name]"),
                service: Some(field("[service][type]")),
                timestamp: field("timestamp"),
                timestamp_iso: None,
                host: field("[host][hostname]"),
                program: field("[process][name]"),
                process: field("[process][pid]"),
                process_text: field("[log][syslog][procid]"),
                numbers: true,
                version: field("[log][syslog][version]"),
                kind: field("[log][syslog][msgid]"),
                data: field("[log][syslog][structured_data]"),
            },
            EcsMode::Disabled => Self {
                priority: field("priority"),
                facility: field("facility"),
                facility_label: field("facility_label"),
                severity: field("severity"),
                severity_label: field("severity_label"),
                service: None,
                timestamp: field("timestamp"),
                timestamp_iso: Some(field("timestamp8601")),
                host: field("logsource"),
                program: field("program"),
                process: field("pid"),
                process_text: field("pid"),
                numbers: false,
                version: field("version"),
                kind: field("msgid"),
                data: field("structured_data"),
            },
        }
    }

    /// Puts what the text of `source` says into its event. Parts of the text are parts of the event's line, and not copied.
    pub(super) fn put(&self, event: &mut Event, source: &FieldRef, message: &Message) {
        let text = event.text(source).unwrap_or_default();
        let word = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        let part = |range: &Range<usize>| event.share(word(range));
        let time = message.time.as_ref().map(|(range, _)| part(range));
        let is_iso = message
            .time
            .as_ref()
            .is_some_and(|(range, _)| word(range).starts_with(|c: char| c.is_ascii_digit()));
        let number =
            message.process.as_ref().filter(|_| self.numbers).and_then(|range| word(range).parse().ok());
        let process = match number {
            Some(number) => (&self.process, Some(Value::Int(number))),
            None => (&self.process_text, message.process.as_ref().map(part)),
        };
        let values = [
            (&self.host, message.host.as_ref().map(part)),
            (&self.program, message.program.as_ref().map(part)),
            process,
            (&self.kind, message.kind.as_ref().map(part)),
            (&self.version, message.version.map(|version| Value::Int(version.into()))),
            (
                &self.data,
                message.data.as_ref().map(|range| structured(word(range), |text| event.share(text)).into()),
            ),
            (source, Some(part(&message.text))),
        ];
        if let Some(time) = time {
            if let Some(name) = self.timestamp_iso.as_ref().filter(|_| is_iso) {
                event.set(name, time.clone());
            }
            event.set(&self.timestamp, time);
        }
        for (name, value) in values {
            if let Some(value) = value {
                event.set(name, value);
            }
        }
    }
}

/// Elements as objects of their parameters; one that is there twice is a list.
fn structured(text: &str, share: impl Fn(&str) -> Value) -> Object {
    let mut all = Object::default();
    let mut element = Key::new("");
    data(text, |datum| match datum {
        Datum::Element(id) => {
            element = Key::new(id);
            all.child(&element);
        }
        Datum::Parameter(name, value) => {
            let value = match value {
                Cow::Borrowed(text) => share(text),
                Cow::Owned(text) => Value::from(text),
            };
            let (place, there) = all.child(&element).place(&Key::new(name));
            match place {
                Value::List(values) => values.push(value),
                first if there => *first = Value::list(vec![std::mem::replace(first, Value::Null), value]),
                place => *place = value,
            }
        }
    });
    all
}
