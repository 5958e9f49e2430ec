//! Alerts that say nothing new while a worse one fires: what a host's rules find while the host is silent.

use std::collections::{BTreeMap, HashSet};

use regex::Regex;
use serde::{Deserialize, Deserializer, de};

/// Labels by name.
type Labels = BTreeMap<String, String>;

/// One condition about a label, as Alertmanager writes it: `severity="warning"`, `host_name=~"web-.*"`, also with `!=` and `!~`. A label that
/// is not there is as an empty one.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    how: How,
    negated: bool,
}

#[derive(Clone, Debug)]
enum How {
    Is(String),
    Like(Regex),
}

impl Matcher {
    /// Reads a condition.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no matcher: write it like severity=\"warning\" or host_name=~\"web-.*\"");
        let at = text.find(['=', '!']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        let operators = [("=~", false, true), ("!~", true, true), ("!=", true, false), ("=", false, false)];
        let (value, negated, like) = operators
            .into_iter()
            .find_map(|(word, negated, like)| rest.strip_prefix(word).map(|value| (value, negated, like)))
            .ok_or_else(wrong)?;
        let (name, value) = (name.trim(), value.trim());
        let good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !good {
            return Err(wrong());
        }
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        let how = if like {
            // The whole value, as Prometheus has it.
            How::Like(Regex::new(&format!("^(?:{value})$")).map_err(|e| format!("{text:?}: {e}"))?)
        } else {
            How::Is(value.to_owned())
        };
        Ok(Self { name: name.to_owned(), how, negated })
    }

    /// Whether labels are as it says.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        let found = match &self.how {
            How::Is(wanted) => value == wanted,
            How::Like(regex) => regex.is_match(value),
        };
        found != self.negated
    }
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// While an alert of the source fires, nobody is told of targets with the same values of `equal`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inhibit {
    /// What an alert is that makes others needless.
    pub source_matchers: Vec<Matcher>,
    /// What the others are.
    pub target_matchers: Vec<Matcher>,
    /// Labels that both have alike.
    #[serde(default)]
    pub equal: Vec<String>,
}

/// Which alerts are needless while others fire.
#[derive(Debug)]
pub struct Inhibitions<'a> {
    rules: Vec<Sources<'a>>,
}

/// Values of `equal` of what fires and is a source.
#[derive(Debug)]
struct Sources<'a> {
    rule: &'a Inhibit,
    all: HashSet<Vec<String>>,
    /// Of those that are no targets themselves: an alert that is both is not held by another one that is, nor by itself.
    pure: HashSet<Vec<String>>,
}

impl<'a> Inhibitions<'a> {
    /// Looks at what fires.
    pub fn new<'l>(rules: &'a [Inhibit], firing: impl Iterator<Item = &'l Labels>) -> Self {
        let mut rules: Vec<_> =
            rules.iter().map(|rule| Sources { rule, all: HashSet::new(), pure: HashSet::new() }).collect();
        if rules.is_empty() {
            return Self { rules };
        }
        for labels in firing {
            for sources in rules.iter_mut().filter(|s| all(&s.rule.source_matchers, labels)) {
                let values = sources.rule.values(labels);
                if !all(&sources.rule.target_matchers, labels) {
                    sources.pure.insert(values.clone());
                }
                sources.all.insert(values);
            }
        }
        Self { rules }
    }

    /// Whether nobody need be told of an alert with these labels.
    #[must_use]
    pub fn hold(&self, labels: &Labels) -> bool {
        self.rules.iter().any(|sources| {
            let rule = sources.rule;
            if !all(&rule.target_matchers, labels) {
                return false;
            }
            let of = if all(&rule.source_matchers, labels) { &sources.pure } else { &sources.all };
            !of.is_empty() && of.contains(&rule.values(labels))
        })
    }
}

impl Inhibit {
    fn values(&self, labels: &Labels) -> Vec<String> {
        self.equal.iter().map(|name| labels.get(name).cloned().unwrap_or_default()).collect()
    }
}

fn all(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        text.split(' ').filter_map(|p| p.split_once('=')).map(|(a, b)| (a.into(), b.into())).collect()
    }

    #[test]
    fn matchers_are_read_as_alertmanagers() {
        let is =
            |matcher: &str, text: &str| Matcher::parse(matcher).expect("a matcher").matches(&labels(text));
        assert!(is("a=\"b\"", "a=b") && is("a = b", "a=b") && !is("a=b", "a=c") && !is("a=b", "c=b"));
        assert!(is("a!=b", "a=c") && is("a!=b", "") && is("a=\"\"", "") && !is("a!=b", "a=b"));
        assert!(
            is("a=~\"b.*|c\"", "a=bx") && is("a=~b|c", "a=c") && !is("a=~b", "a=bx") && is("a!~b", "a=bx")
        );
        for wrong in ["", "a", "=b", "a b=c", "a=~(", "a!b"] {
            assert!(Matcher::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_worse_alert_says_already_is_held() {
        let rule: Inhibit = serde_saphyr::from_str(
            "{source_matchers: [alertname=host-silent], target_matchers: ['severity=~warning|critical'], equal: [host]}",
        )
        .expect("a rule");
        let firing = [
            labels("alertname=host-silent severity=critical host=a"),
            labels("alertname=disk severity=warning host=a"),
        ];
        let rules = [rule];
        let held = Inhibitions::new(&rules, firing.iter());
        assert!(held.hold(&firing[1]));
        assert!(!held.hold(&firing[0]), "not by itself");
        assert!(!held.hold(&labels("alertname=disk severity=warning host=b")), "another host");
        assert!(!held.hold(&labels("alertname=disk severity=info host=a")), "no target");
        assert!(!Inhibitions::new(&rules, firing[1..].iter()).hold(&firing[1]), "the source does not fire");
        assert!(!Inhibitions::new(&[], firing.iter()).hold(&firing[1]));
    }
}
