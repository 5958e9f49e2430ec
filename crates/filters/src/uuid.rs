//! `uuid`: a random UUID (version 4) in a field (logstash-filter-uuid 3.0).

use alces_conf::Options;
use alces_event::{Event, FieldRef, ValueRef};

use crate::{
    common::{Common, field_option},
    context::Context,
    filter::Filter,
};

/// A compiled `uuid { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Uuid {
    target: FieldRef,
    overwrite: bool,
    common: Common,
}

impl Uuid {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let target = field_option(options, "target");
        if !options.is_given("target") {
            options.error_here(r#"uuid wants `target => "uuid"`, the field that the UUID goes into"#);
        }
        let overwrite = options.boolean("overwrite").unwrap_or_default();
        Some(Box::new(Self { target: target?, overwrite, common }))
    }
}

/// A new UUID as text.
pub(crate) fn random() -> String {
    uuid::Uuid::new_v4().hyphenated().to_string()
}

impl Filter for Uuid {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let is_there =
            !matches!(event.get(&self.target), None | Some(ValueRef::Null | ValueRef::Bool(false)));
        if self.overwrite || !is_there {
            event.set(&self.target, random());
        }
        self.common.apply(event);
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_json, errors};

    fn uuid(conf: &str, json: &str) -> String {
        let event: serde_json::Value = serde_json::from_str(&check_json(conf, json)).unwrap();
        event["id"].as_str().unwrap().to_owned()
    }

    #[test]
    fn each_event_gets_its_own() {
        let conf = r#"uuid { target => "id" }"#;
        let [a, b] = [uuid(conf, "{}"), uuid(conf, "{}")];
        assert_ne!(a, b);
        let parts: Vec<_> = a.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{a}");
        assert!(
            a.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-')) && a.as_bytes()[14] == b'4',
            "{a}"
        );
    }

    #[test]
    fn what_is_there_is_kept_unless_it_is_to_be_overwritten() {
        assert_eq!(uuid(r#"uuid { target => "id" }"#, r#"{"id":"mine"}"#), "mine");
        assert_ne!(uuid(r#"uuid { target => "id" overwrite => true }"#, r#"{"id":"mine"}"#), "mine");
        assert_eq!(uuid(r#"uuid { target => "id" }"#, r#"{"id":null}"#).len(), 36);
    }

    #[test]
    fn a_target_is_wanted() {
        insta::assert_snapshot!(errors("uuid { overwrite => true }"), @r#"
        x.conf:1:10: uuid wants `target => "uuid"`, the field that the UUID goes into
          |
        1 | filter { uuid { overwrite => true } }
          |          ^^^^
        "#);
    }
}
