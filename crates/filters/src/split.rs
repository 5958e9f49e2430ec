//! `split`: an event for each line of a text, or for each item of a list (logstash-filter-split 3.1).

use alces_conf::Options;
use alces_event::{Event, FieldRef, Value, ValueRef};

use crate::{
    common::{Common, field_option},
    context::Context,
    filter::Filter,
    ruby,
};

/// A compiled `split { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    field: FieldRef,
    target: FieldRef,
    terminator: String,
    common: Common,
}

/// Neither text nor a list, or there is no place for the parts.
struct Failed;

const FAILURE: &str = "_split_type_failure";

impl Split {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let field = field_option(options, "field");
        let target = field_option(options, "target");
        let terminator = options.text("terminator").map_or("\n".to_owned(), |text| text.node);
        let field = if options.is_given("field") { field? } else { FieldRef::field("message") };
        Some(Box::new(Self { target: target.unwrap_or_else(|| field.clone()), field, terminator, common }))
    }

    /// The values of the parts; none where the text is one part and stays as it is.
    fn parts(&self, event: &mut Event) -> Result<Option<Vec<Value>>, Failed> {
        if !event.can_set(&self.target) {
            return Err(Failed);
        }
        match event.get(&self.field) {
            Some(ValueRef::Str(text)) => {
                let parts = ruby::split_all(text, &self.terminator);
                if parts.len() == 1 {
                    return Ok(None);
                }
                let filled = parts.into_iter().filter(|part| !part.is_empty());
                Ok(Some(filled.map(|part| event.share(part)).collect()))
            }
            Some(ValueRef::List(list)) => {
                let keep: Vec<bool> =
                    list.iter().map(|item| !matches!(item, ValueRef::Null | ValueRef::Str(""))).collect();
                let items = if self.field == self.target {
                    // Taken out before the event is copied, or each copy would hold the whole list for a moment.
                    match event.place(&self.field) {
                        Some((Value::List(items), _)) => std::mem::take(&mut **items),
                        _ => return Err(Failed),
                    }
                } else {
                    list.iter().map(ValueRef::to_value).collect()
                };
                Ok(Some(
                    items.into_iter().zip(keep).filter_map(|(item, keep)| keep.then_some(item)).collect(),
                ))
            }
            _ => Err(Failed),
        }
    }
}

impl Filter for Split {
    fn apply(&mut self, event: &mut Event, more: &mut Vec<Event>) {
        match self.parts(event) {
            Ok(None) => {}
            Ok(Some(parts)) => {
                more.reserve(parts.len());
                for part in parts {
                    let mut one = event.clone();
                    one.set(&self.target, part);
                    self.common.apply(&mut one);
                    more.push(one);
                }
                event.cancel();
            }
            Err(Failed) => event.tag(FAILURE),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, check_json, errors};

    /// The parts, without what every event has.
    fn parts(conf: &str, line: &str) -> String {
        let short =
            check(conf, line).replace(r#""@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","#, "");
        short.replace(r#","@timestamp":"1970-01-01T00:00:00.000Z","@version":"1""#, "")
    }

    #[test]
    fn an_event_for_each_line() {
        insta::assert_snapshot!(parts(r#"split { add_tag => "part" }"#, "a b\nc\n\nd\n"), @r#"
        {"message":"a b","tags":["part"]}
        {"message":"c","tags":["part"]}
        {"message":"d","tags":["part"]}
        cancelled
        "#);
    }

    #[test]
    fn any_text_ends_a_part_and_the_target_keeps_the_whole() {
        insta::assert_snapshot!(parts(r#"split { terminator => ", " target => "[one][part]" }"#, "a, b"), @r#"
        {"message":"a, b","one":{"part":"a"}}
        {"message":"a, b","one":{"part":"b"}}
        cancelled
        "#);
    }

    #[test]
    fn an_event_for_each_item_of_a_list() {
        let conf = r#"json { source => "message" remove_field => "message" } split { field => "list" }"#;
        insta::assert_snapshot!(parts(conf, r#"{"list":[1,"two",{"n":3},null,"",[]],"k":"v"}"#), @r#"
        {"list":1,"k":"v"}
        {"list":"two","k":"v"}
        {"list":{"n":3},"k":"v"}
        {"list":[],"k":"v"}
        cancelled
        "#);
        let conf = r#"json { source => "message" remove_field => "message" } split { field => "[a][list]" target => "item" }"#;
        insta::assert_snapshot!(parts(conf, r#"{"a":{"list":["x","y"]}}"#), @r#"
        {"a":{"list":["x","y"]},"item":"x"}
        {"a":{"list":["x","y"]},"item":"y"}
        cancelled
        "#);
    }

    #[test]
    fn a_text_of_one_part_is_left_alone() {
        assert!(!check(r#"split { add_tag => "part" }"#, "one").contains("tags"));
        // A list of one is not.
        let conf = r#"json { source => "message" remove_field => "message" } split { field => "l" }"#;
        insta::assert_snapshot!(parts(conf, r#"{"l":["x"]}"#), @r#"
        {"l":"x"}
        cancelled
        "#);
    }

    #[test]
    fn of_nothing_there_is_no_event() {
        assert_eq!(check("split { }", ""), "cancelled");
        assert_eq!(check_json(r#"split { field => "l" }"#, r#"{"l":[]}"#), "cancelled");
    }

    #[test]
    fn what_is_neither_text_nor_list_is_tagged() {
        let conf = r#"split { field => "f" add_tag => "part" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"f":7}"#), @r#"{"f":7,"tags":["_split_type_failure"]}"#);
        insta::assert_snapshot!(check_json(conf, r#"{"a":1}"#), @r#"{"a":1,"tags":["_split_type_failure"]}"#);
    }

    #[test]
    fn the_parts_go_through_the_filters_that_follow_and_no_other() {
        let conf = r#"
            mutate { add_tag => "before" }
            if [message] =~ /\|/ {
                mutate { add_field => { "n" => "1" } }
                split { terminator => "|" }
                mutate { add_tag => "inside" }
            } else {
                mutate { add_tag => "else" }
            }
            if [message] == "b" { drop { } }
            split { terminator => "-" }
            mutate { add_tag => "after" }
        "#;
        insta::assert_snapshot!(parts(conf, "a|b|c-d"), @r#"
        {"message":"a","tags":["before","inside","after"],"n":"1"}
        {"message":"c","tags":["before","inside","after"],"n":"1"}
        {"message":"d","tags":["before","inside","after"],"n":"1"}
        cancelled
        "#);
    }

    #[test]
    fn a_broken_field_is_an_error() {
        assert!(errors(r#"split { field => "[" }"#).contains("is not a field reference"));
    }
}
