//! Fields that are used before they are set, and text that is compared with numbers.

use alces_conf::{
    CompareOp, Condition, Config, Diagnostic, Operand, SectionKind, Source, Span, Spanned, Statement, Value,
};
use alces_filters::EcsMode;

use crate::{
    fields::{Path, effects, path},
    values::{of, pairs, plain},
};

/// Where a field is used, in the order of the filters.
struct Use<'c> {
    source: &'c Source,
    field: Path,
    span: Span,
    at: usize,
    /// How it is compared with a number, if it is.
    with_number: Option<CompareOp>,
}

struct Set<'c> {
    source: &'c Source,
    field: Path,
    line: usize,
    at: usize,
    text: bool,
    /// Fields that the conditions around it ask for.
    asked: Vec<Path>,
}

/// What inputs and agents bring with nearly every event.
const BROUGHT: &[&str] = &[
    "@timestamp",
    "@version",
    "agent",
    "ecs",
    "event",
    "fields",
    "host",
    "input",
    "log",
    "message",
    "tags",
    "type",
];

/// Codecs that bring a text as it is: others bring fields of any name.
const TEXTS: &[&str] = &["plain", "line", "multiline"];

#[derive(Default)]
struct Walk<'c> {
    at: usize,
    uses: Vec<Use<'c>>,
    sets: Vec<Set<'c>>,
    /// Fields whose value or type filters change.
    changed: Vec<Path>,
    /// From here on any field may be there.
    anything: Option<usize>,
}

pub(crate) fn warnings(configs: &[(&Source, &Config)], ecs: EcsMode) -> Vec<Diagnostic> {
    let mut walk = Walk::default();
    for (source, config) in configs {
        for statement in config.statements(SectionKind::Input) {
            walk.input(source, statement);
        }
    }
    for kind in [SectionKind::Filter, SectionKind::Output] {
        for (source, config) in configs {
            for statement in config.statements(kind) {
                walk.statement(source, statement, kind, ecs, &mut Vec::new());
            }
        }
    }
    let early = walk.uses.iter().filter_map(|one| walk.early(one));
    early.chain(walk.uses.iter().filter_map(|one| walk.text_with_number(one))).collect()
}

impl<'c> Walk<'c> {
    fn input(&mut self, source: &'c Source, statement: &Statement) {
        let Statement::Plugin(plugin) = statement else { return };
        let line = source.error(&plugin.name.span, "").line();
        let added = of(plugin, "add_field").flat_map(pairs).map(|(key, _)| path(key.node));
        self.sets.extend(added.map(|field| Set {
            source,
            field,
            line,
            at: 0,
            text: false,
            asked: Vec::new(),
        }));
        let codec = of(plugin, "codec").last().and_then(|value| match &value.node {
            Value::Plugin(codec) => Some(codec.name.node.as_str()),
            _ => plain(value).map(|text| text.node),
        });
        if codec.is_some_and(|codec| !TEXTS.contains(&codec)) {
            self.anything = Some(0);
        }
    }

    fn statement(
        &mut self,
        source: &'c Source,
        statement: &Statement,
        kind: SectionKind,
        ecs: EcsMode,
        asked: &mut Vec<Path>,
    ) {
        self.at += 1;
        match statement {
            Statement::Plugin(plugin) if kind == SectionKind::Filter => {
                let effects = effects(plugin, ecs);
                let at = self.at;
                self.uses.extend(effects.reads.into_iter().map(|(field, span)| Use {
                    source,
                    field,
                    span,
                    at,
                    with_number: None,
                }));
                let line = source.error(&plugin.name.span, "").line();
                self.sets.extend(effects.sets.into_iter().map(|field| Set {
                    source,
                    text: effects.texts.contains(&field),
                    field,
                    line,
                    at,
                    asked: asked.clone(),
                }));
                self.changed.extend(effects.changes);
                if effects.anything && self.anything.is_none() {
                    self.anything = Some(at);
                }
            }
            Statement::Plugin(_) => {}
            Statement::If(branches) => {
                let before = asked.len();
                for branch in branches {
                    if let Some(condition) = &branch.condition {
                        self.condition(source, condition, asked);
                    }
                    for statement in &branch.body {
                        self.statement(source, statement, kind, ecs, asked);
                    }
                }
                asked.truncate(before);
            }
        }
    }

    fn condition(&mut self, source: &'c Source, condition: &Condition, asked: &mut Vec<Path>) {
        let at = self.at;
        let mut operand = |walk: &mut Self, operand: &Operand, with_number, counts: bool| {
            let Operand::Field(Spanned { node, span }) = operand else { return };
            asked.push(path(node));
            if counts {
                let field = path(node);
                walk.uses.push(Use { source, field, span: span.clone(), at, with_number });
            }
        };
        match condition {
            Condition::Bool(_, a, b) => {
                self.condition(source, a, asked);
                self.condition(source, b, asked);
            }
            Condition::Not(inner) => self.condition(source, inner, asked),
            // To ask whether it is there is no use of its value.
            Condition::Truthy(field) => operand(self, field, None, false),
            Condition::Compare(a, op, b) => {
                let number = |other: &Operand| matches!(other, Operand::Number(_)).then_some(*op);
                operand(self, a, number(b), true);
                operand(self, b, number(a), true);
            }
            Condition::Match { subject, .. } => operand(self, subject, None, true),
            Condition::In { needle, haystack, .. } => {
                operand(self, needle, None, true);
                operand(self, haystack, None, true);
            }
        }
    }

    fn early(&self, one: &Use<'c>) -> Option<Diagnostic> {
        let brought = one.field.first().is_some_and(|first| BROUGHT.contains(&first.as_str()));
        if brought || self.anything.is_some_and(|at| at <= one.at) {
            return None;
        }
        let about = |set: &&Set<'_>| related(&set.field, &one.field);
        if self.sets.iter().filter(about).any(|set| set.at <= one.at) {
            return None;
        }
        let later =
            self.sets.iter().filter(about).find(|set| !set.asked.iter().any(|f| related(f, &one.field)))?;
        let name = name(&one.field);
        let file = match later.source.name() == one.source.name() {
            true => String::new(),
            false => format!(" of {}", later.source.name()),
        };
        let message = format!("{name} is used here, but set only later, in line {}{file}", later.line);
        Some(one.source.error(&one.span, message).with_help("put the filter that sets it before this one"))
    }

    fn text_with_number(&self, one: &Use<'c>) -> Option<Diagnostic> {
        let op = one.with_number?;
        let mut sets = self.sets.iter().filter(|set| set.field == one.field && set.at <= one.at).peekable();
        sets.peek()?;
        if sets.any(|set| !set.text)
            || self.changed.contains(&one.field)
            || self.anything.is_some_and(|at| at <= one.at)
        {
            return None;
        }
        let name = name(&one.field);
        let (what, follows) = match op {
            CompareOp::Eq => ("is never equal to a number", ""),
            CompareOp::Ne => ("is never equal to a number, so this always holds", ""),
            _ => {
                ("cannot be compared with a number", ": each event that has it goes to the dead-letter queue")
            }
        };
        let message = format!("{name} is text, as it was captured, and {what}{follows}");
        let help = "capture it as a number, `%{NUMBER:name:int}`, or convert it with `mutate`";
        Some(one.source.error(&one.span, message).with_help(help))
    }
}

/// Whether one is the other, or lies in it.
fn related(a: &Path, b: &Path) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

fn name(path: &Path) -> String {
    path.iter().map(|part| format!("[{part}]")).collect()
}

#[cfg(test)]
mod tests {
    use crate::test_support::check;

    #[test]
    fn a_field_that_is_set_only_later() {
        insta::assert_snapshot!(
            check(
                r#"filter {
  if [verb] == "GET" { mutate { add_tag => ["get"] } }
  mutate { add_field => { "site" => "%{clientip}/x" } }
  grok { match => { "message" => "%{IP:clientip} %{WORD:verb}" } }
}"#
            ),
            @r#"
        x.conf:2:6: [verb] is used here, but set only later, in line 4
          |
        2 |   if [verb] == "GET" { mutate { add_tag => ["get"] } }
          |      ^^^^^^
          = help: put the filter that sets it before this one
        x.conf:3:37: [clientip] is used here, but set only later, in line 4
          |
        3 |   mutate { add_field => { "site" => "%{clientip}/x" } }
          |                                     ^^^^^^^^^^^^^^^
          = help: put the filter that sets it before this one
        "#
        );
    }

    #[test]
    fn what_may_come_from_elsewhere_is_no_warning() {
        for conf in [
            r#"filter { if [level] == "x" { drop { } } }"#,
            r#"input { stdin { codec => json } } filter { if [a] == "x" { drop { } } grok { match => { "m" => "%{INT:a}" } } if [a] == 1 { drop { } } }"#,
            r#"input { stdin { codec => cef { } } } filter { if [a] == "x" { drop { } } grok { match => { "m" => "%{WORD:a}" } } }"#,
            r#"input { stdin { add_field => { "a" => "x" } } } filter { if [a] == "x" { drop { } } grok { match => { "m" => "%{WORD:a}" } } }"#,
            r#"filter { json { source => "message" } if [a] == "x" { drop { } } grok { match => { "m" => "%{WORD:a}" } } }"#,
            r#"filter { if [message] =~ /^#/ { drop { } } grok { match => { "message" => "%{INT} %{GREEDYDATA:message}" } overwrite => "message" } }"#,
            r#"filter { if ![a] { grok { match => { "message" => "%{WORD:a}" } } } }"#,
            r#"filter { if [a] == "" { grok { match => { "message" => "%{WORD:a}" } } } }"#,
            r#"filter { grok { match => { "message" => "%{WORD:a}" } add_field => { "b" => "%{a}" } } if [b] == "x" { drop { } } }"#,
            r#"filter { grok { match => { "message" => "%{INT:n:int} %{INT:t}" } } mutate { convert => { "t" => "integer" } } if [n] > 5 or [t] > 5 { drop { } } }"#,
        ] {
            assert_eq!(check(conf), "", "{conf}");
        }
    }

    #[test]
    fn codecs_of_texts_bring_no_fields() {
        for codec in ["plain", "multiline { pattern => '^ ' what => previous }"] {
            let conf = format!(
                r#"input {{ stdin {{ codec => {codec} }} }} filter {{ if [a] == "x" {{ drop {{ }} }} grok {{ match => {{ "m" => "%{{WORD:a}}" }} }} }}"#
            );
            assert!(check(&conf).contains("[a] is used here, but set only later"), "{conf}");
        }
    }

    #[test]
    fn text_compared_with_a_number() {
        insta::assert_snapshot!(
            check(
                r#"filter { grok { match => { "message" => "%{INT:n} %{INT:m}" } } }
        output { if [n] >= 500 { stdout { } } if [m] == 1 { stdout { } } }"#
            ),
            @"
        x.conf:2:21: [n] is text, as it was captured, and cannot be compared with a number: each event that has it goes to the dead-letter queue
          |
        2 |         output { if [n] >= 500 { stdout { } } if [m] == 1 { stdout { } } }
          |                     ^^^
          = help: capture it as a number, `%{NUMBER:name:int}`, or convert it with `mutate`
        x.conf:2:50: [m] is text, as it was captured, and is never equal to a number
          |
        2 |         output { if [n] >= 500 { stdout { } } if [m] == 1 { stdout { } } }
          |                                                  ^^^
          = help: capture it as a number, `%{NUMBER:name:int}`, or convert it with `mutate`
        "
        );
    }
}
