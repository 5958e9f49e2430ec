//! YAML with dotted names: `pipeline.workers: 2` is `pipeline: { workers: 2 }`.

use alces_conf::{Diagnostic, Source, Span};
use serde_json::Value;

/// One setting, its name dotted whole.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    /// As text; one, but for lists.
    pub(super) values: Vec<String>,
    pub(super) span: Span,
}

pub(super) struct Document;

impl Document {
    /// A file that is one map; an empty one is an empty map.
    pub(super) fn map(source: &Source) -> Result<Vec<Entry>, Diagnostic> {
        let mut entries = Vec::new();
        flatten(source, 0, String::new(), &read(source)?, &mut entries)?;
        entries.sort_by_key(|entry: &Entry| entry.span.start);
        Ok(entries)
    }

    /// A file that is a list of maps.
    pub(super) fn list(source: &Source) -> Result<Vec<Vec<Entry>>, Diagnostic> {
        let items = match read(source)? {
            Value::Null => Vec::new(),
            Value::Array(items) => items,
            _ => {
                let help = "each pipeline begins with a dash: `- pipeline.id: main`";
                return Err(source.error(&(0..0), "this is to be a list of pipelines").with_help(help));
            }
        };
        let mut from = 0;
        let mut list = Vec::new();
        for item in items {
            from = next_item(source.text(), from);
            let mut entries = Vec::new();
            flatten(source, from, String::new(), &item, &mut entries)?;
            entries.sort_by_key(|entry: &Entry| entry.span.start);
            list.push(entries);
            from += 1;
        }
        Ok(list)
    }
}

fn read(source: &Source) -> Result<Value, Diagnostic> {
    serde_saphyr::from_str::<Option<Value>>(source.text()).map(Option::unwrap_or_default).map_err(|error| {
        let at = error.location().map_or(0, |location| offset(source.text(), location.line() as usize));
        let message = error.to_string();
        let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
        source.error(&(at..at), format!("this is no YAML: {message}"))
    })
}

/// The byte at which a line, from 1, begins.
fn offset(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum()
}

/// Where the next line that begins with a dash is.
fn next_item(text: &str, from: usize) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at >= from && line.trim_start().starts_with('-') {
            return at;
        }
        at += line.len();
    }
    from
}

fn flatten(
    source: &Source,
    from: usize,
    prefix: String,
    value: &Value,
    entries: &mut Vec<Entry>,
) -> Result<(), Diagnostic> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    };
    if let Value::Object(members) = value {
        for (key, value) in members {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            flatten(source, from, name, value, entries)?;
        }
        return Ok(());
    }
    if prefix.is_empty() {
        return if value.is_null() {
            Ok(())
        } else {
            Err(source.error(&(from..from), "this is to be a map of settings: `name: value`"))
        };
    }
    let span = place(source.text(), from, &prefix);
    let values = match value {
        Value::Array(items) => items.iter().map(text).collect(),
        one => text(one).map(|text| vec![text]),
    };
    match values {
        Some(values) => entries.push(Entry { name: prefix, values, span }),
        None => return Err(source.error(&span, format!("`{prefix}` wants a value or a list of values"))),
    }
    Ok(())
}

/// Where a name is written: whole, or its last part where it is nested.
fn place(text: &str, from: usize, name: &str) -> Span {
    let rest = text.get(from..).unwrap_or_default();
    let last = name.rsplit('.').next().unwrap_or(name);
    [name, last]
        .into_iter()
        .find_map(|name| {
            let mut at = 0;
            rest.split_inclusive('\n').find_map(|line| {
                let start = at;
                at += line.len();
                let key = line.trim_start_matches([' ', '-', '"', '\'']);
                let after = key.strip_prefix(name)?.trim_start_matches(['"', '\'', ' ']);
                let column = line.len() - key.len();
                after.starts_with(':').then(|| from + start + column..from + start + column + name.len())
            })
        })
        .unwrap_or(from..from)
}
