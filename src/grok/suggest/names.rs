//! Names for captures.

use std::collections::HashSet;

/// Gives each name once.
#[derive(Default)]
pub(crate) struct Names {
    used: HashSet<String>,
    numbered: usize,
}

/// Fields that events of Beats come with, as objects or lists: a capture must not fall into them.
const TAKEN: [&str; 9] = ["agent", "ecs", "event", "host", "input", "log", "message", "tags", "type"];

/// Words that stand before a value and say nothing about it.
const HOLLOW: [&str; 20] = [
    "a", "an", "and", "are", "at", "by", "for", "from", "in", "into", "is", "of", "on", "or", "than", "the",
    "to", "was", "via", "with",
];

impl Names {
    /// With names that are taken already.
    pub(crate) fn new<'n>(used: impl IntoIterator<Item = &'n str>) -> Self {
        Self { used: used.into_iter().map(str::to_owned).collect(), numbered: 0 }
    }

    /// This name, with a number where it is taken.
    pub(crate) fn fixed(&mut self, name: &str) -> String {
        let mut candidate = name.to_owned();
        let mut number = 1;
        while !self.used.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{name}{number}");
        }
        candidate
    }

    /// After the word or key that stands before the value, if it is one that names things.
    pub(crate) fn label(&mut self, label: &str) -> Option<String> {
        let name: String =
            label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>();
        let name = name.trim_matches('_');
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !starts || name.len() > 32 || HOLLOW.contains(&name.to_ascii_lowercase().as_str()) {
            return None;
        }
        // What follows a method of HTTP.
        if ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"].contains(&name) {
            return Some(self.fixed("request"));
        }
        Some(if TAKEN.contains(&name) { self.fixed(&format!("{name}_name")) } else { self.fixed(name) })
    }

    /// `field1`, `field2` …
    pub(crate) fn numbered(&mut self) -> String {
        self.numbered += 1;
        self.fixed(&format!("field{}", self.numbered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once_and_none_that_is_taken() {
        let mut names = Names::new(["timestamp"]);
        let mut check = |label: &str| names.label(label).unwrap_or_else(|| "-".to_owned());
        assert_eq!(check("timestamp"), "timestamp2");
        assert_eq!((check("user-id"), check("user-id")), ("user_id".to_owned(), "user_id2".to_owned()));
        assert_eq!(
            (check("host"), check("from"), check("1st")),
            ("host_name".into(), "-".into(), "-".into())
        );
        assert_eq!((names.numbered(), names.numbered()), ("field1".to_owned(), "field2".to_owned()));
    }
}
