//! Values as they are found, each by its option's name; an option that is not given has the table's default.

use std::{collections::BTreeMap, time::Duration};

use alces_diagnostic::Span;
use regex::Regex;
use serde_json::{Map, Value as Json};

use super::{kind::Group, read::scalar};

/// A value that is right.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Bool(bool),
    Duration(Duration),
    Size(u64),
    Whole(u64),
    /// Texts, words, paths.
    Text(String),
    Texts(Vec<String>),
    Regexes(Vec<Regex>),
    Fields(Map<String, Json>),
    Group(Values),
    Groups(Vec<Values>),
}

/// The values of one group.
#[derive(Clone, Debug)]
pub(super) struct Values {
    group: &'static Group,
    found: BTreeMap<&'static str, (Value, Span)>,
    /// Where the group stands.
    pub(super) span: Span,
    /// A name in it is unknown, so that what seems to be missing may be there.
    pub(super) misspelt: bool,
}

impl Values {
    /// Nothing is given.
    pub(super) fn none(group: &'static Group) -> Self {
        Self { group, found: BTreeMap::new(), span: 0..0, misspelt: false }
    }

    pub(super) fn insert(&mut self, name: &'static str, value: Value, span: Span) {
        self.found.insert(name, (value, span));
    }

    /// Where an option is given.
    pub(super) fn place(&self, name: &str) -> Option<&Span> {
        self.found.get(name).map(|(_, span)| span)
    }

    /// What is given, or the default.
    fn get(&self, name: &str) -> Option<Value> {
        if let Some((value, _)) = self.found.get(name) {
            return Some(value.clone());
        }
        let row = self.group.rows.iter().find(|row| row.name == name);
        debug_assert!(row.is_some(), "{name} is not in the table of {}", self.group.title);
        row.filter(|row| !row.default.is_empty()).and_then(|row| scalar(row.kind, row.default).ok())
    }

    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name)? {
            Value::Duration(time) => Some(time),
            _ => None,
        }
    }

    /// A size or a whole number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            Value::Size(number) | Value::Whole(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn count(&self, name: &str) -> Option<usize> {
        self.number(name).and_then(|number| usize::try_from(number).ok())
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Texts(texts)) => texts,
            _ => Vec::new(),
        }
    }

    pub(super) fn regexes(&self, name: &str) -> Vec<Regex> {
        match self.get(name) {
            Some(Value::Regexes(regexes)) => regexes,
            _ => Vec::new(),
        }
    }

    pub(super) fn fields(&self, name: &str) -> Map<String, Json> {
        match self.get(name) {
            Some(Value::Fields(fields)) => fields,
            _ => Map::new(),
        }
    }

    pub(super) fn group(&self, name: &str) -> Option<Values> {
        match self.get(name)? {
            Value::Group(values) => Some(values),
            _ => None,
        }
    }

    pub(super) fn groups(&self, name: &str) -> Vec<Values> {
        match self.get(name) {
            Some(Value::Groups(groups)) => groups,
            _ => Vec::new(),
        }
    }
}
