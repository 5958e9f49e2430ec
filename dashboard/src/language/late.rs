//! A text that is found out once and shown to many, each in another language.

use std::fmt;

use maud::{Markup, Render};
use serde::{Serialize, Serializer};

use super::{fill_plain, text};

/// An English text with what belongs into its places. For programs and logs it is English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    english: &'static str,
    values: Vec<(&'static str, Value)>,
}

/// What belongs into a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A figure, a name: the same in all languages.
    Text(String),
    /// A word that has a translation.
    Word(&'static str),
    /// A duration in milliseconds.
    Age(i64),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Said {
    pub(crate) const fn new(english: &'static str) -> Self {
        Self { english, values: Vec::new() }
    }

    /// With a value for a `{name}`.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.push((name, value.into()));
        self
    }
}

/// `40 s`, `7 min`, `3 h`, `12 days`.
pub(crate) fn age_text(ms: i64) -> String {
    let seconds = (ms / 1000).max(0);
    let (count, unit) = match seconds {
        ..=119 => (seconds, "{n} s"),
        120..=7199 => (seconds / 60, "{n} min"),
        7200..=172_799 => (seconds / 3600, "{n} h"),
        _ => (seconds / 86_400, "{n} days"),
    };
    fill_plain(unit, &[("n", &count.to_string())])
}

/// In the language of the request, if there is one.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Word(word) => text(word).into_owned(),
            Value::Age(ms) => age_text(*ms),
        };
        let values: Vec<(&str, String)> = self.values.iter().map(|(name, v)| (*name, shown(v))).collect();
        let values: Vec<(&str, &str)> = values.iter().map(|(name, v)| (*name, v.as_str())).collect();
        f.write_str(&fill_plain(self.english, &values))
    }
}

impl Render for Said {
    fn render(&self) -> Markup {
        self.to_string().as_str().render()
    }
}

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Language;
    use super::*;

    #[tokio::test]
    async fn what_was_found_out_once_is_said_in_each_language() {
        let said = Said::new("{age} ago it was: {state}.")
            .with("age", Value::Age(7_200_000))
            .with("state", Value::Word("OK"));
        assert_eq!(said.to_string(), "2 h ago it was: OK.");
        let po = "msgid \"\"\nmsgstr \"Language: de\\nLanguage-Team: Deutsch\\n\"\n\n\
                  msgid \"{age} ago it was: {state}.\"\nmsgstr \"{state} vor {age}.\"\n\n\
                  msgid \"{n} h\"\nmsgstr \"{n} Stunden\"\n\nmsgid \"OK\"\nmsgstr \"Gut\"\n";
        let german = Arc::new(Language::parse(po).expect("a catalog"));
        assert_eq!(german.scope(async { said.to_string() }).await, "Gut vor 2 Stunden.");
    }

    #[test]
    fn ages() {
        assert_eq!(age_text(40_000), "40 s");
        assert_eq!(age_text(7_200_000), "2 h");
    }
}
