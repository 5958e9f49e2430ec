//! `grok`: named captures out of a line (logstash-filter-grok 4.4).

mod tree;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Part, Value, ValueRef};
use alces_grok::{Cast, Grok as Pattern, ListOutcome, Outcome, PatternList, PatternSet, Spans, to_f, to_i};
use alces_plugin::patterns::{locate, pattern_files};

use crate::{
    common::{Common, field},
    context::{Context, EcsMode, ecs_option},
    filter::Filter,
};
use tree::Tree;

/// A compiled `grok { … }`.
#[derive(Debug)]
pub(crate) struct Grok {
    matches: Vec<(FieldRef, Patterns)>,
    break_on_match: bool,
    keep_empty: bool,
    tag_on_failure: Vec<String>,
    tag_on_timeout: String,
    common: Common,
    scratch: Scratch,
}

/// The scratch space is each worker's own.
#[derive(Debug)]
struct Scratch(Spans);

impl Scratch {
    fn new(budget: u64, for_event: bool) -> Self {
        let spans = Spans::with_budget(budget);
        Self(if for_event { spans.shared() } else { spans })
    }
}

impl Clone for Scratch {
    fn clone(&self) -> Self {
        Self(self.0.fresh())
    }
}

impl Clone for Grok {
    fn clone(&self) -> Self {
        Self {
            matches: self.matches.clone(),
            tag_on_failure: self.tag_on_failure.clone(),
            tag_on_timeout: self.tag_on_timeout.clone(),
            common: self.common.clone(),
            scratch: self.scratch.clone(),
            ..*self
        }
    }
}

/// The patterns for one field, in order.
#[derive(Clone, Debug)]
struct Patterns {
    list: PatternList,
    /// For each pattern, where each of its captures goes.
    targets: Vec<Vec<Target>>,
    /// The same as a tree, where the captures of a pattern are each other's strangers.
    trees: Vec<Option<Tree>>,
}

#[derive(Clone, Debug)]
struct Target {
    field: FieldRef,
    cast: Cast,
    /// It is one of `overwrite`: the last capture wins.
    overwrite: bool,
    /// It is the field that is matched.
    replaces_source: bool,
}

/// A step takes some nanoseconds, so that this many are a tenth of a millisecond at most.
const STEPS_PER_MILLISECOND: u64 = 100_000;

impl Filter for Grok {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        match self.match_all(event) {
            Ok(true) => self.common.apply(event),
            Ok(false) => {
                for tag in &self.tag_on_failure {
                    event.tag(tag);
                }
            }
            Err(TimedOut) => event.tag(&self.tag_on_timeout),
        }
    }
}

impl Grok {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let mut set = match ecs_option(options, context.ecs) {
            EcsMode::Disabled => PatternSet::legacy(),
            EcsMode::V8 => PatternSet::ecs_v1(),
        };
        let glob = options.text("patterns_files_glob").map_or("*".to_owned(), |glob| glob.node);
        pattern_files(context, options, &glob, &mut set);
        for (name, definitions) in options.text_lists("pattern_definitions").unwrap_or_default() {
            for definition in definitions {
                set.add(&name.node, &definition.node);
            }
        }
        let texts = |options: &mut Options<'_>, name: &'static str| {
            options.texts(name).map(|texts| texts.into_iter().map(|t| t.node).collect::<Vec<_>>())
        };
        let target = options.text("target").and_then(|t| field(options, &t.node, &t.span).map(|_| t.node));
        let all_names = options.boolean("named_captures_only") == Some(false);
        let timeout = options.integer("timeout_millis", 0..=i64::MAX).unwrap_or(0);
        let for_event =
            options.choice("timeout_scope", &[("pattern", false), ("event", true)]).unwrap_or(false);
        // Work is limited by steps and not by time, so that the same line always ends the same way, and by no more steps than
        // a line that is not exploding could need.
        let budget = match u64::try_from(timeout) {
            Ok(millis @ 1..) => Spans::BUDGET.min(millis.saturating_mul(STEPS_PER_MILLISECOND)),
            _ => Spans::BUDGET,
        };
        let tag_on_timeout = options.text("tag_on_timeout").map_or("_groktimeout".to_owned(), |t| t.node);
        let tag_on_failure =
            texts(options, "tag_on_failure").unwrap_or_else(|| vec!["_grokparsefailure".to_owned()]);
        let overwrite = options.texts("overwrite").unwrap_or_default();
        let overwrite = overwrite.iter().filter_map(|f| field(options, &f.node, &f.span)).collect::<Vec<_>>();
        let break_on_match = options.boolean("break_on_match").unwrap_or(true);
        let keep_empty = options.boolean("keep_empty_captures").unwrap_or(false);
        let given = options.text_lists("match");
        if given.is_none() {
            options.error_here("grok wants `match => { \"message\" => \"%{PATTERN}\" }`");
        }
        let mut matches = Vec::new();
        for (source, patterns) in given.unwrap_or_default() {
            let Some(source) = field(options, &source.node, &source.span) else { continue };
            let (mut groks, mut targets) = (Vec::new(), Vec::new());
            for text in patterns {
                let compiled = if all_names {
                    Pattern::compile_all_names(&set, &text.node)
                } else {
                    Pattern::compile(&set, &text.node)
                };
                let found = compiled.map_err(|error| locate(options, &set, &text, &error)).and_then(|grok| {
                    match targets_of(&grok, target.as_deref(), &overwrite, &source) {
                        Ok(targets) => Ok((grok, targets)),
                        Err(reason) => {
                            options.error(&text.span, reason);
                            Err(())
                        }
                    }
                });
                if let Ok((grok, to)) = found {
                    groks.push(grok);
                    targets.push(to);
                }
            }
            let trees = targets.iter().map(|targets: &Vec<Target>| Tree::new(targets)).collect();
            matches.push((source, Patterns { list: PatternList::new(groks), targets, trees }));
        }
        let scratch = Scratch::new(budget, for_event);
        Some(Box::new(Self {
            matches,
            break_on_match,
            keep_empty,
            tag_on_failure,
            tag_on_timeout,
            common,
            scratch,
        }))
    }

    /// Whether a field matched. What counts for a field is its last pattern that was tried, as in Logstash.
    fn match_all(&mut self, event: &mut Event) -> Result<bool, TimedOut> {
        self.scratch.0.refill();
        let mut matched = false;
        for (source, patterns) in &self.matches {
            let how = How { break_on_match: self.break_on_match, keep_empty: self.keep_empty };
            let spans = &mut self.scratch.0;
            let found = match event.part(source) {
                Some(part) => patterns.match_field(event, source, Some(part), spans, how)?,
                None => patterns.match_value(event, source, spans, how)?,
            };
            matched |= found;
            if matched && self.break_on_match {
                break;
            }
        }
        Ok(matched)
    }
}

/// A pattern was given up.
struct TimedOut;

#[derive(Clone, Copy)]
struct How {
    break_on_match: bool,
    keep_empty: bool,
}

impl Patterns {
    /// Matches a value that is no part of the event's line.
    fn match_value(
        &self,
        event: &mut Event,
        source: &FieldRef,
        spans: &mut Spans,
        how: How,
    ) -> Result<bool, TimedOut> {
        match event.get(source) {
            None | Some(ValueRef::Null) => Ok(false),
            Some(ValueRef::Str(_)) => self.match_field(event, source, None, spans, how),
            // The elements of a list one by one; the last one counts.
            Some(ValueRef::List(list)) => {
                let texts: Vec<String> = list.iter().map(print).collect();
                let mut found = false;
                for text in texts {
                    found = self.match_text(event, &text, spans, how)?;
                }
                Ok(found)
            }
            // Numbers and the like are matched as the text that they print as.
            Some(other) => {
                let text = print(other);
                self.match_text(event, &text, spans, how)
            }
        }
    }

    /// Matches the text of a field. Where it is a `part` of the event's line, captures become parts of it and nothing is copied.
    fn match_field(
        &self,
        event: &mut Event,
        source: &FieldRef,
        part: Option<Part>,
        spans: &mut Spans,
        how: How,
    ) -> Result<bool, TimedOut> {
        let text = |event: &Event| event.text(source).map(str::to_owned);
        if !how.break_on_match {
            // Every pattern sees the text as it was before the first.
            let Some(text) = text(event) else { return Ok(false) };
            return self.match_text(event, &text, spans, how);
        }
        let subject = match part {
            Some(part) => event.text_of(part),
            None => event.text(source).unwrap_or_default(),
        };
        let number = match self.list.first_match(subject, spans) {
            ListOutcome::Match(number) => number,
            ListOutcome::NoMatch => return Ok(false),
            ListOutcome::Exhausted => return Err(TimedOut),
        };
        if let (Some(part), Some(Some(tree)), false) = (part, self.trees.get(number), how.keep_empty) {
            tree.set(event, part, spans);
            return Ok(true);
        }
        let targets = &self.targets[number];
        // Text of its own is copied, and text that goes while its captures are still wanted.
        let Some(part) = part.filter(|_| !targets.iter().any(|target| target.replaces_source)) else {
            let Some(text) = text(event) else { return Ok(false) };
            set_captures(event, targets, spans, how, &text);
            return Ok(true);
        };
        for (at, target) in targets.iter().enumerate() {
            let Some((start, end)) = spans.get(at) else {
                absent(event, target, how);
                continue;
            };
            if start == end && !how.keep_empty {
                continue;
            }
            let value = match target.cast {
                Cast::None => part.cut(start, end),
                cast => {
                    let text = event.text(source).and_then(|text| text.get(start..end));
                    Some(number_of(cast, text.unwrap_or_default()))
                }
            };
            put(event, target, value.unwrap_or(Value::Null));
        }
        Ok(true)
    }

    fn match_text(
        &self,
        event: &mut Event,
        text: &str,
        spans: &mut Spans,
        how: How,
    ) -> Result<bool, TimedOut> {
        let mut matched = false;
        for (grok, targets) in self.list.patterns().iter().zip(&self.targets) {
            matched = match grok.matches(text, spans) {
                Outcome::Match => true,
                Outcome::NoMatch => false,
                Outcome::Exhausted => return Err(TimedOut),
            };
            if matched {
                set_captures(event, targets, spans, how, text);
                if how.break_on_match {
                    break;
                }
            }
        }
        Ok(matched)
    }
}

fn set_captures(event: &mut Event, targets: &[Target], spans: &Spans, how: How, text: &str) {
    for (at, target) in targets.iter().enumerate() {
        match spans.get(at) {
            None => absent(event, target, how),
            Some((start, end)) if start == end && !how.keep_empty => {}
            Some((start, end)) => {
                let text = text.get(start..end).unwrap_or_default();
                put(
                    event,
                    target,
                    if target.cast == Cast::None { text.into() } else { number_of(target.cast, text) },
                );
            }
        }
    }
}

/// A group that took no part is kept as null where empty captures are kept.
fn absent(event: &mut Event, target: &Target, how: How) {
    if how.keep_empty && (target.overwrite || event.get(&target.field).is_none()) {
        event.set(&target.field, Value::Null);
    }
}

/// Sets or appends, in Logstash's way: a value that is there and is neither text nor a list is kept, and the capture is lost.
fn put(event: &mut Event, target: &Target, value: Value) {
    let Some((place, _)) = event.place(&target.field) else {
        if target.overwrite || event.get(&target.field).is_none() {
            event.set(&target.field, value);
        }
        return;
    };
    if target.overwrite { *place = value } else { join(place, value) }
}

/// Logstash's way with a value that comes to one that is there.
fn join(place: &mut Value, value: Value) {
    match place {
        Value::Null => *place = value,
        Value::List(items) => items.push(value),
        Value::Str(_) => {
            let first = std::mem::replace(place, Value::Null);
            *place = Value::list(vec![first, value]);
        }
        _ => {}
    }
}

fn number_of(cast: Cast, text: &str) -> Value {
    if cast == Cast::Int { Value::Int(to_i(text)) } else { Value::Float(to_f(text)) }
}

fn targets_of(
    grok: &Pattern,
    target: Option<&str>,
    overwrite: &[FieldRef],
    source: &FieldRef,
) -> Result<Vec<Target>, String> {
    grok.captures()
        .iter()
        .map(|capture| {
            let name = &capture.field;
            let path = match target {
                None => name.clone(),
                Some(target) => {
                    let bracketed = |name: &str| {
                        if name.starts_with('[') { name.to_owned() } else { format!("[{name}]") }
                    };
                    bracketed(target) + &bracketed(name)
                }
            };
            let field = FieldRef::parse(&path).map_err(|e| e.to_string())?;
            let (overwrite, replaces_source) = (overwrite.contains(&field), field == *source);
            Ok(Target { field, cast: capture.cast, overwrite, replaces_source })
        })
        .collect()
}

fn print(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Str(text) => text.to_owned(),
        ValueRef::Int(number) => number.to_string(),
        ValueRef::Float(number) => format!("{number:?}"),
        ValueRef::Bool(truth) => truth.to_string(),
        ValueRef::List(list) => list.iter().map(print).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, errors};

    const LINE: &str =
        r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 203 "-" "curl""#;

    #[test]
    fn the_seed() {
        insta::assert_snapshot!(
            check(r#"grok { match => { "message" => "%{COMBINEDAPACHELOG}" } remove_field => "message" add_tag => ["ok"] }"#, LINE),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","source":{"address":"83.149.9.216"},"timestamp":"17/May/2015:10:05:03 +0000","http":{"request":{"method":"GET"},"version":"1.1","response":{"status_code":200,"body":{"bytes":203}}},"url":{"original":"/a"},"user_agent":{"original":"curl"},"tags":["ok"]}"#
        );
    }

    #[test]
    fn a_miss_is_tagged_and_kept() {
        insta::assert_snapshot!(
            check(r#"grok { match => { "message" => "%{COMBINEDAPACHELOG}" } add_tag => ["ok"] }"#, "nonsense"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"nonsense","tags":["_grokparsefailure"]}"#
        );
    }

    #[test]
    fn the_first_of_several_patterns_wins_and_overwrite_replaces() {
        insta::assert_snapshot!(
            check(r#"grok { match => { "message" => ["%{INT:n:int}x", "%{WORD:w} %{GREEDYDATA:message}"] } overwrite => ["message"] }"#, "abc def ghi"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"def ghi","w":"abc"}"#
        );
    }

    #[test]
    fn without_overwrite_the_values_become_a_list() {
        insta::assert_snapshot!(
            check(r#"grok { match => { "message" => "%{WORD:w} %{GREEDYDATA:message}" } }"#, "abc def"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":["abc def","def"],"w":"abc"}"#
        );
    }

    #[test]
    fn with_overwrite_the_last_capture_wins_and_numbers_are_kept() {
        insta::assert_snapshot!(
            check(r#"grok { match => { "message" => "%{WORD:message} %{WORD:message} %{INT:n:int} %{INT:n:int}" } overwrite => "message" }"#, "abc def 1 2"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"def","n":1}"#
        );
    }

    #[test]
    fn without_break_on_match_all_are_tried_and_the_last_one_counts() {
        let conf = r#"grok { match => { "message" => ["%{INT:n}", "%{WORD:w}$", "x%{INT:x}"] } break_on_match => false }"#;
        insta::assert_snapshot!(check(conf, "5 abc"), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"5 abc","n":"5","w":"abc","tags":["_grokparsefailure"]}"#);
        insta::assert_snapshot!(check(conf, "5 abcx7"), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"5 abcx7","n":"5","w":"abcx7","x":"7"}"#);
    }

    #[test]
    fn a_target_takes_all_captures() {
        insta::assert_snapshot!(
            check(r#"grok { match => { "message" => "%{WORD:w} %{INT:[a][n]:int}" } target => "[parsed][it]" }"#, "abc 5"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"abc 5","parsed":{"it":{"w":"abc","a":{"n":5}}}}"#
        );
    }

    #[test]
    fn captures_named_by_their_pattern_only_where_asked() {
        insta::assert_snapshot!(
            check(r#"grok { match => { "message" => "^%{WORD} %{HOSTPORT}$" } named_captures_only => false }"#, "to 10.0.0.1:80"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"to 10.0.0.1:80","WORD":"to","HOSTPORT":"10.0.0.1:80","IPORHOST":"10.0.0.1","IP":"10.0.0.1","IPV4":"10.0.0.1","POSINT":"80"}"#
        );
    }

    #[test]
    fn empty_captures_are_kept_where_asked() {
        insta::assert_snapshot!(
            check(r#"grok { match => { "message" => "^(?<a>x*)(?<b>y)?%{GREEDYDATA:rest}" } keep_empty_captures => true }"#, "z"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"z","a":"","b":null,"rest":"z"}"#
        );
    }

    #[test]
    fn the_elements_of_a_list_are_matched_one_by_one() {
        insta::assert_snapshot!(
            check(r#"mutate { add_field => { "l" => ["a1", "b2"] } } grok { match => { "l" => "%{INT:n}" } }"#, "x"),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"x","l":["a1","b2"],"n":["1","2"]}"#
        );
    }

    #[test]
    fn patterns_come_from_files_and_the_plugin_wins_over_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.grok"), "# ours\nTICKET T-[0-9]+\nSTATE open\n").unwrap();
        std::fs::write(folder.path().join("b.grok"), "STATE closed").unwrap();
        std::fs::write(folder.path().join("c.txt"), "TICKET never").unwrap();
        let directory = folder.path().display();
        let conf = format!(
            r#"grok {{ patterns_dir => ["{directory}"] patterns_files_glob => "*.grok" pattern_definitions => {{ "WHO" => "by %{{WORD:who}}" }}
                match => {{ "message" => "%{{TICKET:ticket}} %{{STATE:state}} %{{WHO}}" }} }}"#
        );
        insta::assert_snapshot!(check(&conf, "T-42 closed by ann"), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"T-42 closed by ann","ticket":"T-42","state":"closed","who":"ann"}"#);
    }

    #[test]
    fn bytes_that_are_not_utf8_match_as_replacement_characters() {
        let line = String::from_utf8_lossy(b"GET /\xff\xfe HTTP").into_owned();
        insta::assert_snapshot!(
            check(r#"grok { match => { "message" => "%{WORD:verb} %{NOTSPACE:path} %{WORD:proto}" } }"#, &line),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"GET /�� HTTP","verb":"GET","path":"/��","proto":"HTTP"}"#
        );
    }

    #[test]
    fn a_budget_for_the_event_is_shared_by_its_patterns() {
        // Each takes some thousand steps, and none matches.
        let slow = r#""(?:(?<x>a)|(?<x>b)|(?<x>ab))*(?:c|d)e|zz""#;
        let conf = |more: &str| {
            format!(
                r#"grok {{ match => {{ "message" => [{slow}, {slow}, {slow}, {slow}] }} break_on_match => false timeout_millis => 1 {more} }}"#
            )
        };
        let line = "ab".repeat(13) + "q";
        assert!(check(&conf(""), &line).contains("_grokparsefailure"));
        assert!(check(&conf(r#"timeout_scope => "event""#), &line).contains("_groktimeout"));
    }

    #[test]
    fn a_timeout_is_tagged() {
        let out =
            check(r#"grok { match => { "message" => "(?=x?)(?:.*a){30}$(?<!a)" } }"#, &"a".repeat(3000));
        assert!(out.contains("_groktimeout"), "{out}");
    }

    #[test]
    fn errors_name_the_place() {
        insta::assert_snapshot!(errors(r#"grok { mach => { "message" => "%{NOPE}" } }"#), @r#"
        x.conf:1:10: grok wants `match => { "message" => "%{PATTERN}" }`
          |
        1 | filter { grok { mach => { "message" => "%{NOPE}" } } }
          |          ^^^^
        x.conf:1:17: unknown option `mach` of grok
          |
        1 | filter { grok { mach => { "message" => "%{NOPE}" } } }
          |                 ^^^^
          = help: did you mean `match`?
        "#);
        insta::assert_snapshot!(errors(r#"grok { match => { "message" => "%{NOPE:x}" } }"#), @r#"
        x.conf:1:42: pattern `%{NOPE}` is not defined
          |
        1 | filter { grok { match => { "message" => "%{NOPE:x}" } } }
          |                                          ^^^^^^^^^
        "#);
        insta::assert_snapshot!(errors(r#"grok { match => { "message" => "%{IP:ip} %{WROD:x}|(a" } }"#), @r#"
        x.conf:1:51: pattern `%{WROD}` is not defined
          |
        1 | filter { grok { match => { "message" => "%{IP:ip} %{WROD:x}|(a" } } }
          |                                                   ^^^^^^^^^
          = help: did you mean `%{WORD}`?
        "#);
        insta::assert_snapshot!(errors(r#"grok { match => { "message" => "%{IP:ip} (a" } }"#), @r#"
        x.conf:1:51: the regular expression is broken: a group without its `)`
          |
        1 | filter { grok { match => { "message" => "%{IP:ip} (a" } } }
          |                                                   ^
        "#);
        insta::assert_snapshot!(errors(r#"grok { match => { "message" => "%{INT:n:number}" } patterns_dir => "/no/such" }"#), @r#"
        x.conf:1:77: /no/such: No such file or directory (os error 2)
          |
        1 | filter { grok { match => { "message" => "%{INT:n:number}" } patterns_dir => "/no/such" } }
          |                                                                             ^^^^^^^^^^
        x.conf:1:42: `number` is no cast: a field is text, `:int` or `:float`
          |
        1 | filter { grok { match => { "message" => "%{INT:n:number}" } patterns_dir => "/no/such" } }
          |                                          ^^^^^^^^^^^^^^^
        "#);
    }
}
