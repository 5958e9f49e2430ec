//! `grok`: named captures out of a line (logstash-filter-grok 4.4).

use alces_conf::{Options, Plugin};
use alces_event::{Event, FieldRef, Value, ValueRef};
use alces_grok::{Cast, Grok as Pattern, Outcome, PatternSet, Spans, to_f, to_i};

use crate::{
    common::{Common, field},
    context::{Context, EcsMode, ecs_option},
};

/// A compiled `grok { … }`.
#[derive(Debug)]
pub(crate) struct Grok {
    matches: Vec<(FieldRef, Vec<Compiled>)>,
    break_on_match: bool,
    keep_empty: bool,
    tag_on_failure: Vec<String>,
    tag_on_timeout: String,
    overwrite: Vec<FieldRef>,
    common: Common,
    spans: Spans,
}

impl Clone for Grok {
    /// The scratch space is each worker's own.
    fn clone(&self) -> Self {
        Self {
            matches: self.matches.clone(),
            tag_on_failure: self.tag_on_failure.clone(),
            tag_on_timeout: self.tag_on_timeout.clone(),
            overwrite: self.overwrite.clone(),
            common: self.common.clone(),
            spans: Spans::default(),
            ..*self
        }
    }
}

#[derive(Clone, Debug)]
struct Compiled {
    pattern: Pattern,
    /// Where each capture of the pattern goes; `None` for captures without a name of their own.
    targets: Vec<Option<(FieldRef, Cast)>>,
}

impl Grok {
    pub(crate) fn compile(context: &Context<'_>, plugin: &Plugin) -> (Self, Vec<alces_conf::Diagnostic>) {
        let mut options = Options::new(context.source, context.env, plugin);
        let common = Common::read(&mut options);
        let mut set = match ecs_option(&mut options, context.ecs) {
            EcsMode::Disabled => PatternSet::legacy(),
            EcsMode::V8 => PatternSet::ecs_v1(),
        };
        for (name, definitions) in options.text_lists("pattern_definitions").unwrap_or_default() {
            for definition in definitions {
                set.add(&name.node, &definition.node);
            }
        }
        options.unsupported("patterns_dir", "write the definitions into `pattern_definitions` for now");
        options
            .unsupported("patterns_files_glob", "write the definitions into `pattern_definitions` for now");
        options.unsupported("target", "capture into nested fields instead: `%{NAME:[target][field]}`");
        options.unsupported("named_captures_only", "captures without a name are not kept");
        // Work is limited by steps and not by time, so that the same line always ends the same way.
        options.no_effect("timeout_millis");
        options.no_effect("timeout_scope");
        let target = options.text("tag_on_timeout").map_or("_groktimeout".to_owned(), |t| t.node);
        let failure = options
            .texts("tag_on_failure")
            .map_or(vec!["_grokparsefailure".to_owned()], |tags| tags.into_iter().map(|t| t.node).collect());
        let overwrite = options.texts("overwrite").unwrap_or_default();
        let overwrite =
            overwrite.iter().filter_map(|f| field(&mut options, &f.node, &f.span)).collect::<Vec<_>>();
        let break_on_match = options.boolean("break_on_match").unwrap_or(true);
        let keep_empty = options.boolean("keep_empty_captures").unwrap_or(false);
        let given = options.text_lists("match");
        if given.is_none() {
            options.error_here("grok wants `match => { \"message\" => \"%{PATTERN}\" }`");
        }
        let mut matches = Vec::new();
        for (source, patterns) in given.unwrap_or_default() {
            let Some(source) = field(&mut options, &source.node, &source.span) else { continue };
            let mut compiled = Vec::new();
            for text in patterns {
                match compile_one(&set, &text.node) {
                    Ok(one) => compiled.push(one),
                    Err(reason) => options.error(&text.span, reason),
                }
            }
            matches.push((source, compiled));
        }
        let grok = Self {
            matches,
            break_on_match,
            keep_empty,
            tag_on_failure: failure,
            tag_on_timeout: target,
            overwrite,
            common,
            spans: Spans::default(),
        };
        (grok, options.finish())
    }

    pub(crate) fn apply(&mut self, event: &mut Event) {
        // The answer of the last pattern tried counts, as in Logstash.
        let mut matched = false;
        let mut exhausted = false;
        'fields: for (source, patterns) in &self.matches {
            let text = match event.get(source) {
                Some(ValueRef::Str(_)) => None,
                Some(ValueRef::Null) | None => continue,
                // Numbers and the like are matched as the text that they print as.
                Some(other) => Some(print(other)),
            };
            for compiled in patterns {
                let subject = match &text {
                    Some(text) => text.as_str(),
                    None => event.get(source).and_then(ValueRef::as_str).unwrap_or_default(),
                };
                match compiled.pattern.matches(subject, &mut self.spans) {
                    Outcome::Match => {
                        matched = true;
                        let owned = text.as_deref();
                        set_captures(
                            event,
                            source,
                            owned,
                            compiled,
                            &self.spans,
                            self.keep_empty,
                            &self.overwrite,
                        );
                        if self.break_on_match {
                            break 'fields;
                        }
                    }
                    Outcome::NoMatch => matched = false,
                    Outcome::Exhausted => {
                        exhausted = true;
                        matched = false;
                    }
                }
            }
        }
        if matched {
            self.common.apply(event);
        } else if exhausted {
            event.tag(&self.tag_on_timeout);
        } else {
            for tag in &self.tag_on_failure {
                event.tag(tag);
            }
        }
    }
}

fn compile_one(set: &PatternSet, text: &str) -> Result<Compiled, String> {
    let pattern = Pattern::compile(set, text).map_err(|e| e.to_string())?;
    let targets = pattern
        .captures()
        .iter()
        .map(|capture| {
            let field = FieldRef::parse(&capture.field).map_err(|e| e.to_string())?;
            Ok(capture.named.then_some((field, capture.cast)))
        })
        .collect::<Result<_, String>>()?;
    Ok(Compiled { pattern, targets })
}

fn print(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Int(number) => number.to_string(),
        ValueRef::Float(number) => format!("{number:?}"),
        ValueRef::Bool(truth) => truth.to_string(),
        ValueRef::List(list) => {
            list.iter().map(|item| item.as_str().map_or_else(|| print(item), str::to_owned)).collect()
        }
        _ => String::new(),
    }
}

fn set_captures(
    event: &mut Event,
    source: &FieldRef,
    owned: Option<&str>,
    compiled: &Compiled,
    spans: &Spans,
    keep_empty: bool,
    overwrite: &[FieldRef],
) {
    // A capture may overwrite the very field that is matched; its text is then kept aside first.
    let replaces_source = compiled.targets.iter().flatten().any(|(field, _)| field == source);
    let kept = (replaces_source && owned.is_none())
        .then(|| event.get(source).and_then(ValueRef::as_str).map(str::to_owned))
        .flatten();
    let owned = owned.or(kept.as_deref());
    for (at, ((target, cast), span)) in compiled
        .targets
        .iter()
        .enumerate()
        .filter_map(|(at, target)| target.as_ref().zip(spans.get(at)).map(|both| (at, both)))
    {
        let (start, end) = span;
        if start == end && !keep_empty {
            continue;
        }
        // The first capture into a field that is to be overwritten replaces it; later ones of the same match append.
        let first = !compiled.targets[..at]
            .iter()
            .enumerate()
            .any(|(at, t)| spans.get(at).is_some() && t.as_ref().is_some_and(|(field, _)| field == target));
        let replace = first && overwrite.contains(target);
        let existing = event.get(target);
        // A value that is there and is neither text nor a list is kept, as in Logstash.
        let blocked = !replace
            && first
            && existing.is_some_and(|v| !matches!(v, ValueRef::Str(_) | ValueRef::List(_) | ValueRef::Null));
        if blocked {
            continue;
        }
        if replace {
            event.remove(target);
        }
        let number = match cast {
            Cast::None => None,
            Cast::Int | Cast::Float => {
                let text = match owned {
                    Some(text) => text,
                    None => event.get(source).and_then(ValueRef::as_str).unwrap_or_default(),
                };
                let part = text.get(start..end).unwrap_or_default();
                Some(if *cast == Cast::Int { Value::Int(to_i(part)) } else { Value::Float(to_f(part)) })
            }
        };
        match (number, owned) {
            (Some(number), _) => event.append(target, number),
            (None, Some(text)) => event.append(target, text.get(start..end).unwrap_or_default()),
            (None, None) => event.append_slice(target, source, start, end),
        }
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
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","w":"abc","message":"def ghi"}"#
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
        x.conf:1:41: pattern `%{NOPE}` is not defined
          |
        1 | filter { grok { match => { "message" => "%{NOPE:x}" } } }
          |                                         ^^^^^^^^^^^
        "#);
    }
}
