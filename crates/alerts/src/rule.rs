//! The shape of a file of rules and receivers. `docs/alerts.md` is its page for people.

use std::collections::{BTreeMap, HashSet};

use minijinja::Value;
use serde::{Deserialize, Serialize};

use crate::{Burn, By, Inhibit, Kind, Mute, Receiver, Span, Timing, kind, wording};

/// A file: rules, receivers, or both.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What is watched.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Who is told.
    #[serde(default)]
    pub receivers: Vec<Receiver>,
    /// Of which alerts nobody is told while others fire.
    #[serde(default)]
    pub inhibit: Vec<Inhibit>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Somebody should look today.
    #[default]
    Warning,
    /// Somebody should get up.
    Critical,
}

impl Severity {
    /// The word in files and messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What it means that there is nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// It is fine: no request is no failed request.
    Ok,
    /// Whatever was, goes on.
    Keep,
    /// It is as bad as a bad figure: something has fallen silent.
    Alert,
}

/// Which lines are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Log lines.
    #[default]
    Logs,
    /// Figures of hosts and services.
    Metrics,
}

/// One thing that is watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in addresses and messages: letters, digits, `-` and `_`.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// What it watches: a figure, new values, a certificate …
    #[serde(default)]
    pub kind: Kind,
    /// Log lines or figures.
    #[serde(default)]
    pub source: Source,
    /// The figure, in the language of boards: `count`, `share`, `rate`, `p95(latency)`, `max(mysql.replica.seconds_behind)`, `age` …
    #[serde(default)]
    pub metric: String,
    /// Which lines it is about, in the search language.
    #[serde(default)]
    pub filter: String,
    /// Which part of them is counted: what a `share` is a share of them.
    #[serde(default)]
    pub part: String,
    /// Fields: each combination of their values is watched for itself.
    #[serde(default)]
    pub by: By,
    /// The field whose value should stay the same (`kind: change`).
    #[serde(default)]
    pub field: String,
    /// What no line had for so long is new (`kind: new_term`, `new_pattern`), and so far back the value of before is looked for (`change`).
    #[serde(default = "unsaid")]
    pub history: Span,
    /// Per cent of lines that are to be good (`kind: burn_rate`).
    #[serde(default)]
    pub objective: Option<f64>,
    /// Windows and paces, any of which is bad (`kind: burn_rate`).
    #[serde(default)]
    pub burn: Vec<Burn>,
    /// Whose certificate is looked at (`kind: certificate`): `www.example.com:443`.
    #[serde(default)]
    pub address: String,
    /// What the figure is multiplied by.
    #[serde(default = "one")]
    pub scale: f64,
    /// Its unit, as boards have it: `%`, `ms`, `s`, `count` …
    #[serde(default = "count")]
    pub unit: String,
    /// How far back is looked. Of several all must be beyond the threshold: a long one says that it matters, a short one that it goes on.
    #[serde(default)]
    pub windows: Vec<Span>,
    /// How often; where it is not said, as its kind wants it.
    #[serde(default = "unsaid")]
    pub every: Span,
    /// So much later than now the window ends: lines need that long on their way.
    #[serde(default = "five_seconds")]
    pub delay: Span,
    /// So long the lines of hosts that are late are waited for.
    #[serde(default = "a_minute")]
    pub patience: Span,
    /// Beside the figure of so long ago: the figure is then how many times as much it is.
    #[serde(default)]
    pub against: Option<Span>,
    /// Bad when it is above this …
    #[serde(default)]
    pub above: Option<f64>,
    /// … or below this.
    #[serde(default)]
    pub below: Option<f64>,
    /// Good again only beyond this, on the other side.
    #[serde(default)]
    pub resolve: Option<f64>,
    /// Fewer lines (of `part`, where there is one) than this in a window are no evidence.
    #[serde(default)]
    pub at_least: u64,
    /// So long it must be bad before it is told.
    #[serde(default, rename = "for")]
    pub hold: Span,
    /// So long it must be good before its end is told.
    #[serde(default)]
    pub keep_firing_for: Span,
    /// What it means that there is nothing to read.
    #[serde(default = "fine")]
    pub no_data: NoData,
    /// It is told again after so long.
    #[serde(default = "four_hours")]
    pub repeat: Span,
    /// How bad it is.
    #[serde(default)]
    pub severity: Severity,
    /// Labels of its alerts, besides `alertname`, `severity` and the one of `by`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// One sentence (a template): `{{ value|round(1) }} % of requests fail`.
    #[serde(default)]
    pub summary: String,
    /// More of them.
    #[serde(default)]
    pub description: String,
    /// Where it is written down what to do.
    #[serde(default)]
    pub runbook: String,
    /// Who is told, by their names; everybody where none is named.
    #[serde(default)]
    pub receivers: Vec<String>,
    /// Times of the week in which nobody is told.
    #[serde(default)]
    pub mute: Vec<Mute>,
}

const fn one() -> f64 {
    1.0
}
fn count() -> String {
    "count".into()
}
const fn unsaid() -> Span {
    kind::UNSAID
}
const fn five_seconds() -> Span {
    Span(5_000)
}
const fn a_minute() -> Span {
    Span(60_000)
}
const fn four_hours() -> Span {
    Span(4 * 3_600_000)
}
const fn fine() -> NoData {
    NoData::Ok
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", place(*.line, *.column))]
pub struct RuleError {
    /// From 1; none where it is about the whole file.
    pub line: Option<u64>,
    /// From 1, in characters.
    pub column: Option<u64>,
    /// What, and what to write instead.
    pub message: String,
}

fn place(line: Option<u64>, column: Option<u64>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: "),
        (Some(line), None) => format!("line {line}: "),
        _ => String::new(),
    }
}

/// Reads a file. What only the dashboard knows (figures, searches, fields) it checks itself.
///
/// # Errors
/// All that is wrong with it, as far as a reader of YAML can go on.
pub fn read(text: &str) -> Result<File, Vec<RuleError>> {
    let mut file: File = serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location();
        let message = error.without_snippet().to_string();
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        vec![RuleError { line: place.map(|p| p.line()), column: place.map(|p| p.column()), message }]
    })?;
    let mut errors = Vec::new();
    let mut seen = HashSet::new();
    let mut wrong = |id: &str, message: String| {
        let (line, column) = text.lines().enumerate().find_map(|(n, line)| names(line, id, n)).unzip();
        errors.push(RuleError { line, column, message: format!("{id}: {message}") });
    };
    for id in file.rules.iter().map(|r| &r.id).chain(file.receivers.iter().map(|r| &r.id)) {
        let good = !id.is_empty()
            && id.len() <= 60
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !good {
            wrong(id, "an id is of letters, digits, `-` and `_`, at most 60".into());
        }
        if !seen.insert(id) {
            wrong(id, "there are two of this id".into());
        }
    }
    for rule in &mut file.rules {
        let id = rule.id.clone();
        kind::settle(rule, &mut |message| wrong(&id, message));
        rule.check(&mut |message| wrong(&id, message));
    }
    for receiver in &file.receivers {
        receiver.check(&mut |message| wrong(&receiver.id, message));
    }
    if errors.is_empty() { Ok(file) } else { Err(errors) }
}

/// Where in a line an entry begins that has this id: its line from 1, its column in characters.
fn names(line: &str, id: &str, n: usize) -> Option<(u64, u64)> {
    let at = line.find("id:")?;
    let begins = line[..at].chars().all(|c| c.is_whitespace() || matches!(c, '-' | '{'));
    let value = line[at + 3..].split([',', '}', '#']).next()?.trim().trim_matches(['"', '\'']);
    (begins && value == id).then(|| (n as u64 + 1, line[..at].chars().count() as u64 + 1))
}

impl Rule {
    fn check(&self, wrong: &mut dyn FnMut(String)) {
        if self.title.trim().is_empty() {
            wrong("title is empty".into());
        }
        if self.above.is_some() == self.below.is_some() {
            wrong("say from when on it is bad: either above or below".into());
        }
        let crossed = match (self.above, self.below, self.resolve) {
            (Some(above), _, Some(resolve)) => resolve > above,
            (_, Some(below), Some(resolve)) => resolve < below,
            _ => false,
        };
        if crossed {
            wrong("resolve lies on the good side of the threshold".into());
        }
        if [self.above, self.below, self.resolve, Some(self.scale)]
            .into_iter()
            .flatten()
            .any(|n| !n.is_finite())
        {
            wrong("a threshold is a number".into());
        }
        let counts = match self.kind {
            // What was wrong with pairs of windows is told already.
            Kind::BurnRate => 2..=8,
            Kind::Certificate => 0..=0,
            Kind::Watchdog => 0..=1,
            _ => 1..=4,
        };
        if !counts.contains(&self.windows.len())
            || self.windows.iter().any(|w| w.0 < 10_000 || w.0 > 31 * 86_400_000)
        {
            wrong("windows: one to four lengths between 10s and 31d, as [5m]".into());
        }
        if self.every.0 < 1_000 || self.every.0 > 86_400_000 {
            wrong("every is between 1s and 1d".into());
        }
        if self.repeat.0 < 60_000 {
            wrong("repeat is at least 1m".into());
        }
        if self.delay.0 > 3_600_000 || self.patience.0 > 3_600_000 {
            wrong("delay and patience are at most 1h".into());
        }
        let good =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        for name in
            self.labels.keys().filter(|name| !good(name) || matches!(name.as_str(), "alertname" | "severity"))
        {
            wrong(format!(
                "`{name}` cannot be a label of your own: letters, digits and `_`, and not alertname or severity"
            ));
        }
        let values = self.values(&BTreeMap::new(), Some(1.0));
        for (name, template) in [("summary", &self.summary), ("description", &self.description)] {
            if let Err(error) = wording::check(template, &values) {
                wrong(format!("{name}: {error}"));
            }
        }
    }

    /// Whether more is worse.
    #[must_use]
    pub const fn rising(&self) -> bool {
        self.above.is_some()
    }

    /// How long something must last.
    #[must_use]
    pub const fn timing(&self) -> Timing {
        Timing { hold: self.hold.0, keep: self.keep_firing_for.0, gap: 4 * self.every.0 + self.patience.0 }
    }

    /// Fewer lines than this in the n-th window are no evidence. Of windows that belong together the long one is asked: in a short one of a quiet
    /// service there are never many.
    #[must_use]
    pub const fn least(&self, window: usize) -> u64 {
        match self.kind {
            Kind::BurnRate if window % 2 == 1 => 0,
            _ => self.at_least,
        }
    }

    /// Labels of an alert of one of its groups.
    #[must_use]
    pub fn labels_of(&self, group: &str) -> BTreeMap<String, String> {
        let mut all = self.labels.clone();
        all.insert("alertname".into(), self.id.clone());
        all.insert("severity".into(), self.severity.word().into());
        all.extend(self.by.values(group).map(|(field, value)| (label(field), value.to_owned())));
        all
    }

    /// What figures of its windows mean: the one that is nearest to good counts.
    #[must_use]
    pub fn judge(&self, figures: &[Option<f64>]) -> crate::Reading {
        use crate::Reading;
        if self.kind == Kind::BurnRate {
            return kind::judge_burn(self, figures);
        }
        let known: Vec<f64> = figures.iter().flatten().copied().filter(|v| v.is_finite()).collect();
        let nearest = if self.rising() {
            known.iter().copied().reduce(f64::min)
        } else {
            known.iter().copied().reduce(f64::max)
        };
        let Some(value) = nearest.filter(|_| known.len() == figures.len()) else {
            return match self.no_data {
                NoData::Ok => Reading::Good(nearest.unwrap_or(0.0)),
                NoData::Keep => Reading::Unknown,
                NoData::Alert => Reading::Bad(nearest.unwrap_or(0.0)),
            };
        };
        let (bad, good) = match (self.above, self.below) {
            (Some(above), _) => (value > above, value <= self.resolve.unwrap_or(above)),
            (_, Some(below)) => (value < below, value >= self.resolve.unwrap_or(below)),
            _ => (false, true),
        };
        match (bad, good) {
            (true, _) => Reading::Bad(value),
            (_, true) => Reading::Good(value),
            _ => Reading::Between(value),
        }
    }

    /// What the sentences of this rule may name.
    #[must_use]
    pub fn values(
        &self,
        labels: &BTreeMap<String, String>,
        value: Option<f64>,
    ) -> BTreeMap<&'static str, Value> {
        let mut all = labels.clone();
        for by in self.by.fields() {
            all.entry(label(by)).or_default();
        }
        let group =
            By::group(self.by.fields().iter().filter_map(|by| all.get(&label(by)).map(String::as_str)));
        [
            ("value", value.map_or_else(|| Value::from(()), Value::from)),
            ("labels", Value::from_pairs(all.clone())),
            ("unit", Value::from(self.unit.clone())),
            ("threshold", Value::from(self.above.or(self.below).unwrap_or_default())),
            ("window", Value::from(self.windows.first().copied().unwrap_or_default().to_string())),
            ("group", Value::from(By::shown(&group))),
            // What there is to say beside the figure; whoever asked knows it.
            ("detail", Value::from("")),
            ("title", Value::from(self.title.clone())),
        ]
        .into()
    }
}

/// A field's name as a label: `host.name` is `host_name` (Prometheus' rule for names).
pub(crate) fn label(field: &str) -> String {
    field.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Preset, Reading};

    const GOOD: &str = "
rules:
  - id: errors
    title: Error rate
    metric: share
    part: status:5xx
    windows: [1h, 5m]
    scale: 1
    above: 2
    resolve: 1
    for: 2m
    severity: critical
    by: service
    labels: {team: helpdesk}
    summary: '{{ value|round(1) }} % of {{ labels.service }} fail'
receivers:
  - id: ops
    url: https://hooks.example.com/x
";

    fn rule(more: &str) -> Rule {
        let text = format!("rules:\n  - id: a\n    title: A\n    metric: count\n    windows: [5m]\n{more}");
        read(&text).unwrap_or_else(|e| panic!("{e:?}")).rules.remove(0)
    }

    fn refused(more: &str, why: &str) {
        let text = format!("rules:\n  - id: a\n    title: A\n    metric: count\n    windows: [5m]\n{more}");
        let errors = read(&text).expect_err(why);
        assert!(errors.iter().any(|e| e.to_string().contains(why)), "{errors:?}");
    }

    #[test]
    fn a_file_is_read() {
        let file = read(GOOD).expect("a file");
        let rule = &file.rules[0];
        assert_eq!((rule.hold, rule.every, rule.severity), (Span(120_000), Span(30_000), Severity::Critical));
        assert_eq!(file.receivers[0].preset, Preset::Alertmanager);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        refused("    above: 1\n    below: 2\n", "line 2, column 5: a: say from when on");
        refused("    above: 1\n    resolve: 2\n", "resolve lies on the good side");
        refused("    above: 1\n    every: 0s\n", "every is between");
        refused("    above: 1\n    for: 5 minutes\n", "write it like 30s, 5m");
        refused("    above: 1\n    labels: {severity: x}\n", "cannot be a label of your own");
        refused("    above: 1\n    summary: '{{ valeu }}'\n", "summary: line 1");
        refused("    above: 1\n    abvoe: 1\n", "abvoe");
        refused("    above: .nan\n", "a threshold is a number");
        refused(
            "    above: 1\n  - id: a\n    title: B\n    metric: count\n    windows: [5m]\n    above: 1\n",
            "two of this id",
        );
        refused("    above: 1\nreceivers:\n  - id: b\n", "give either url or url_file");
        let receiver = |more: &str| format!("    above: 1\nreceivers:\n  - {{id: b, {more}}}\n");
        for (more, why) in [
            ("preset: slack", "line 8, column 6: b: give either url or url_file"),
            ("preset: telegram, chat: '1'", "token_file is what lets us in"),
            ("preset: telegram, token_file: x", "chat is where"),
            ("preset: email", "belong together"),
            ("url: 'https://x', token_file: y", "token_file is what lets us in"),
            ("url: 'https://x', template: a", "have none"),
            ("url: 'https://x', preset: slack, template: '{{ a'", "template: line 1"),
            ("url: 'https://x', mute: [{days: someday}]", "mon-fri"),
            (
                "preset: email, mail: {server: a, from: b, to: [c], tls: none, user: u, password_file: p}",
                "a password is sent with",
            ),
        ] {
            refused(&receiver(more), why);
        }
        refused(
            "    above: 1\ninhibit:\n  - {source_matchers: ['=b'], target_matchers: []}\n",
            "is no matcher",
        );
    }

    #[test]
    fn between_two_thresholds_it_is_neither() {
        let rule = rule("    above: 2\n    resolve: 1\n");
        assert_eq!(rule.judge(&[Some(3.0)]), Reading::Bad(3.0));
        assert_eq!(rule.judge(&[Some(1.5)]), Reading::Between(1.5));
        assert_eq!(rule.judge(&[Some(1.0)]), Reading::Good(1.0));
        assert_eq!(rule.judge(&[None]), Reading::Good(0.0));
        let low = super::tests::rule("    below: 10\n    no_data: alert\n");
        assert_eq!(low.judge(&[Some(9.0)]), Reading::Bad(9.0));
        assert_eq!(low.judge(&[Some(10.0)]), Reading::Good(10.0));
        assert_eq!(low.judge(&[None]), Reading::Bad(0.0));
        let keep = super::tests::rule("    above: 2\n    no_data: keep\n");
        assert_eq!(keep.judge(&[None]), Reading::Unknown);
    }

    #[test]
    fn of_several_windows_all_must_be_beyond() {
        let rule = read(GOOD).expect("a file").rules.remove(0);
        assert_eq!(rule.judge(&[Some(5.0), Some(3.0)]), Reading::Bad(3.0));
        assert_eq!(rule.judge(&[Some(5.0), Some(0.5)]), Reading::Good(0.5));
        assert_eq!(rule.judge(&[Some(5.0), None]), Reading::Good(5.0));
    }
}
