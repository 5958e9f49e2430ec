//! The files of rules and receivers.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use alces_alerts::{Inhibit, Receiver, Rule};

use super::{ask, draft};
use crate::board::Metric;
use crate::chart::Unit;
use crate::query;

/// More rules than this are a mistake.
const MOST: usize = 5_000;
/// Fields that a rule's groups are made of.
const MOST_FIELDS: usize = 3;
/// More text than this is no file of rules.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// All rules and receivers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) rules: Vec<Rule>,
    pub(crate) receivers: Vec<Receiver>,
    pub(crate) inhibit: Vec<Inhibit>,
    /// The name of the file that each rule is in, and the rule's text, where it can be cut out of it.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) texts: BTreeMap<String, String>,
}

impl Rules {
    /// Reads a folder, file by file in the order of their names.
    ///
    /// # Errors
    /// All that is wrong, with file and place.
    pub(crate) fn read(folder: &Path) -> Result<Self, Vec<String>> {
        Self::read_with(folder, None)
    }

    /// The same, with another text for one of the files.
    ///
    /// # Errors
    /// As [`Rules::read`].
    pub(crate) fn read_with(folder: &Path, instead: Option<(&Path, &str)>) -> Result<Self, Vec<String>> {
        let of = |path: &Path, reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
        let entries = std::fs::read_dir(folder).map_err(|e| vec![of(folder, &e)])?;
        let mut paths: Vec<_> = entries
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.extension().is_some_and(|e| e == "yaml" || e == "yml"))
            .collect();
        paths.extend(instead.map(|(path, _)| path.to_owned()));
        paths.sort();
        paths.dedup();
        let (mut all, mut errors) = (Self::default(), Vec::new());
        for path in paths {
            let text = match instead {
                Some((of, text)) if of == path => Ok(text.to_owned()),
                _ => text_of(&path),
            };
            let read = text.map_err(|e| vec![e.to_string()]);
            match read.and_then(|text| Ok((Self::parse_one(&text)?, text))) {
                Ok((one, text)) => {
                    let file = path.file_name().unwrap_or_default().to_string_lossy();
                    all.files
                        .extend(one.rules.iter().map(|rule| (rule.id.clone(), file.clone().into_owned())));
                    all.texts.extend(draft::items(&text));
                    all.rules.extend(one.rules);
                    all.receivers.extend(one.receivers);
                    all.inhibit.extend(one.inhibit);
                }
                Err(wrong) => errors.extend(wrong.iter().map(|reason| of(&path, reason))),
            }
        }
        errors.extend(all.together().into_iter().map(|reason| of(folder, &reason)));
        if errors.is_empty() { Ok(all) } else { Err(errors) }
    }

    /// Reads one text that stands for itself.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<String>> {
        let rules = Self::parse_one(text)?;
        let errors = rules.together();
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    fn parse_one(text: &str) -> Result<Self, Vec<String>> {
        let file = alces_alerts::read(text)
            .map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let mut errors = Vec::new();
        for rule in &file.rules {
            check(rule, &mut |reason| errors.push(format!("{}: {reason}", rule.id)));
        }
        if errors.is_empty() {
            Ok(Self {
                rules: file.rules,
                receivers: file.receivers,
                inhibit: file.inhibit,
                ..Self::default()
            })
        } else {
            Err(errors)
        }
    }

    /// What is wrong with all files together. Receivers may stand in a file of their own.
    fn together(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let mut seen = HashSet::new();
        for id in self.rules.iter().map(|r| &r.id).chain(self.receivers.iter().map(|r| &r.id)) {
            if !seen.insert(id) {
                errors.push(format!("{id}: there are two of this id"));
            }
        }
        if self.rules.len() > MOST {
            errors.push(format!("there are more than {MOST} rules"));
        }
        let known = |id: &String| self.receivers.iter().any(|r| r.id == *id);
        for rule in self.rules.iter().filter(|_| !self.receivers.is_empty()) {
            for id in rule.receivers.iter().filter(|id| !known(id)) {
                errors.push(format!("{}: there is no receiver {id}", rule.id));
            }
        }
        errors
    }

    /// Whether a receiver is told of a rule's alerts.
    pub(crate) fn tells(&self, rule: &Rule, receiver: &Receiver) -> bool {
        (rule.receivers.is_empty() || rule.receivers.contains(&receiver.id))
            && rule.severity >= receiver.severity
    }
}

fn text_of(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MOST_BYTES {
        return Err(std::io::Error::other("the file is larger than 4 MB"));
    }
    std::fs::read_to_string(path)
}

/// What only the dashboard knows.
fn check(rule: &Rule, wrong: &mut dyn FnMut(String)) {
    match Metric::parse(&rule.metric) {
        // What has no figure of its own, or was told already.
        _ if rule.metric.is_empty() => {}
        Err(error) => wrong(error.to_string()),
        Ok(Metric::Share) if rule.part.is_empty() => {
            wrong("a share wants `part`: what is counted of the lines".into());
        }
        Ok(_) => {}
    }
    if Unit::from_word(&rule.unit).is_none() {
        wrong(format!("“{}” is no unit. Write req/s, %, ms, s, B/s, B, /s or count", rule.unit));
    }
    for (name, text) in [("filter", &rule.filter), ("part", &rule.part)] {
        if let Err(error) = query::parse(text) {
            wrong(format!("{name} “{text}”: {error}"));
        }
    }
    let odd = |field: &String| field.is_empty() || field.contains(ask::ODD);
    if rule.by.fields().iter().any(odd) || rule.by.fields().len() > MOST_FIELDS {
        wrong(format!("by is a field, or a list of up to {MOST_FIELDS}: by: [host, service]"));
    }
    if rule.field.contains(ask::ODD) {
        wrong("field is a field".into());
    }
}

/// What is wrong with a file of alert rules; nothing where it can be used.
#[must_use]
pub fn check_alerts(text: &str) -> Vec<String> {
    Rules::parse(text).err().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(more: &str) -> String {
        check_alerts(&format!("rules:\n  - id: a\n    title: A\n    windows: [5m]\n    above: 1\n{more}"))
            .join("\n")
    }

    #[test]
    fn what_the_dashboard_knows_is_checked_too() {
        assert_eq!(wrong("    metric: count\n"), "");
        assert!(wrong("    metric: p95\n").contains("“p95” is no figure"));
        assert!(wrong("    metric: share\n").contains("a share wants `part`"));
        assert!(wrong("    metric: count\n    filter: '(a'\n").contains("filter “(a”"));
        assert!(wrong("    metric: count\n    unit: furlongs\n").contains("no unit"));
        assert!(
            wrong("    metric: count\n    receivers: [ops]\nreceivers:\n  - {id: dev, url: 'https://x'}\n")
                .contains("no receiver ops")
        );
    }

    #[test]
    fn the_fleets_rules_are_fine_and_the_page_about_rules_names_every_option() {
        assert_eq!(check_alerts(include_str!("../../../pipelines/alerts/fleet.yaml")), Vec::<String>::new());
        let page = include_str!("../../../docs/alerts.md");
        let known = |text: &str| {
            let error = check_alerts(text).join(" ");
            let (_, names) = error.split_once("expected one of").expect("names");
            let names: Vec<String> = names.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            names
        };
        for name in [
            "rules:\n  - {",
            "receivers:\n  - {",
            "inhibit:\n  - {",
            "receivers:\n  - mail: {",
            "receivers:\n  - mute:\n      - {",
        ]
        .into_iter()
        .flat_map(|begin| known(&format!("{begin}nonsense: 1}}\n")))
        {
            let written = [format!("`{name}`"), format!("{name}:")];
            assert!(written.iter().any(|w| page.contains(w)), "docs/alerts.md does not tell of {name}");
        }
    }

    #[test]
    fn a_folder_is_read_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write(
            "a.yaml",
            "rules:\n  - {id: a, title: A, metric: count, windows: [5m], above: 1, receivers: [ops]}\n",
        );
        write(
            "who.yaml",
            "receivers:\n  - {id: ops, url: 'https://hooks.example.com/'}\n  - {id: night, url: 'https://x', severity: critical}\n",
        );
        write("README.md", "no rules");
        let rules = Rules::read(folder.path()).expect("rules");
        let told = rules.receivers.iter().filter(|r| rules.tells(&rules.rules[0], r));
        let told: Vec<&str> = told.map(|r| r.id.as_str()).collect();
        assert_eq!(told, ["ops"]);
        write("b.yaml", "rules:\n  - {id: a, title: A, metric: count, windows: [5m], above: 1}\n");
        let errors = Rules::read(folder.path()).expect_err("two of an id");
        assert!(errors[0].contains("two of this id"), "{errors:?}");
    }
}
