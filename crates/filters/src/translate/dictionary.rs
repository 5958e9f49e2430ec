//! Keys with their values, and the ways to look one up.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};
use alces_event::Value;

use crate::{regex::Pattern, ruby};

/// How a text is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The text is a key.
    Exact,
    /// The first key that matches the text as a regular expression.
    Regex,
    /// The keys are replaced wherever they stand in the text.
    Replace,
}

/// Keys with their values, in the order in which they were written: the first that matches wins.
pub(super) type Entries = Vec<(String, Value)>;

#[derive(Debug)]
pub(super) struct Dictionary {
    entries: Entries,
    /// Where a key is among the entries.
    index: HashMap<String, usize>,
    matcher: Matcher,
}

#[derive(Debug)]
enum Matcher {
    Exact,
    Regex(Vec<Pattern>),
    Replace(AhoCorasick),
}

impl Dictionary {
    /// Of some entries after others: a key that is there already keeps its place and takes the new value.
    ///
    /// # Errors
    /// A key is no regular expression where it should be one.
    pub(super) fn new(how: How, old: Option<&Self>, new: Entries) -> Result<Self, String> {
        let mut entries = old.map(|old| old.entries.clone()).unwrap_or_default();
        let mut index = old.map(|old| old.index.clone()).unwrap_or_default();
        for (key, value) in new {
            match index.get(&key).and_then(|at| entries.get_mut(*at)) {
                Some((_, there)) => *there = value,
                None => {
                    index.insert(key.clone(), entries.len());
                    entries.push((key, value));
                }
            }
        }
        let matcher = match how {
            How::Exact => Matcher::Exact,
            How::Regex => {
                let pattern = |(key, _): &(String, Value)| {
                    Pattern::compile(key).map_err(|reason| format!("the key `{key}`: {reason}"))
                };
                Matcher::Regex(entries.iter().map(pattern).collect::<Result<_, _>>()?)
            }
            How::Replace => {
                // The first key that matches, as Ruby's `Regexp.union` has it.
                let keys = AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostFirst)
                    .build(entries.iter().map(|(key, _)| key));
                Matcher::Replace(keys.map_err(|error| error.to_string())?)
            }
        };
        Ok(Self { entries, index, matcher })
    }

    /// What stands for a text.
    pub(super) fn find(&self, text: &str) -> Option<Value> {
        let value = |at: usize| self.entries.get(at).map(|(_, value)| value);
        match &self.matcher {
            Matcher::Exact => self.index.get(text).and_then(|at| value(*at)).cloned(),
            Matcher::Regex(patterns) => {
                let at = patterns.iter().position(|pattern| matches!(pattern.find(text, 0), Ok(Some(_))))?;
                value(at).cloned()
            }
            Matcher::Replace(keys) => {
                let mut out = String::new();
                keys.replace_all_with(text, &mut out, |found, _, out| {
                    let value = value(found.pattern().as_usize());
                    value.into_iter().for_each(|value| out.push_str(&ruby::to_s(value.view_alone())));
                    true
                });
                (out != text).then(|| Value::from(out))
            }
        }
    }
}
