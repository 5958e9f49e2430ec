//! A plugin's attributes as typed values.

use crate::{Attribute, Diagnostic, Env, Plugin, Source, Span, Spanned, Value, closest, substitute};

/// The attributes of one plugin, read one option at a time. Errors are collected, not thrown at the first, so that a
/// user sees all of them at once; [`Options::finish`] adds an error for every option that nobody asked for.
pub struct Options<'c> {
    source: &'c Source,
    env: Env<'c>,
    plugin: &'c Plugin,
    asked: Vec<OptionInfo>,
    errors: Vec<Diagnostic>,
}

/// What is known of an option that a plugin reads; the documents' tables are made of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionInfo {
    /// Its name.
    pub name: &'static str,
    /// What it wants: `string`, `number`, `boolean`, `list`, `hash`, `codec`.
    pub kind: &'static str,
    /// Whether it does what it does in Logstash.
    pub support: Support,
}

/// Whether an option does what it does in Logstash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// As in Logstash.
    Full,
    /// Otherwise than in Logstash; how.
    Differs(&'static str),
    /// It is read and has no effect; why.
    NoEffect(&'static str),
    /// It is an error; what to do instead.
    Unsupported(&'static str),
}

/// A key with its texts, each with its place.
pub type TextLists = (Spanned<String>, Vec<Spanned<String>>);

/// A value after variables were replaced, without spans.
#[derive(Clone, Debug, PartialEq)]
pub enum TypedValue {
    /// Text, quoted or not.
    Text(String),
    /// A number as written.
    Number(String),
    /// A list.
    List(Vec<TypedValue>),
    /// Named values in order.
    Hash(Vec<(String, TypedValue)>),
}

impl<'c> Options<'c> {
    /// Reads `plugin`, which stands in `source`.
    pub fn new(source: &'c Source, env: Env<'c>, plugin: &'c Plugin) -> Self {
        Self { source, env, plugin, asked: Vec::new(), errors: Vec::new() }
    }

    /// The plugin's name.
    pub fn plugin(&self) -> &'c str {
        &self.plugin.name.node
    }

    /// Where the plugin's name stands.
    pub fn plugin_span(&self) -> Span {
        self.plugin.name.span.clone()
    }

    /// Records an error at `span`.
    pub fn error(&mut self, span: &Span, message: impl Into<String>) {
        self.errors.push(self.source.error(span, message));
    }

    /// An error at `span`, and what to do about it.
    pub fn error_with_help(&mut self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        let error = self.source.error(span, message).with_help(help);
        self.errors.push(error);
    }

    /// Records an error at the plugin's name.
    pub fn error_here(&mut self, message: impl Into<String>) {
        let span = self.plugin_span();
        self.error(&span, message);
    }

    /// Takes over errors of a plugin within, a codec's.
    pub fn absorb(&mut self, mut errors: Vec<Diagnostic>) {
        self.errors.append(&mut errors);
    }

    fn ask(&mut self, name: &'static str, kind: &'static str, support: Support) {
        match self.asked.iter_mut().find(|o| o.name == name) {
            Some(known) => {
                // How it differs may be said before it is read.
                if known.kind.is_empty() {
                    known.kind = kind;
                }
                if support != Support::Full {
                    known.support = support;
                }
            }
            None => self.asked.push(OptionInfo { name, kind, support }),
        }
    }

    /// The options that were asked for so far, in order.
    pub fn described(&self) -> &[OptionInfo] {
        &self.asked
    }

    /// Says how an option that is read differs from Logstash's.
    pub fn differs(&mut self, name: &'static str, how: &'static str) {
        self.ask(name, "", Support::Differs(how));
    }

    /// The text that the plugin stands in.
    pub fn source(&self) -> &'c Source {
        self.source
    }

    fn all(&mut self, name: &'static str, kind: &'static str) -> Vec<&'c Attribute> {
        self.ask(name, kind, Support::Full);
        self.plugin.attributes.iter().filter(|a| a.name.node == name).collect()
    }

    /// The last attribute of that name: a scalar that is given twice takes the last.
    fn last(&mut self, name: &'static str, kind: &'static str) -> Option<&'c Spanned<Value>> {
        self.all(name, kind).pop().map(|a| &a.value)
    }

    fn wrong_type(&mut self, name: &str, value: &Spanned<Value>, expected: &str) {
        let found = match &value.node {
            Value::String(_) => "a string",
            Value::Bareword(_) => "a word",
            Value::Number(_) => "a number",
            Value::Array(_) => "a list",
            Value::Hash(_) => "a hash",
            Value::Plugin(_) => "a codec",
        };
        let message = format!("option `{name}` of {} wants {expected}, not {found}", self.plugin());
        self.error(&value.span, message);
    }

    fn text_of(&mut self, text: &str, span: &Span) -> String {
        match substitute(text, self.env) {
            Ok(text) => text,
            Err(variable) => {
                let diagnostic = self
                    .source
                    .error(span, format!("the variable `{variable}` is not set"))
                    .with_help(format!("set it, or give a default: `${{{variable}:default}}`"));
                self.errors.push(diagnostic);
                String::new()
            }
        }
    }

    /// Whether an option is written at all, right or wrong.
    pub fn is_given(&self, name: &str) -> bool {
        self.plugin.attributes.iter().any(|a| a.name.node == name)
    }

    /// Text, from a string, a word or a number.
    pub fn text(&mut self, name: &'static str) -> Option<Spanned<String>> {
        self.text_as(name, "string")
    }

    fn text_as(&mut self, name: &'static str, kind: &'static str) -> Option<Spanned<String>> {
        let value = self.last(name, kind)?;
        match &value.node {
            Value::String(text) | Value::Bareword(text) | Value::Number(text) => {
                let node = self.text_of(text, &value.span);
                Some(Spanned { node, span: value.span.clone() })
            }
            _ => {
                self.wrong_type(name, value, "a string");
                None
            }
        }
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        match choices.iter().find(|(word, _)| *word == text.node) {
            Some((_, choice)) => Some(*choice),
            None => {
                let known: Vec<_> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
                let message =
                    format!("option `{name}` of {} wants one of {}", self.plugin(), known.join(", "));
                self.error(&text.span, message);
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.ask(name, "boolean", Support::Full);
        self.choice(name, &[("true", true), ("false", false)])
    }

    /// A whole number in a range.
    pub fn integer(&mut self, name: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let text = self.text_as(name, "number")?;
        match text.node.parse() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let message = format!(
                    "option `{name}` of {} wants a whole number from {} to {}",
                    self.plugin(),
                    range.start(),
                    range.end()
                );
                self.error(&text.span, message);
                None
            }
        }
    }

    /// A number, with or without a fraction.
    pub fn number(&mut self, name: &'static str) -> Option<Spanned<f64>> {
        let text = self.text_as(name, "number")?;
        match text.node.parse() {
            Ok(node) => Some(Spanned { node, span: text.span }),
            Err(_) => {
                self.error(&text.span, format!("option `{name}` of {} wants a number", self.plugin()));
                None
            }
        }
    }

    /// A list of texts; a single text is a list of one, and repeated attributes append.
    pub fn texts(&mut self, name: &'static str) -> Option<Vec<Spanned<String>>> {
        let mut texts = Vec::new();
        let attributes = self.all(name, "list");
        let given = !attributes.is_empty();
        for attribute in attributes {
            self.collect_texts(name, &attribute.value, &mut texts);
        }
        given.then_some(texts)
    }

    fn collect_texts(&mut self, name: &str, value: &'c Spanned<Value>, texts: &mut Vec<Spanned<String>>) {
        match &value.node {
            Value::String(text) | Value::Bareword(text) | Value::Number(text) => {
                let node = self.text_of(text, &value.span);
                texts.push(Spanned { node, span: value.span.clone() });
            }
            Value::Array(items) => {
                for item in items {
                    self.collect_texts(name, item, texts);
                }
            }
            _ => self.wrong_type(name, value, "a string or a list of strings"),
        }
    }

    /// A hash whose values are texts or lists of texts; repeated attributes merge. A flat list of an even number of
    /// texts is read as pairs, as Logstash does for `match => ["message", "…"]`.
    pub fn text_lists(&mut self, name: &'static str) -> Option<Vec<TextLists>> {
        let mut pairs: Vec<TextLists> = Vec::new();
        let attributes = self.all(name, "hash");
        let given = !attributes.is_empty();
        for attribute in attributes {
            match &attribute.value.node {
                Value::Hash(entries) => {
                    for (key, value) in entries {
                        let mut texts = Vec::new();
                        self.collect_texts(name, value, &mut texts);
                        match pairs.iter_mut().find(|(k, _)| k.node == key.node) {
                            Some((_, before)) => before.extend(texts),
                            None => pairs.push((key.clone(), texts)),
                        }
                    }
                }
                Value::Array(items) if items.len() % 2 == 0 && !items.is_empty() => {
                    let mut texts = Vec::new();
                    self.collect_texts(name, &attribute.value, &mut texts);
                    let mut texts = texts.into_iter();
                    while let (Some(key), Some(value)) = (texts.next(), texts.next()) {
                        pairs.push((key, vec![value]));
                    }
                }
                _ => self.wrong_type(name, &attribute.value, "a hash, as in `{ \"message\" => \"…\" }`"),
            }
        }
        given.then_some(pairs)
    }

    /// A hash of any values, variables replaced. A flat list of an even number of items is read as pairs, as in
    /// [`text_lists`](Self::text_lists).
    pub fn hash(&mut self, name: &'static str) -> Option<Vec<(Spanned<String>, Spanned<TypedValue>)>> {
        let mut pairs: Vec<(Spanned<String>, Spanned<TypedValue>)> = Vec::new();
        let attributes = self.all(name, "hash");
        let given = !attributes.is_empty();
        for attribute in attributes {
            match &attribute.value.node {
                Value::Hash(entries) => {
                    for (key, value) in entries {
                        let node = self.typed(name, value);
                        pairs.push((key.clone(), Spanned { node, span: value.span.clone() }));
                    }
                }
                Value::Array(items) if items.len() % 2 == 0 => {
                    let (items, _) = items.as_chunks::<2>();
                    for [key, value] in items {
                        let (TypedValue::Text(text) | TypedValue::Number(text)) = self.typed(name, key)
                        else {
                            self.wrong_type(name, key, "a name here");
                            continue;
                        };
                        let node = self.typed(name, value);
                        let key = Spanned { node: text, span: key.span.clone() };
                        pairs.push((key, Spanned { node, span: value.span.clone() }));
                    }
                }
                _ => self.wrong_type(name, &attribute.value, "a hash, as in `{ \"name\" => \"value\" }`"),
            }
        }
        given.then_some(pairs)
    }

    fn typed(&mut self, name: &str, value: &'c Spanned<Value>) -> TypedValue {
        match &value.node {
            Value::String(text) | Value::Bareword(text) => TypedValue::Text(self.text_of(text, &value.span)),
            Value::Number(text) => TypedValue::Number(text.clone()),
            Value::Array(items) => {
                TypedValue::List(items.iter().map(|item| self.typed(name, item)).collect())
            }
            Value::Hash(entries) => TypedValue::Hash(
                entries.iter().map(|(key, value)| (key.node.clone(), self.typed(name, value))).collect(),
            ),
            Value::Plugin(_) => {
                self.wrong_type(name, value, "a value");
                TypedValue::Text(String::new())
            }
        }
    }

    /// A codec: a word, a string or a plugin with options.
    pub fn codec(&mut self, name: &'static str) -> Option<Plugin> {
        let value = self.last(name, "codec")?;
        match &value.node {
            Value::Plugin(plugin) => Some(plugin.clone()),
            Value::Bareword(word) | Value::String(word) => Some(Plugin {
                name: Spanned { node: word.clone(), span: value.span.clone() },
                attributes: Vec::new(),
            }),
            _ => {
                self.wrong_type(name, value, "a codec, as in `rubydebug` or `json { … }`");
                None
            }
        }
    }

    /// Names an option that Logstash has and this program does not: given, it is an error and not silently ignored.
    pub fn unsupported(&mut self, name: &'static str, instead: &'static str) {
        self.ask(name, "", Support::Unsupported(instead));
        for attribute in self.all(name, "") {
            let diagnostic = self
                .source
                .error(
                    &attribute.name.span,
                    format!("option `{name}` of {} is not supported yet", self.plugin.name.node),
                )
                .with_help(instead);
            self.errors.push(diagnostic);
        }
    }

    /// Names an option that is read and has no effect here, and why not.
    pub fn no_effect(&mut self, name: &'static str, why: &'static str) {
        self.ask(name, "", Support::NoEffect(why));
    }

    /// All errors, with one for each option that nobody asked for.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        let mut known: Vec<_> = self.asked.iter().map(|option| option.name).collect();
        known.sort_unstable();
        for attribute in &self.plugin.attributes {
            let name = attribute.name.node.as_str();
            if known.contains(&name) {
                continue;
            }
            let mut diagnostic = self
                .source
                .error(&attribute.name.span, format!("unknown option `{name}` of {}", self.plugin.name.node));
            diagnostic = match closest(name, known.iter().copied()) {
                Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
                None => diagnostic.with_help(format!("known options: {}", known.join(", "))),
            };
            self.errors.push(diagnostic);
        }
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Escapes, Statement, parse};

    fn check(plugin: &str, read: impl FnOnce(&mut Options<'_>)) -> String {
        let source = Source::new("x.conf", &format!("filter {{ {plugin} }}"));
        let config = parse(&source, Escapes::Off).unwrap();
        let Statement::Plugin(plugin) = &config.sections[0].body[0] else { panic!("a plugin") };
        let env = |name: &str| (name == "PORT").then(|| "5044".to_owned());
        let mut options = Options::new(&source, &env, plugin);
        read(&mut options);
        options.finish().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn typed_and_replaced() {
        let errors = check(
            r#"x1 { port => "${PORT}" tags => "a" tags => ["b"] match => ["m", "p"] match => { "m2" => ["q"] } on => true }"#,
            |o| {
                assert_eq!(o.integer("port", 1..=65535), Some(5044));
                let tags: Vec<_> = o.texts("tags").unwrap().into_iter().map(|t| t.node).collect();
                assert_eq!(tags, ["a", "b"]);
                assert_eq!(o.text_lists("match").unwrap().len(), 2);
                assert_eq!(o.boolean("on"), Some(true));
                assert_eq!(o.text("absent"), None);
            },
        );
        assert_eq!(errors, "");
    }

    #[test]
    fn all_errors_at_once() {
        let errors = check(r#"grok { mach => "x" port => 0 host => "${NONE}" }"#, |o| {
            o.text_lists("match");
            o.integer("port", 1..=65535);
            o.text("host");
        });
        insta::assert_snapshot!(errors, @r#"
        x.conf:1:37: option `port` of grok wants a whole number from 1 to 65535
          |
        1 | filter { grok { mach => "x" port => 0 host => "${NONE}" } }
          |                                     ^
        x.conf:1:47: the variable `NONE` is not set
          |
        1 | filter { grok { mach => "x" port => 0 host => "${NONE}" } }
          |                                               ^^^^^^^^^
          = help: set it, or give a default: `${NONE:default}`
        x.conf:1:17: unknown option `mach` of grok
          |
        1 | filter { grok { mach => "x" port => 0 host => "${NONE}" } }
          |                 ^^^^
          = help: did you mean `match`?
        "#);
    }
}
