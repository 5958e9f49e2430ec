//! `prune`: fields are removed by their names and values (logstash-filter-prune 3.0).

use std::borrow::Cow;

use alces_conf::{Options, Span};
use alces_event::{Event, FieldRef, Template, Value, ValueRef};

use crate::{
    common::{Common, pattern, template},
    context::Context,
    filter::Filter,
    regex::Pattern,
    ruby,
};

/// A compiled `prune { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Prune {
    /// None: all names are good.
    whitelist_names: Option<Vec<Test>>,
    blacklist_names: Vec<Test>,
    whitelist_values: Vec<(Name, Test)>,
    blacklist_values: Vec<(Name, Test)>,
    common: Common,
}

/// A regular expression; with `interpolate` it is made of the event's values, for each event anew.
#[derive(Clone, Debug)]
enum Test {
    Fixed(Pattern),
    PerEvent(Template),
}

#[derive(Clone, Debug)]
enum Name {
    Fixed(String),
    PerEvent(Template),
}

/// Names that no field should have: references that nobody filled.
const UNRESOLVED: &str = r"%\{[^}]+\}";

impl Prune {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let interpolate = options.boolean("interpolate").unwrap_or_default();
        let whitelist_names =
            names(options, "whitelist_names", interpolate).filter(|names| !names.is_empty());
        let blacklist_names = names(options, "blacklist_names", interpolate)
            .or_else(|| Some(vec![Test::Fixed(pattern(options, UNRESOLVED, &options.plugin_span())?)]));
        options
            .differs("whitelist_names", "`@timestamp` stays, whatever the names: no event is without a time");
        options
            .differs("blacklist_names", "`@timestamp` stays, whatever the names: no event is without a time");
        let prune = Self {
            whitelist_names,
            blacklist_names: blacklist_names?,
            whitelist_values: values(options, "whitelist_values", interpolate),
            blacklist_values: values(options, "blacklist_values", interpolate),
            common,
        };
        Some(Box::new(prune))
    }

    /// What is to be removed, a field or items of its list, found before anything is: patterns may be made of fields that go.
    fn changes(&self, event: &Event) -> Vec<(FieldRef, Option<Vec<Value>>)> {
        let mut changes = Vec::new();
        let whitelist = self.whitelist_names.as_ref().map(|tests| ready(tests, event));
        let blacklist = ready(&self.blacklist_names, event);
        for (key, _) in event.fields().iter() {
            let name = key.as_str();
            let is_good = whitelist.as_ref().is_none_or(|tests| tests.iter().any(|test| matches(test, name)));
            if !is_good || blacklist.iter().any(|test| matches(test, name)) {
                changes.push((FieldRef::key(key.clone()), None));
            }
        }
        for (tests, good) in [(&self.whitelist_values, true), (&self.blacklist_values, false)] {
            for (name, test) in tests {
                let name = name.of(event);
                let Some((key, value)) = event.fields().iter().find(|(key, _)| key.as_str() == name) else {
                    continue;
                };
                let Some(pattern) = test.of(event) else { continue };
                let stays = |value: ValueRef<'_>| matches(&pattern, &ruby::to_s(value)) == good;
                let field = FieldRef::key(key.clone());
                match value {
                    ValueRef::Null | ValueRef::Bool(false) => {}
                    ValueRef::List(list) => {
                        let gone: Vec<Value> =
                            list.iter().filter(|item| !stays(*item)).map(ValueRef::to_value).collect();
                        if !gone.is_empty() {
                            changes.push((field, (gone.len() < list.len()).then_some(gone)));
                        }
                    }
                    value if !stays(value) => changes.push((field, None)),
                    _ => {}
                }
            }
        }
        changes
    }
}

impl Test {
    fn read(options: &mut Options<'_>, text: &str, span: &Span, interpolate: bool) -> Option<Self> {
        if interpolate {
            let template = template(options, text, span)?;
            if template.as_literal().is_none() {
                return Some(Self::PerEvent(template));
            }
        }
        pattern(options, text, span).map(Self::Fixed)
    }

    /// The expression for an event; none where what comes out is no expression.
    fn of(&self, event: &Event) -> Option<Cow<'_, Pattern>> {
        match self {
            Self::Fixed(pattern) => Some(Cow::Borrowed(pattern)),
            Self::PerEvent(template) => Pattern::compile(&template.render(event)).ok().map(Cow::Owned),
        }
    }
}

/// A pattern that is given up does not match.
fn matches(pattern: &Pattern, text: &str) -> bool {
    matches!(pattern.find(text, 0), Ok(Some(_)))
}

fn ready<'t>(tests: &'t [Test], event: &Event) -> Vec<Cow<'t, Pattern>> {
    tests.iter().filter_map(|test| test.of(event)).collect()
}

impl Name {
    fn of(&self, event: &Event) -> Cow<'_, str> {
        match self {
            Self::Fixed(name) => name.into(),
            Self::PerEvent(template) => template.render(event).into(),
        }
    }
}

fn names(options: &mut Options<'_>, option: &'static str, interpolate: bool) -> Option<Vec<Test>> {
    let texts = options.texts(option)?;
    Some(texts.iter().filter_map(|text| Test::read(options, &text.node, &text.span, interpolate)).collect())
}

fn values(options: &mut Options<'_>, option: &'static str, interpolate: bool) -> Vec<(Name, Test)> {
    let mut tests = Vec::new();
    for (name, texts) in options.text_lists(option).unwrap_or_default() {
        let place = if interpolate {
            match template(options, &name.node, &name.span) {
                Some(template) => Name::PerEvent(template),
                None => continue,
            }
        } else {
            Name::Fixed(name.node)
        };
        for text in texts {
            if let Some(test) = Test::read(options, &text.node, &text.span, interpolate) {
                tests.push((place.clone(), test));
            }
        }
    }
    tests
}

impl Filter for Prune {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        for (field, gone) in self.changes(event) {
            match (gone, event.get(&field)) {
                (None, _) => {
                    event.remove(&field);
                }
                (Some(gone), Some(ValueRef::List(list))) => {
                    let stays = |item: &ValueRef<'_>| !gone.iter().any(|gone| gone.view_alone() == *item);
                    let left: Vec<Value> = list.iter().filter(stays).map(ValueRef::to_value).collect();
                    event.set(&field, Value::list(left));
                }
                // Another test has removed it.
                _ => {}
            }
        }
        self.common.apply(event);
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, check_json, errors};

    const EVENT: &str = r#"{"firstname":"Borat","lastname":"Sagdiyev","fullname":"Borat Sagdiyev","country":"Kazakhstan","hobby":"Cloud","status":"200","%{hmm}":"doh","nums":[1,2,3],"n":404,"names":["Borat","Azamat"]}"#;

    #[test]
    fn names_that_nobody_filled_go_by_default() {
        insta::assert_snapshot!(check_json("prune { }", r#"{"a":"%{x}","%{hmm}":"doh"}"#), @r#"{"a":"%{x}"}"#);
    }

    #[test]
    fn names_on_the_lists() {
        insta::assert_snapshot!(check_json(r#"prune { whitelist_names => ["firstname", "(hobby|status)", "%{firstname}_o"] }"#, EVENT), @r#"{"firstname":"Borat","hobby":"Cloud","status":"200"}"#);
        insta::assert_snapshot!(check_json(r#"prune { blacklist_names => ["name", "^n", "(hobby|status)"] add_tag => "ok" }"#, EVENT), @r#"{"country":"Kazakhstan","%{hmm}":"doh","tags":["ok"]}"#);
        insta::assert_snapshot!(check_json(r#"prune { whitelist_names => ["name"] blacklist_names => ["last"] }"#, EVENT), @r#"{"firstname":"Borat","fullname":"Borat Sagdiyev","names":["Borat","Azamat"]}"#);
        // `@version` goes, `@timestamp` cannot.
        insta::assert_snapshot!(check(r#"prune { whitelist_names => "^message$" }"#, "x"), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","message":"x"}"#);
        insta::assert_snapshot!(check(r#"prune { blacklist_names => "^@" }"#, "x"), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","message":"x"}"#);
    }

    #[test]
    fn values_on_the_lists() {
        let conf = r#"prune { whitelist_values => ["firstname", "^Borat$", "fullname", "Arkady", "status", "^[^2]", "n", "^4", "names", "^B", "nums", "9", "none", "x"] }"#;
        insta::assert_snapshot!(check_json(conf, EVENT), @r#"{"firstname":"Borat","lastname":"Sagdiyev","country":"Kazakhstan","hobby":"Cloud","n":404,"names":["Borat"]}"#);
        let conf = r#"prune { blacklist_values => { "firstname" => "^Borat$" "fullname" => "Arkady" "status" => "^[^2]" "n" => "^4" "names" => "^B" "nums" => "\d" } }"#;
        insta::assert_snapshot!(check_json(conf, EVENT), @r#"{"lastname":"Sagdiyev","fullname":"Borat Sagdiyev","country":"Kazakhstan","hobby":"Cloud","status":"200","names":["Azamat"]}"#);
    }

    #[test]
    fn items_go_by_both_lists() {
        let conf = r#"prune { whitelist_values => { "l" => "[ab]" } blacklist_values => { "l" => "b" } }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"l":["a","b","c","ab"]}"#), @r#"{"l":["a"]}"#);
    }

    #[test]
    fn patterns_made_of_values() {
        let conf = r#"prune { interpolate => true whitelist_names => ["^%{hobby}", "name$", "hobby"] blacklist_values => { "fullname" => "%{lastname}$" } }"#;
        insta::assert_snapshot!(check_json(conf, EVENT), @r#"{"firstname":"Borat","lastname":"Sagdiyev","hobby":"Cloud"}"#);
        let conf = r#"prune { interpolate => true whitelist_values => { "%{which}" => "^%{a}$" } }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"which":"b","a":"x","b":"y"}"#), @r#"{"which":"b","a":"x"}"#);
    }

    #[test]
    fn a_broken_expression_is_an_error() {
        insta::assert_snapshot!(errors(r#"prune { whitelist_names => ["a", "("] }"#), @r#"
        x.conf:1:43: the regular expression is broken: Parsing error at position 5: Opening parenthesis without closing parenthesis
          |
        1 | filter { prune { whitelist_names => ["a", "("] } }
          |                                           ^^^
        "#);
    }
}
