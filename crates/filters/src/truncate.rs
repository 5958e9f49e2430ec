//! `truncate`: long texts are cut (logstash-filter-truncate 1.0).

use alces_conf::Options;
use alces_event::{Event, FieldRef, Value, ValueRef};

use crate::{
    common::{Common, fields},
    context::Context,
    filter::Filter,
};

/// A compiled `truncate { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Truncate {
    /// None: all.
    fields: Option<Vec<FieldRef>>,
    length: usize,
    common: Common,
}

impl Truncate {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let fields = fields(options, "fields");
        let length = options.integer("length_bytes", 0..=i64::MAX);
        if !options.is_given("length_bytes") {
            options.error_here("truncate wants `length_bytes => 1000`, the length that a text may have");
        }
        let fields = options.is_given("fields").then_some(fields);
        Some(Box::new(Self { fields, length: usize::try_from(length?).unwrap_or(usize::MAX), common }))
    }

    fn cut(&self, event: &mut Event, field: &FieldRef) {
        let value = match event.get(field) {
            Some(value) => cut(event, value, self.length, true),
            None => None,
        };
        if let Some(value) = value {
            event.set(field, value);
        }
    }
}

/// The value with its texts cut; none where all of them are short enough. Objects within lists are left alone.
fn cut(event: &Event, value: ValueRef<'_>, length: usize, in_objects: bool) -> Option<Value> {
    match value {
        ValueRef::Str(text) if text.len() > length => {
            let end = text.floor_char_boundary(length);
            Some(event.share(text.get(..end)?))
        }
        ValueRef::List(list) => {
            let is_long = |item: ValueRef<'_>| item.as_str().is_some_and(|text| text.len() > length);
            list.iter().any(is_long).then(|| {
                let short = |item| cut(event, item, length, false).unwrap_or_else(|| item.to_value());
                Value::list(
                    list.iter()
                        .map(|item| if is_long(item) { short(item) } else { item.to_value() })
                        .collect(),
                )
            })
        }
        ValueRef::Object(object) if in_objects => {
            let cuts: Vec<_> = object.iter().map(|(_, value)| cut(event, value, length, true)).collect();
            cuts.iter().any(Option::is_some).then(|| {
                let entries = object.iter().zip(cuts);
                Value::Object(
                    entries
                        .map(|((key, value), cut)| (key.clone(), cut.unwrap_or_else(|| value.to_value())))
                        .collect(),
                )
            })
        }
        _ => None,
    }
}

impl Filter for Truncate {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        match &self.fields {
            Some(fields) => fields.iter().for_each(|field| self.cut(event, field)),
            None => {
                let names: Vec<_> = event.fields().iter().map(|(key, _)| key.clone()).collect();
                names.into_iter().for_each(|name| self.cut(event, &FieldRef::key(name)));
            }
        }
        self.common.apply(event);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::test_support::{check_json, errors};

    #[test]
    fn long_texts_are_cut_and_short_ones_kept() {
        let conf =
            r#"truncate { fields => ["a", "[o][x]", "l", "n", "none"] length_bytes => 3 add_tag => "ok" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"a":"abcdef","o":{"x":"uvwxyz","y":"untouched"},"l":["abcd",12345,"ab",{"k":"kept as it is"}],"n":123456,"b":"untouched"}"#), @r#"{"a":"abc","o":{"x":"uvw","y":"untouched"},"l":["abc",12345,"ab",{"k":"kept as it is"}],"n":123456,"b":"untouched","tags":["ok"]}"#);
    }

    #[test]
    fn without_fields_all_texts_are_cut() {
        let conf = "truncate { length_bytes => 2 }";
        insta::assert_snapshot!(check_json(conf, r#"{"a":"abc","o":{"x":{"y":"xyz","n":1}},"l":["xyz"]}"#), @r#"{"a":"ab","o":{"x":{"y":"xy","n":1}},"l":["xy"]}"#);
    }

    #[test]
    fn no_letter_is_cut_in_two() {
        let cut = |length: usize| {
            check_json(&format!(r#"truncate {{ fields => "m" length_bytes => {length} }}"#), r#"{"m":"aé€"}"#)
        };
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6].map(cut),
            ["", "a", "a", "aé", "aé", "aé", "aé€"].map(|m| format!(r#"{{"m":"{m}"}}"#))
        );
    }

    #[test]
    fn a_length_is_wanted() {
        insta::assert_snapshot!(errors("truncate { }"), @"
        x.conf:1:10: truncate wants `length_bytes => 1000`, the length that a text may have
          |
        1 | filter { truncate { } }
          |          ^^^^^^^^
        ");
        assert!(errors("truncate { length_bytes => -1 }").contains("wants a whole number from 0"));
    }

    proptest! {
        #[test]
        fn a_cut_text_is_the_longest_beginning_that_fits(text in "[a-zé€𝄞]{0,12}", length in 0_usize..40) {
            let json = serde_json::json!({ "m": text }).to_string();
            let out = check_json(&format!(r#"truncate {{ fields => "m" length_bytes => {length} }}"#), &json);
            let out: serde_json::Value = serde_json::from_str(&out).unwrap();
            let mut expect = String::new();
            for c in text.chars() {
                if expect.len() + c.len_utf8() > length { break }
                expect.push(c);
            }
            prop_assert_eq!(out["m"].as_str(), Some(expect.as_str()));
        }
    }
}
