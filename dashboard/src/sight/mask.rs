//! Fields whose values are shown as pseudonyms.
//!
//! A line's text mostly holds what its fields were cut out of, and what they should have been cut out of and were not. So where anything
//! is masked, the text of lines is hidden too (`message`, `event.original` …), unless the list excepts it (`!message`). Out of that, as
//! out of the texts of all other fields, the values of the line's own masked fields are struck.

use alces_people::Pseudonyms;
use serde_json::Value;

use super::glob::like;
use crate::fields;

/// Fields that hold a line, or most of it.
const LINES: [&str; 5] = ["message", "event.original", "log.original", "error.message", "pattern"];
/// What is shown of a text that may hold anything.
const HIDDEN: &str = "***";
/// Shorter values are in every text.
const SHORTEST: usize = 3;

/// Fields that are masked.
#[derive(Clone, Debug)]
pub(crate) struct Mask {
    masked: Vec<String>,
    but: Vec<String>,
    pseudonyms: Pseudonyms,
}

impl Mask {
    /// Of a list of names and patterns; none where it masks nothing. A search word (`client`) stands for all of its fields.
    pub(crate) fn new(list: &[String], pseudonyms: Pseudonyms) -> Option<Self> {
        let with_words = |patterns: Vec<String>| {
            let words = fields::words();
            let behind = |p: &String| {
                let meant = words.iter().filter(|(word, _)| like(p, word));
                meant.flat_map(|(_, names)| names.iter().map(|n| (*n).to_owned())).collect::<Vec<_>>()
            };
            let mut all: Vec<String> =
                patterns.iter().flat_map(behind).chain(patterns.iter().cloned()).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let but = list.iter().filter_map(|p| p.strip_prefix('!')).map(str::to_owned).collect();
        let masked: Vec<String> = list.iter().filter(|p| !p.starts_with('!')).cloned().collect();
        (!masked.is_empty()).then(|| Self { masked: with_words(masked), but: with_words(but), pseudonyms })
    }

    /// Whether the values of a field are not to be shown: it was named, or it holds lines.
    pub(crate) fn covers(&self, field: &str) -> bool {
        self.names(field) || self.is_line(field)
    }

    /// Whether a field was named, or an object that it is in.
    fn names(&self, field: &str) -> bool {
        if field == "@timestamp" {
            return false;
        }
        let named = |patterns: &[String]| {
            let ends = field.match_indices('.').map(|(i, _)| i).chain([field.len()]);
            ends.into_iter().any(|end| patterns.iter().any(|p| like(p, &field[..end])))
        };
        named(&self.masked) && !named(&self.but)
    }

    /// Whether a word of the search language stands for a field that is masked, or for the text of lines that is.
    pub(crate) fn covers_word(&self, word: &str) -> bool {
        let mut behind = fields::words().into_iter().filter(|(w, _)| *w == word);
        self.covers(word) || behind.any(|(_, names)| names.iter().any(|n| self.covers(n)))
    }

    /// Whether the text of lines is masked too.
    pub(crate) fn hides_lines(&self) -> bool {
        self.is_line(LINES[0])
    }

    fn is_line(&self, field: &str) -> bool {
        let line =
            LINES.iter().any(|l| field == *l || field.strip_prefix(l).is_some_and(|r| r.starts_with('.')));
        line && !self.but.iter().any(|p| like(p, field))
    }

    /// What stands for a value.
    pub(crate) fn of(&self, value: &str) -> String {
        self.pseudonyms.of(value)
    }

    /// What must be read of a document to mask it.
    pub(crate) fn needs(&self) -> Vec<String> {
        self.masked.iter().flat_map(|p| [p.clone(), format!("{p}.*")]).collect()
    }

    /// Masks a document.
    pub(crate) fn document(&self, source: &mut Value) {
        let mut values = Vec::new();
        self.gather(source, "", &mut values);
        values.sort_unstable_by_key(|v: &String| std::cmp::Reverse(v.len()));
        values.dedup();
        self.write(source, "", &values);
    }

    fn gather(&self, value: &Value, path: &str, values: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    self.gather(value, &join(path, name), values);
                }
            }
            Value::Array(items) => items.iter().for_each(|v| self.gather(v, path, values)),
            _ if !self.names(path) => {}
            _ => values.extend(text(value).filter(|t| t.len() >= SHORTEST)),
        }
    }

    fn write(&self, value: &mut Value, path: &str, values: &[String]) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    self.write(value, &join(path, name), values);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|v| self.write(v, path, values)),
            Value::Null => {}
            _ if self.names(path) => {
                if let Some(text) = text(value) {
                    *value = Value::String(self.of(&text));
                }
            }
            Value::String(text) if self.is_line(path) => HIDDEN.clone_into(text),
            Value::String(text) => {
                for hidden in values.iter().filter(|v| text.contains(v.as_str())).collect::<Vec<_>>() {
                    *text = text.replace(hidden.as_str(), &self.of(hidden));
                }
            }
            Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mask(list: &str) -> Mask {
        let list: Vec<String> = list.split(' ').map(str::to_owned).collect();
        Mask::new(&list, Pseudonyms::new([7; 32])).unwrap()
    }

    fn masked(list: &str, mut document: Value) -> Value {
        mask(list).document(&mut document);
        document
    }

    #[test]
    fn names_words_patterns_and_what_is_in_them() {
        let mask = mask("client user.* geo");
        for field in [
            "source.ip",
            "clientip",
            "client",
            "client.port",
            "user.name",
            "user.name.keyword",
            "geo.city",
            "geo",
        ] {
            assert!(mask.covers(field), "{field}");
        }
        for field in ["user", "username", "status", "@timestamp", "geography"] {
            assert!(!mask.covers(field), "{field}");
        }
        assert!(mask.covers("message") && mask.covers("event.original.keyword"), "it holds lines");
        assert!(mask.covers_word("client") && !mask.covers_word("status"));
        assert!(Mask::new(&["!message".to_owned()], Pseudonyms::new([0; 32])).is_none());
        assert!(!self::mask("* !status").covers("status") && self::mask("* !status").covers("host.name"));
        assert!(!self::mask("*").covers("@timestamp"));
    }

    #[test]
    fn a_line_is_hidden_where_anything_is_masked() {
        let line = json!({"tags": "_grokparsefailure", "message": "amy from 203.0.113.7", "event": {"original": "amy"}});
        let found = masked("client", line.clone());
        assert_eq!((&found["message"], &found["event"]["original"]), (&json!("***"), &json!("***")));
        assert_eq!(masked("client !message !event.original", line.clone()), line);
        assert!(mask("client").hides_lines() && !mask("client !message").hides_lines());
    }

    #[test]
    fn a_line_that_is_excepted_has_its_masked_values_struck_out() {
        let found = masked(
            "client user !message",
            json!({
                "source": {"ip": "203.0.113.7"}, "user": ["amy", "bob"], "status": 500, "url.original": "/u/amy?ip=203.0.113.7",
                "message": "203.0.113.7 - amy [..] \"GET /u/amy\" 500",
            }),
        );
        let text = found.to_string();
        assert!(!text.contains("203.0.113.7") && !text.contains("amy") && !text.contains("bob"), "{text}");
        assert!(text.contains("[..]") && found["status"] == 500, "{text}");
        assert_eq!(found["source"]["ip"], mask("client").of("203.0.113.7"));
    }

    #[test]
    fn flat_nested_and_numbers() {
        let found = masked(
            "account",
            json!({"account.id": 4711, "account": {"iban": true}, "message": "transfer of 4711", "note": "of 4711"}),
        );
        assert!(!found.to_string().contains("4711") && !found.to_string().contains("true"), "{found}");
    }
}
