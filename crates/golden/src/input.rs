//! Events of a case.

use std::{fs, io, path::Path};

use alces_event::{Event, Timestamp};
use alces_grok::{Grok, Outcome, PatternSet, Spans};
use serde::Deserialize;

use crate::GoldenError;

type Object = serde_json::Map<String, serde_json::Value>;

/// What stands in a case's `.yml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Fields that each event has besides, as an agent would add them.
    pub fields: Object,
    /// How lines are joined, as the codec `multiline` does.
    pub multiline: Option<Multiline>,
    /// The time of the case, for dates without a year [default: 2026-01-01T00:00:00Z].
    pub now: Option<String>,
}

/// How lines are joined.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Multiline {
    /// A grok pattern.
    pub pattern: String,
    /// Whether lines that do not match are the ones to join.
    #[serde(default)]
    pub negate: bool,
    /// To which line they belong.
    pub what: What,
}

/// To which line a line belongs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The one before.
    Previous,
    /// The one after.
    Next,
}

impl Options {
    pub(crate) fn read(path: &Path) -> Result<Self, GoldenError> {
        match fs::read_to_string(path) {
            Ok(text) => serde_saphyr::from_str(&text)
                .map_err(|error| GoldenError::Case { path: path.to_owned(), reason: error.to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(GoldenError::Io { path: path.to_owned(), source }),
        }
    }

    pub(crate) fn now(&self, case: &Path) -> Result<Timestamp, GoldenError> {
        let text = self.now.as_deref().unwrap_or("2026-01-01T00:00:00Z");
        text.parse().map_err(|_| GoldenError::Case {
            path: case.to_owned(),
            reason: format!("`now: {text}` is no time: write 2026-01-01T00:00:00Z"),
        })
    }

    pub(crate) fn events(&self, case: &Path, text: &str, now: Timestamp) -> Result<Vec<Event>, GoldenError> {
        let wrong = |reason: String| GoldenError::Case { path: case.to_owned(), reason };
        let mut objects: Vec<Object> = Vec::new();
        if case.extension().is_some_and(|e| e == "ndjson") {
            for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let object =
                    serde_json::from_str(line).map_err(|e| wrong(format!("line {}: {e}", at + 1)))?;
                objects.push(object);
            }
        } else {
            let lines = match &self.multiline {
                Some(multiline) => multiline.join(text).map_err(wrong)?,
                // Agents ship no empty lines.
                None => text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect(),
            };
            objects.extend(
                lines.into_iter().map(|line| Object::from_iter([("message".to_owned(), line.into())])),
            );
        }
        let event = |mut object: Object| {
            for (name, value) in &self.fields {
                object.entry(name.clone()).or_insert_with(|| value.clone());
            }
            let json = serde_json::to_vec(&object).unwrap_or_default();
            Event::from_json(&json, now).map(|(event, _)| event).map_err(|error| wrong(error.to_string()))
        };
        objects.into_iter().map(event).collect()
    }
}

impl Multiline {
    fn join(&self, text: &str) -> Result<Vec<String>, String> {
        let pattern = Grok::compile(&PatternSet::ecs_v1(), &self.pattern)
            .map_err(|error| format!("multiline: {error}"))?;
        let mut spans = Spans::default();
        let mut events: Vec<String> = Vec::new();
        let mut open = false;
        for line in text.lines() {
            let joins = (pattern.matches(line, &mut spans) == Outcome::Match) != self.negate;
            let goes_on = match self.what {
                What::Previous => joins,
                What::Next => open,
            };
            match events.last_mut().filter(|_| goes_on) {
                Some(before) => {
                    before.push('\n');
                    before.push_str(line);
                }
                None => events.push(line.to_owned()),
            }
            open = joins;
        }
        Ok(events)
    }
}
