//! `syslog_pri`: facility and severity out of the number that a syslog message begins with (logstash-filter-syslog_pri 3.2; RFC 5424,
//! section 6.2.1).

use alces_conf::{Options, Spanned};
use alces_event::{Event, FieldRef, Key, ValueRef};

use crate::{
    common::Common,
    context::{Context, EcsMode, ecs_option},
    filter::Filter,
};

/// `user.notice`, which Logstash takes where there is no number.
const DEFAULT: i64 = 13;

const FACILITIES: [&str; 24] = [
    "kernel",
    "user-level",
    "mail",
    "daemon",
    "security/authorization",
    "syslogd",
    "line printer",
    "network news",
    "uucp",
    "clock",
    "security/authorization",
    "ftp",
    "ntp",
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
    ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];

/// A compiled `syslog_pri { … }`.
#[derive(Clone, Debug)]
pub(crate) struct SyslogPri {
    source: FieldRef,
    facility: Target,
    severity: Target,
    use_labels: bool,
    common: Common,
}

/// Where a code and its label go, and the labels in the order of codes.
#[derive(Clone, Debug)]
struct Target {
    code: FieldRef,
    label: FieldRef,
    labels: Vec<String>,
}

impl SyslogPri {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let below = |path: &[&str]| {
            let top = FieldRef::field("log").child(Key::new("syslog"));
            path.iter().fold(top, |field, name| field.child(Key::new(name)))
        };
        let labels = |options: &mut Options<'_>, name, default: &[&str]| match options.texts(name) {
            None => default.iter().map(|label| (*label).to_owned()).collect(),
            Some(given) => given.into_iter().map(|label: Spanned<String>| label.node).collect(),
        };
        let facilities = labels(options, "facility_labels", &FACILITIES);
        let severities = labels(options, "severity_labels", &SEVERITIES);
        let (source, facility, severity) = match ecs_option(options, context.ecs) {
            EcsMode::V8 => (
                below(&["priority"]),
                (below(&["facility", "code"]), below(&["facility", "name"])),
                (below(&["severity", "code"]), below(&["severity", "name"])),
            ),
            EcsMode::Disabled => (
                FieldRef::field("syslog_pri"),
                (FieldRef::field("syslog_facility_code"), FieldRef::field("syslog_facility")),
                (FieldRef::field("syslog_severity_code"), FieldRef::field("syslog_severity")),
            ),
        };
        let given = crate::common::field_option(options, "syslog_pri_field_name");
        if options.is_given("syslog_pri_field_name") && given.is_none() {
            return None;
        }
        Some(Box::new(Self {
            source: given.unwrap_or(source),
            facility: Target { code: facility.0, label: facility.1, labels: facilities },
            severity: Target { code: severity.0, label: severity.1, labels: severities },
            use_labels: options.boolean("use_labels").unwrap_or(true),
            common,
        }))
    }

    fn set(&self, event: &mut Event, target: &Target, code: i64) {
        event.set(&target.code, code);
        if let (true, Some(label)) =
            (self.use_labels, usize::try_from(code).ok().and_then(|at| target.labels.get(at)))
        {
            event.set(&target.label, label.as_str());
        }
    }
}

impl Filter for SyslogPri {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let number = match event.get(&self.source) {
            Some(ValueRef::List(list)) => list.get(0),
            other => other,
        };
        let priority = match number {
            // Ruby's `to_i`: what is no number counts as 0.
            Some(ValueRef::Str(text)) => alces_grok::to_i(text),
            Some(ValueRef::Int(number)) => number,
            Some(ValueRef::Float(number)) => number as i64,
            _ => DEFAULT,
        };
        self.set(event, &self.facility, priority >> 3);
        self.set(event, &self.severity, priority & 7);
        self.common.apply(event);
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_json, errors};

    #[test]
    fn codes_and_labels() {
        insta::assert_snapshot!(check_json("syslog_pri { }", r#"{"log":{"syslog":{"priority":165}}}"#), @r#"{"log":{"syslog":{"priority":165,"facility":{"code":20,"name":"local4"},"severity":{"code":5,"name":"notice"}}}}"#);
        insta::assert_snapshot!(check_json("syslog_pri { ecs_compatibility => disabled }", r#"{"syslog_pri":"34"}"#), @r#"{"syslog_pri":"34","syslog_facility_code":4,"syslog_facility":"security/authorization","syslog_severity_code":2,"syslog_severity":"critical"}"#);
    }

    #[test]
    fn without_a_number_it_is_a_users_notice() {
        insta::assert_snapshot!(check_json("syslog_pri { ecs_compatibility => disabled }", r#"{"a":1}"#), @r#"{"a":1,"syslog_facility_code":1,"syslog_facility":"user-level","syslog_severity_code":5,"syslog_severity":"notice"}"#);
    }

    #[test]
    fn labels_of_ones_own_and_none() {
        insta::assert_snapshot!(check_json(r#"syslog_pri { syslog_pri_field_name => "p" severity_labels => ["bad"] ecs_compatibility => disabled }"#, r#"{"p":["9"]}"#), @r#"{"p":["9"],"syslog_facility_code":1,"syslog_facility":"user-level","syslog_severity_code":1}"#);
        insta::assert_snapshot!(check_json(r#"syslog_pri { use_labels => false ecs_compatibility => disabled }"#, r#"{"syslog_pri":9999}"#), @r#"{"syslog_pri":9999,"syslog_facility_code":1249,"syslog_severity_code":7}"#);
        assert!(errors("syslog_pri { use_label => true }").contains("did you mean `use_labels`"));
    }
}
