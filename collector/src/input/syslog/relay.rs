//! From a message's text to its fields: what Logstash calls relaying.

use std::sync::{Mutex, PoisonError};

use alces_codec::syslog::{Time, parse};
use alces_conf::{
    Attribute, Config, Options, Plugin, Section, SectionKind, Spanned, Statement, Value as Written,
};
use alces_event::{Event, FieldRef, Value, ValueRef};
use alces_filters::{Context, EcsMode, Program};
use alces_plugin::{options::field_option, zone::zone};
use jiff::tz::TimeZone;

use super::fields::Names;

/// `user.notice`, which RFC 3164 wants for what is not understood.
const DEFAULT: i64 = 13;

/// What is tagged so is no syslog.
const FAILED: &str = "_grokparsefailure_sysloginput";

const FACILITIES: [&str; 24] = [
    "kernel",
    "user-level",
    "mail",
    "system",
    "security/authorization",
    "syslogd",
    "line printer",
    "network news",
    "UUCP",
    "clock",
    "security/authorization",
    "FTP",
    "NTP",
    "log audit",
    "log alert",
    "clock",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

const SEVERITIES: [&str; 8] =
    ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];

/// How messages are read.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    source: FieldRef,
    names: Names,
    zone: TimeZone,
    /// None without labels.
    labels: Option<Labels>,
    /// A pattern that stands in for our own reading.
    grok: Option<Pattern>,
}

/// A compiled pattern: the lock is never waited for, it lets the plan be shared between threads.
#[derive(Debug)]
struct Pattern(Mutex<Program>);

impl Clone for Pattern {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }
}

/// Kept for the life of the process, so that no event copies them; a pipeline is read seldom.
#[derive(Clone, Copy, Debug)]
struct Labels {
    facilities: &'static [&'static str],
    severities: &'static [&'static str],
}

impl Relay {
    pub(super) fn read(context: &Context<'_>, options: &mut Options<'_>, ecs: EcsMode) -> Self {
        let source = field_option(options, "syslog_field").unwrap_or_else(|| FieldRef::field("message"));
        options.no_effect("locale", "the months of syslog are written in English");
        options.differs("timezone", "the default is UTC, not the machine's zone");
        let zone = match options.text("timezone") {
            None => TimeZone::UTC,
            Some(name) => zone(&name.node).unwrap_or_else(|| {
                options.error(&name.span, format!("`{}` is no time zone that is known", name.node));
                TimeZone::UTC
            }),
        };
        let labels = Labels {
            facilities: labels(options, "facility_labels", &FACILITIES),
            severities: labels(options, "severity_labels", &SEVERITIES),
        };
        let labels = options.boolean("use_labels").unwrap_or(true).then_some(labels);
        options.differs("grok_pattern", "without one RFC 5424 is read too");
        let grok =
            options.text("grok_pattern").and_then(|pattern| grok(context, options, &pattern, &source, ecs));
        Self { source, names: Names::new(ecs), zone, labels, grok }
    }

    /// Reads a message into the fields of its event.
    pub(super) fn apply(&mut self, event: &mut Event) {
        if let Some(service) = &self.names.service
            && event.can_set(service)
            && event.get(service).is_none()
        {
            event.set(service, Value::from_static("system"));
        }
        let priority = match &mut self.grok {
            Some(Pattern(grok)) => matched(
                grok.get_mut().unwrap_or_else(PoisonError::into_inner),
                &self.names,
                &self.zone,
                event,
            ),
            None => read(&self.source, &self.names, &self.zone, event),
        };
        let priority = priority.unwrap_or_else(|| {
            event.tag(FAILED);
            DEFAULT
        });
        let (facility, severity) = (priority >> 3, priority & 7);
        event.set(&self.names.priority, priority);
        event.set(&self.names.facility, facility);
        event.set(&self.names.severity, severity);
        if let Some(Labels { facilities, severities }) = self.labels {
            for (name, labels, code) in [
                (&self.names.facility_label, facilities, facility),
                (&self.names.severity_label, severities, severity),
            ] {
                if let Some(label) = usize::try_from(code).ok().and_then(|code| labels.get(code)) {
                    event.set(name, Value::from_static(label));
                }
            }
        }
    }
}

/// Reads the message, and says its priority.
fn read(source: &FieldRef, names: &Names, zone: &TimeZone, event: &mut Event) -> Option<i64> {
    let message = event.text(source).and_then(parse)?;
    names.put(event, source, &message);
    if let Some((_, time)) = &message.time {
        set_time(event, Some(*time), zone);
    }
    Some(message.priority.into())
}

/// The same by a pattern.
fn matched(grok: &mut Program, names: &Names, zone: &TimeZone, event: &mut Event) -> Option<i64> {
    // No conditions stand around it, so that nothing is undecided.
    let _ = grok.run(event, &mut Vec::new());
    if event.has_tag(FAILED) {
        return None;
    }
    if let Some(iso) = &names.timestamp_iso
        && let Some(text) = event.text(iso)
    {
        let text = event.share(text);
        event.set(&names.timestamp, text);
    }
    if let Some(time) = event.text(&names.timestamp).map(Time::parse) {
        set_time(event, time, zone);
    }
    Some(match event.get(&names.priority) {
        Some(ValueRef::Int(priority)) => priority,
        Some(ValueRef::Str(text)) => text.parse().unwrap_or(DEFAULT),
        _ => DEFAULT,
    })
}

/// Sets the event's time; that of its arrival tells the year.
fn set_time(event: &mut Event, time: Option<Time>, zone: &TimeZone) {
    match time.and_then(|time| time.resolve(zone, event.timestamp())) {
        Some(time) => event.set_timestamp(time),
        None => event.tag("_dateparsefailure"),
    }
}

fn labels(
    options: &mut Options<'_>,
    name: &'static str,
    usual: &'static [&'static str],
) -> &'static [&'static str] {
    match options.texts(name) {
        None => usual,
        Some(given) => {
            let given = given.into_iter().map(|label| &*Box::leak(label.node.into_boxed_str()));
            Box::leak(given.collect())
        }
    }
}

/// The `grok` filter with that pattern, its errors at the option's place.
fn grok(
    context: &Context<'_>,
    options: &mut Options<'_>,
    pattern: &Spanned<String>,
    source: &FieldRef,
    ecs: EcsMode,
) -> Option<Pattern> {
    let at = |node| Spanned { node, span: pattern.span.clone() };
    let text = |text: &str| at(Written::String(text.to_owned()));
    let named = |name: &str| Spanned { node: name.to_owned(), span: pattern.span.clone() };
    let source = source.path().iter().map(|key| format!("[{}]", key.as_str())).collect::<String>();
    let matching = at(Written::Hash(vec![(named(&source), text(&pattern.node))]));
    let attributes = [("match", matching), ("overwrite", text(&source)), ("tag_on_failure", text(FAILED))];
    let attributes = attributes.map(|(name, value)| Attribute { name: named(name), value }).into();
    let body = vec![Statement::Plugin(Plugin { name: named("grok"), attributes })];
    let section = Section { kind: SectionKind::Filter, body, span: pattern.span.clone() };
    match Program::compile(&Context { ecs, ..context.clone() }, &Config { sections: vec![section] }) {
        Ok(program) => Some(Pattern(Mutex::new(program))),
        Err(errors) => {
            options.absorb(errors);
            None
        }
    }
}
