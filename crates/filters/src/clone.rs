//! `clone`: copies of an event, marked by their names (logstash-filter-clone 4.2).

use alces_conf::Options;
use alces_event::{Event, FieldRef};

use crate::{
    common::{Common, plain_texts},
    context::{Context, EcsMode, ecs_option},
    filter::Filter,
};

/// A compiled `clone { … }`.
#[derive(Clone, Debug)]
pub(crate) struct CloneEvent {
    clones: Vec<String>,
    ecs: EcsMode,
    common: Common,
}

impl CloneEvent {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let ecs = ecs_option(options, context.ecs);
        let clones = plain_texts(options, "clones");
        if clones.is_none() {
            options.error_here(r#"clone wants `clones => ["name"]`, a name for each copy"#);
        }
        Some(Box::new(Self { clones: clones?, ecs, common }))
    }
}

impl Filter for CloneEvent {
    fn apply(&mut self, event: &mut Event, more: &mut Vec<Event>) {
        for name in &self.clones {
            let mut copy = event.clone();
            match self.ecs {
                EcsMode::V8 => copy.tag(name),
                EcsMode::Disabled => {
                    copy.set(&FieldRef::field("type"), name.as_str());
                }
            }
            self.common.apply(&mut copy);
            more.push(copy);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, errors};

    #[test]
    fn copies_carry_their_names() {
        let conf = r#"clone { clones => ["one", "two"] add_field => { "copy" => "yes" } } mutate { add_tag => "after" remove_field => ["@version", "@timestamp"] }"#;
        insta::assert_snapshot!(check(conf, "x"), @r#"
        {"@timestamp":"1970-01-01T00:00:00.000Z","message":"x","tags":["one","after"],"copy":"yes"}
        {"@timestamp":"1970-01-01T00:00:00.000Z","message":"x","tags":["two","after"],"copy":"yes"}
        {"@timestamp":"1970-01-01T00:00:00.000Z","message":"x","tags":["after"]}
        "#);
        let conf = r#"clone { clones => "one" ecs_compatibility => disabled } mutate { remove_field => "@version" }"#;
        insta::assert_snapshot!(check(conf, "x"), @r#"
        {"@timestamp":"1970-01-01T00:00:00.000Z","message":"x","type":"one"}
        {"@timestamp":"1970-01-01T00:00:00.000Z","message":"x"}
        "#);
    }

    #[test]
    fn without_names_there_are_no_copies() {
        assert_eq!(check("clone { clones => [] }", "x").lines().count(), 1);
        insta::assert_snapshot!(errors("clone { }"), @r#"
        x.conf:1:10: clone wants `clones => ["name"]`, a name for each copy
          |
        1 | filter { clone { } }
          |          ^^^^^
        "#);
    }
}
