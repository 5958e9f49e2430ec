//! Keys and values in a text.
//!
//! Logstash builds one regular expression of the options and scans with it. That expression is here too, for what needs it;
//! single characters as splitters, the usual case, go through a scanner by hand that finds the same (a property test).

use alces_conf::{Options, Spanned};

use super::chars::AsciiSet;
use crate::{
    common::pattern,
    regex::{GaveUp, Pattern},
};

#[derive(Clone, Debug)]
pub(super) struct Scanner {
    regex: Pattern,
    fast: Option<Fast>,
}

/// The splitters as sets.
#[derive(Clone, Copy, Debug)]
struct Fast {
    field: AsciiSet,
    value: AsciiSet,
    /// Spaces around a value's splitter do not count.
    lenient: bool,
    brackets: bool,
}

/// The options that say where texts are split.
pub(super) fn read(options: &mut Options<'_>) -> Option<Scanner> {
    let not_empty = |options: &mut Options<'_>, name: &'static str| {
        let text: Option<Spanned<String>> = options.text(name);
        if let Some(text) = text.as_ref().filter(|text| text.node.is_empty()) {
            options.error(&text.span, format!("`{name}` of kv must not be empty"));
        }
        text
    };
    let field_split = not_empty(options, "field_split");
    let value_split = not_empty(options, "value_split");
    let field_pattern = not_empty(options, "field_split_pattern");
    let value_pattern = not_empty(options, "value_split_pattern");
    let brackets = options.boolean("include_brackets").unwrap_or(true);
    let lenient = options.choice("whitespace", &[("lenient", true), ("strict", false)]).unwrap_or(true);
    // Each by itself first, so that an error is at its place.
    for text in [&field_split, &value_split].into_iter().flatten().filter(|text| !text.node.is_empty()) {
        pattern(options, &format!("[{}]", text.node), &text.span)?;
    }
    for text in [&field_pattern, &value_pattern].into_iter().flatten() {
        pattern(options, &text.node, &text.span)?;
    }
    let text = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.node.clone());
    let splitters = Splitters {
        field: text(&field_split).unwrap_or_else(|| " ".to_owned()),
        value: text(&value_split).unwrap_or_else(|| "=".to_owned()),
        field_pattern: text(&field_pattern),
        value_pattern: text(&value_pattern),
    };
    let span = options.plugin_span();
    let regex = pattern(options, &splitters.regex(lenient, brackets), &span)?;
    Some(Scanner { regex, fast: splitters.fast(lenient, brackets) })
}

struct Splitters {
    field: String,
    value: String,
    field_pattern: Option<String>,
    value_pattern: Option<String>,
}

impl Splitters {
    fn regex(&self, lenient: bool, brackets: bool) -> String {
        let field = self.field_pattern.clone().unwrap_or_else(|| format!("[{}]", self.field));
        let value = self.value_pattern.clone().unwrap_or_else(|| format!("[{}]", self.value));
        let space = if lenient { " *" } else { "" };
        let value = format!("{space}(?:{value}){space}");
        let until_class = |class: &str| format!(r"((?:\\.|[^{class}])+)");
        let until_pattern = |pattern: &str| format!(r"((?:\\.|(?!{pattern}).)+)");
        let key = if self.field_pattern.is_some() || self.value_pattern.is_some() {
            until_pattern(&format!("(?:{value}|(?:{field}))"))
        } else {
            until_class(&format!("{}{}", self.value, self.field))
        };
        let mut values = vec![(r#"""#, r#"""#), ("'", "'")];
        if brackets {
            values.extend([(r"\(", r"\)"), (r"\[", r"\]"), ("<", ">")]);
        }
        let mut values: Vec<String> =
            values.into_iter().map(|(open, close)| format!("{open}{}?{close}", until_class(close))).collect();
        values.push(match &self.field_pattern {
            Some(pattern) => until_pattern(&format!("(?:{pattern})")),
            None => until_class(&self.field),
        });
        format!("{key}{value}(?:{})?(?:{field}|$)", values.join("|"))
    }

    fn fast(&self, lenient: bool, brackets: bool) -> Option<Fast> {
        if self.field_pattern.is_some() || self.value_pattern.is_some() {
            return None;
        }
        let (field, value) = (AsciiSet::read(&self.field)?, AsciiSet::read(&self.value)?);
        // Both together are one class for keys: what is single in each may be more in that.
        AsciiSet::read(&format!("{}{}", self.value, self.field))?;
        (!value.has(b' ')).then_some(Fast { field, value, lenient, brackets })
    }
}

impl Scanner {
    /// Gives every key with its value, which is empty where there is none.
    pub(super) fn scan<'t>(
        &self,
        text: &'t str,
        mut found: impl FnMut(&'t str, &'t str) -> Result<(), GaveUp>,
    ) -> Result<(), GaveUp> {
        match self.fast {
            // A backslash takes the meaning from what follows it.
            Some(fast) if !text.contains('\\') => fast.scan(text, found),
            _ => {
                let mut at = 0;
                while let Some(groups) = self.regex.groups(text, at)? {
                    let part =
                        |group: &Option<(usize, usize)>| group.and_then(|(start, end)| text.get(start..end));
                    let [Some((_, end)), key, values @ ..] = &groups[..] else { break };
                    found(part(key).unwrap_or_default(), values.iter().find_map(part).unwrap_or_default())?;
                    // A match is never empty: it has a key and a splitter.
                    at = *end;
                }
                Ok(())
            }
        }
    }
}

impl Fast {
    fn scan<'t>(
        self,
        text: &'t str,
        mut found: impl FnMut(&'t str, &'t str) -> Result<(), GaveUp>,
    ) -> Result<(), GaveUp> {
        let bytes = text.as_bytes();
        let byte = |at: usize| bytes.get(at).copied();
        // All that is looked for is ASCII, so that every cut is between letters.
        let until = |from: usize, set: AsciiSet| {
            bytes
                .get(from..)
                .and_then(|rest| rest.iter().position(|b| set.has(*b)))
                .map_or(bytes.len(), |n| from + n)
        };
        let spaces = |from: usize| {
            let mut at = from;
            while self.lenient && byte(at) == Some(b' ') {
                at += 1;
            }
            at
        };
        let ends = |at: usize| byte(at).is_none_or(|b| self.field.has(b) || b == b'\n');
        let both = self.field.and(self.value);
        let mut at = 0;
        while at < bytes.len() {
            if byte(at).is_some_and(|b| both.has(b)) {
                at += 1;
                continue;
            }
            let key_end = until(at, both);
            let splitter = spaces(key_end);
            if !byte(splitter).is_some_and(|b| self.value.has(b)) {
                at = key_end;
                continue;
            }
            let start = spaces(splitter + 1);
            let close = match byte(start) {
                Some(quote @ (b'"' | b'\'')) => Some(quote),
                Some(b'(') if self.brackets => Some(b')'),
                Some(b'[') if self.brackets => Some(b']'),
                Some(b'<') if self.brackets => Some(b'>'),
                _ => None,
            };
            let quoted = close
                .and_then(|close| {
                    let rest = bytes.get(start + 1..)?;
                    rest.iter().position(|b| *b == close).map(|n| (start + 1, start + 1 + n))
                })
                .filter(|(_, end)| ends(end + 1));
            let (value, end) = match quoted {
                Some((from, to)) => ((from, to), to + 1),
                None => {
                    let to = until(start, self.field);
                    ((start, to), to)
                }
            };
            let part = |(from, to): (usize, usize)| text.get(from..to).unwrap_or_default();
            found(part((at, key_end)), part(value))?;
            at = end + usize::from(byte(end).is_some_and(|b| self.field.has(b)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scanner(field: &str, value: &str, lenient: bool, brackets: bool) -> Scanner {
        let splitters = Splitters {
            field: field.to_owned(),
            value: value.to_owned(),
            field_pattern: None,
            value_pattern: None,
        };
        let regex = Pattern::compile(&splitters.regex(lenient, brackets)).unwrap();
        Scanner { regex, fast: splitters.fast(lenient, brackets) }
    }

    fn all<'t>(scanner: &Scanner, text: &'t str) -> Vec<(&'t str, &'t str)> {
        let mut pairs = Vec::new();
        scanner
            .scan(text, |key, value| {
                pairs.push((key, value));
                Ok(())
            })
            .unwrap();
        pairs
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_scanner_finds_what_the_expression_finds(
            text in r#"[ab=:& "'()<>\[\]\né]{0,24}"#,
            field in prop::sample::select(vec![" ", "&", "& ", "&?", ", "]),
            value in prop::sample::select(vec!["=", ":", "=:"]),
            lenient: bool,
            brackets: bool,
        ) {
            let fast = scanner(field, value, lenient, brackets);
            prop_assert!(fast.fast.is_some());
            let slow = Scanner { regex: fast.regex.clone(), fast: None };
            prop_assert_eq!(all(&fast, &text), all(&slow, &text));
        }
    }
}
