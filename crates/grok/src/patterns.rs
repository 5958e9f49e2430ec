//! Named definitions.

use std::collections::HashMap;

/// The texts of files of a folder in `patterns`.
macro_rules! files {
    ($folder:literal: $($topic:literal)*) => {
        &[$(include_str!(concat!("../patterns/", $folder, "/", $topic, ".grok"))),*]
    };
}

/// What both sets share, to the letter.
const BASE: &[&str] = &[include_str!("../patterns/base.grok")];
const SHARED: &[&str] = files!("shared":
    "bacula" "bind" "exim" "firewalls" "httpd" "java" "linux-syslog" "maven" "mcollective" "mongodb" "nagios" "rails" "redis" "ruby");
const LEGACY: &[&str] = files!("legacy":
    "aws" "bacula" "base" "bind" "bro" "exim" "firewalls" "haproxy" "httpd" "java" "junos" "linux-syslog" "mcollective" "mongodb"
    "nagios" "postgresql" "rails" "redis" "ruby" "squid");
const ECS_V1: &[&str] = files!("ecs-v1":
    "aws" "bacula" "base" "bind" "bro" "exim" "firewalls" "haproxy" "httpd" "java" "junos" "linux-syslog" "mcollective" "mongodb"
    "nagios" "postgresql" "rails" "redis" "ruby" "squid" "zeek");

/// Named pattern definitions; a later one of the same name wins.
#[derive(Clone, Debug, Default)]
pub struct PatternSet {
    definitions: HashMap<String, String>,
}

/// A line of a pattern file that is not `NAME regex`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected `NAME regex`, found `{text}`")]
pub struct DefinitionError {
    /// The line, from 1.
    pub line: usize,
    /// The line's text.
    pub text: String,
}

impl PatternSet {
    /// The names as before ECS: `clientip`, `response` …
    pub fn legacy() -> Self {
        Self::built_in(LEGACY)
    }

    /// The Elastic Common Schema's names: `[source][address]`, `[http][response][status_code]` …
    pub fn ecs_v1() -> Self {
        Self::built_in(ECS_V1)
    }

    fn built_in(set: &[&str]) -> Self {
        let mut patterns = Self::default();
        for text in [BASE, SHARED, set].into_iter().flatten() {
            // The built-in files are read by a test; a broken line would be missed there, not here.
            let _ = patterns.add_file(text);
        }
        patterns
    }

    /// Adds one definition.
    pub fn add(&mut self, name: &str, regex: &str) {
        self.definitions.insert(name.to_owned(), regex.to_owned());
    }

    /// Adds the definitions of a pattern file: `NAME regex` a line, `#` comments, empty lines.
    ///
    /// # Errors
    /// The first line that is neither; the definitions before it are there.
    pub fn add_file(&mut self, text: &str) -> Result<(), DefinitionError> {
        for (at, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once([' ', '\t']) {
                Some((name, regex)) if !regex.trim().is_empty() => self.add(name, regex.trim_start()),
                _ => return Err(DefinitionError { line: at + 1, text: line.to_owned() }),
            }
        }
        Ok(())
    }

    /// The definition of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.definitions.get(name).map(String::as_str)
    }

    /// All names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_files_is_a_definition_and_none_replaces_another() {
        for set in [LEGACY, ECS_V1] {
            let mut read = PatternSet::default();
            let mut definitions = 0;
            for text in [BASE, SHARED, set].into_iter().flatten() {
                read.add_file(text).unwrap();
                definitions += text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).count();
            }
            assert_eq!(read.names().count(), definitions);
        }
    }

    #[test]
    fn a_broken_line_is_named() {
        let mut set = PatternSet::default();
        let error = set.add_file("# fine\nA a+\nB").unwrap_err();
        assert_eq!(error.to_string(), "line 3: expected `NAME regex`, found `B`");
    }
}
