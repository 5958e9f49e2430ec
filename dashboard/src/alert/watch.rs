//! A round: which rules are due, what their figures mean, what is kept, and who is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use alces_alerts::{Alert, Change, Context, Dispatch, Kept, Ledger, NoData, Noted, Reading, Rule, State};

use super::ask::{self, Group};
use super::certificate::{Looks, Network};
use super::tell::{Round, Said};
use super::{Board, Rules, evidence};
use crate::app::App;

/// A host that has sent figures within this time is alive, and its lines are waited for, milliseconds.
const ALIVE: i64 = 10 * 60_000;
/// Hosts send figures each ten seconds: so much older ones are not late yet.
const GRACE: i64 = 15_000;
/// Of a storm the lines of so many groups are looked at, for so long.
const GATHERED: usize = 5;
const GATHERING: Duration = Duration::from_secs(3);
/// What could not be asked or kept is tried again after so long, milliseconds.
const AGAIN: i64 = 15_000;
/// The rule about rules that cannot be asked: one alert, however many they are.
pub(crate) const ENGINE: &str = "alces-rules-fail";
/// So long nothing can be asked before that is told, milliseconds.
const ENGINE_HOLD: i64 = 60_000;

/// What goes on from round to round.
pub(crate) struct Watch {
    app: Arc<App>,
    board: Arc<Board>,
    base: String,
    /// Groups that are not fine; none before they were read from the ledger.
    states: Option<BTreeMap<(String, String), Kept>>,
    /// Who was told of what; none before it was read from the ledger, and where what has changed could not be kept.
    dispatch: Option<Dispatch>,
    /// When a rule was asked last.
    asked: HashMap<String, i64>,
    /// What is wrong with the engine, told once in the log.
    trouble: Option<String>,
    /// Rules that could not be asked the last time, and why; the empty name is all of them.
    failures: BTreeMap<String, String>,
    /// Looks at certificates.
    looks: Arc<dyn Looks>,
    /// What their lines are, of groups that began to fire in this round.
    contexts: BTreeMap<(String, String), Context>,
    /// What there is to say of groups beside their figures, by rule and group.
    details: BTreeMap<(String, String), String>,
}

impl Watch {
    pub(crate) fn new(app: Arc<App>, board: Arc<Board>, base: String) -> Self {
        let looks = Arc::new(Network { allowed: board.settings.allowed.clone() });
        Self {
            looks,
            details: BTreeMap::new(),
            contexts: BTreeMap::new(),
            app,
            board,
            base,
            states: None,
            dispatch: None,
            asked: HashMap::new(),
            trouble: None,
            failures: BTreeMap::new(),
        }
    }

    /// Asks the rules that are due at `now`, keeps what has come of them, and has the receivers told.
    pub(crate) async fn round(&mut self, now: jiff::Timestamp) {
        let now = now.as_millisecond();
        if self.states.is_none() {
            match self.board.ledger(Ledger::states).await {
                Ok(kept) => {
                    self.states =
                        Some(kept.into_iter().map(|k| ((k.rule.clone(), k.group.clone()), k)).collect());
                }
                Err(error) => return self.complain(&error.to_string()),
            }
        }
        let rules = self.board.rules();
        let due: Vec<&Rule> = rules
            .rules
            .iter()
            .filter(|rule| self.asked.get(&rule.id).is_none_or(|at| !(0..rule.every.0).contains(&(now - at))))
            .collect();
        let gone = self.states.iter().flatten().any(|((id, _), _)| is_gone(&rules, id));
        if self.dispatch.is_none() {
            match self.board.ledger(Ledger::dispatch).await {
                Ok(dispatch) => self.dispatch = Some(dispatch),
                Err(error) => return self.complain(&error.to_string()),
            }
        }
        // What fires may be due to be told though nothing is asked.
        let waits = self.dispatch.as_ref().is_some_and(|dispatch| !dispatch.is_empty())
            || self.states.iter().flatten().any(|(_, kept)| kept.state.fires());
        if due.is_empty() && !gone && !waits {
            return;
        }
        let mut noted = Vec::new();
        let mut late = BTreeMap::new();
        if !due.is_empty() {
            self.ask(&due, now, &mut noted, &mut late).await;
        }
        // What was not answered is asked again soon, however seldom its rule is.
        for rule in &due {
            let failed = self.failures.contains_key(&rule.id) || self.failures.contains_key("");
            let at = if failed { now - rule.every.0 + rule.every.0.min(AGAIN) } else { now };
            self.asked.insert(rule.id.clone(), at);
        }
        self.failures.retain(|id, _| id.is_empty() || rules.rules.iter().any(|rule| rule.id == *id));
        self.end_gone(&rules, now, &mut noted);
        if !due.is_empty() {
            let longest = rules.rules.iter().map(|rule| rule.every.0).max().unwrap_or_default();
            self.judge_engine(longest, now, &mut noted);
        }
        if noted.is_empty() && !waits {
            return;
        }
        let said = match Said::read(&self.board, now).await {
            Ok(said) => said,
            // Without it nobody knows what is silenced: everything is done once more.
            Err(error) => return self.undone(&due, &error.to_string(), now),
        };
        self.gather(&rules, &noted, now).await;
        let mut dispatch = self.dispatch.take().unwrap_or_default();
        self.states.get_or_insert_default();
        let Some(before) = self.states.as_ref() else { return };
        let round =
            Round { rules: &rules, states: before, noted: &noted, said: &said, base: &self.base, now };
        let messages =
            round.messages(&mut dispatch, |rule, kept| self.alert(rule, kept, late.get(&kept.rule), now));
        let rows = dispatch.rows();
        if noted.is_empty() && rows.is_empty() && messages.is_empty() {
            self.dispatch = Some(dispatch);
            return;
        }
        let told = !messages.is_empty();
        let round = noted.clone();
        let kept = self.board.ledger(move |ledger| ledger.apply_all(&round, &rows, &messages, now)).await;
        if let Err(error) = kept {
            // Nothing was kept, so nothing has happened: states in memory stay as the ledger has them.
            return self.undone(&due, &error.to_string(), now);
        }
        if let Some(lease) = &self.board.lease {
            lease.changed.notify_one();
        }
        self.dispatch = Some(dispatch);
        let states = self.states.get_or_insert_default();
        for Noted { kept, change, remember } in noted {
            if let Some(change) = change {
                tracing::info!(
                    rule = kept.rule,
                    group = kept.group,
                    ?change,
                    value = kept.state.value,
                    "alert"
                );
            }
            let key = (kept.rule.clone(), kept.group.clone());
            if kept.state.is_idle() && !remember {
                states.remove(&key);
            } else {
                states.insert(key, kept);
            }
        }
        if told {
            self.board.posted.notify_one();
        }
    }

    /// Another dashboard watches: what is known of groups is read anew when this one does.
    pub(crate) fn forget(&mut self) {
        (self.states, self.dispatch) = (None, None);
        self.asked.clear();
        self.failures.clear();
    }

    /// What was found could not be kept: it is asked once more, soon.
    fn undone(&mut self, due: &[&Rule], trouble: &str, now: i64) {
        for rule in due {
            self.asked.insert(rule.id.clone(), now - rule.every.0 + rule.every.0.min(AGAIN));
        }
        self.complain(trouble);
    }

    fn complain(&mut self, trouble: &str) {
        if self.trouble.as_deref() != Some(trouble) {
            tracing::warn!(trouble, "alerts stand still");
            self.trouble = Some(trouble.to_owned());
        }
    }

    /// Asks, and takes a step with each group; what could not be asked is noted in `failures`.
    async fn ask(
        &mut self,
        due: &[&Rule],
        now: i64,
        noted: &mut Vec<Noted>,
        late: &mut BTreeMap<String, String>,
    ) {
        let arrivals = match ask::arrivals(&self.app, now, ALIVE).await {
            Ok(arrivals) => arrivals,
            Err(error) => return drop(self.failures.insert(String::new(), error.to_string())),
        };
        let timed: Vec<(&Rule, i64)> = due
            .iter()
            .map(|rule| {
                let (end, behind) = end(rule, &arrivals, now);
                if behind > 0 {
                    late.insert(rule.id.clone(), format!("{behind} of {} hosts late", arrivals.len()));
                }
                (*rule, end)
            })
            .collect();
        let found = match ask::ask(&self.app, Some(&self.looks), &timed).await {
            Ok(found) => found,
            Err(error) => return drop(self.failures.insert(String::new(), error.to_string())),
        };
        self.failures.remove("");
        let states = self.states.get_or_insert_default();
        for ((rule, _), found) in timed.iter().zip(found) {
            let groups = match found {
                Ok(groups) => groups,
                Err(reason) => {
                    self.failures.insert(rule.id.clone(), format!("{}: {reason}", rule.id));
                    continue;
                }
            };
            self.failures.remove(&rule.id);
            self.details.retain(|(id, _), _| *id != rule.id);
            for group in groups.iter().filter(|group| !group.detail.is_empty()) {
                self.details.insert((rule.id.clone(), group.name.clone()), group.detail.clone());
            }
            let known = states.keys().filter(|(id, _)| *id == rule.id).map(|(_, group)| group.clone());
            for (group, reading) in readings(rule, groups, known.collect::<Vec<_>>()) {
                let key = (rule.id.clone(), group.clone());
                let before = states.get(&key);
                let mut state =
                    before.map_or_else(|| State { read: now, ..State::default() }, |k| k.state.clone());
                let change = state.step(reading, rule.timing(), rule.rising(), now);
                let remember = remembers(rule);
                let rests = before.is_some_and(|before| before.state.is_idle()) && state.is_idle();
                let noteworthy = before.is_some() || !state.is_idle() || change.is_some() || remember;
                if noteworthy && !(remember && rests) {
                    let kept = Kept { rule: rule.id.clone(), labels: rule.labels_of(&group), group, state };
                    noted.push(Noted { kept, change, remember });
                }
            }
        }
    }

    /// Rules that are no longer there: what they told is over.
    fn end_gone(&self, rules: &Rules, now: i64, noted: &mut Vec<Noted>) {
        for ((id, _), kept) in self.states.iter().flatten().filter(|((id, _), _)| is_gone(rules, id)) {
            let mut kept = kept.clone();
            let firing =
                matches!(kept.state.phase, alces_alerts::Phase::Firing | alces_alerts::Phase::Recovering);
            kept.state.phase = alces_alerts::Phase::Ok;
            kept.state.since = now;
            tracing::info!(rule = id, "an alert's rule is gone");
            noted.push(Noted { kept, change: firing.then_some(Change::Resolved), remember: false });
        }
    }

    /// Whether rules can be asked at all is watched as a rule is.
    fn judge_engine(&mut self, longest: i64, now: i64, noted: &mut Vec<Noted>) {
        let failed = self.failures.values().next().cloned();
        if let Some(reason) = &failed {
            self.complain(reason);
        } else {
            self.trouble = None;
        }
        let key = (ENGINE.to_owned(), String::new());
        let before = self.states.as_ref().and_then(|states| states.get(&key));
        if before.is_none() && failed.is_none() {
            return;
        }
        let mut state = before.map_or_else(|| State { read: now, ..State::default() }, |k| k.state.clone());
        let reading = if failed.is_some() { Reading::Bad(1.0) } else { Reading::Good(0.0) };
        let timing = alces_alerts::Timing { hold: ENGINE_HOLD, keep: 0, gap: 4 * longest + 10 * 60_000 };
        let change = state.step(reading, timing, true, now);
        let labels =
            [("alertname", ENGINE), ("severity", "critical")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let kept = Kept { rule: ENGINE.into(), group: String::new(), labels: labels.into(), state };
        noted.push(Noted { kept, change, remember: false });
    }

    /// Looks at the lines of what begins to fire. What is not there in time is left out: an alert does not wait for it.
    async fn gather(&mut self, rules: &Rules, noted: &[Noted], now: i64) {
        // A message may be due long after its alerts began.
        let states = self.states.get_or_insert_default();
        self.contexts.retain(|key, _| states.get(key).is_some_and(|kept| kept.state.fires()));
        let begun = noted.iter().filter(|noted| noted.change == Some(Change::Fired)).take(GATHERED);
        let wanted = begun.filter_map(|Noted { kept, .. }| {
            let rule = rules.rules.iter().find(|rule| rule.id == kept.rule)?;
            let longest = rule.windows.iter().map(|window| window.0).max()?;
            let span = (now - rule.hold.0 - longest, now);
            let key = (kept.rule.clone(), kept.group.clone());
            let gather = evidence::gather(&self.app, &self.base, rule, &kept.group, span);
            Some(async { (key, tokio::time::timeout(GATHERING, gather).await) })
        });
        let found = futures_util::future::join_all(wanted.collect::<Vec<_>>()).await;
        for (key, found) in found {
            match found {
                Ok(Ok(context)) => drop(self.contexts.insert(key, context)),
                Ok(Err(reason)) => tracing::info!(rule = key.0, reason, "an alert goes without lines"),
                Err(_) => {
                    tracing::info!(rule = key.0, "an alert goes without lines: they did not come in time");
                }
            }
        }
    }

    /// What is told of a group.
    fn alert(&self, rule: Option<&Rule>, kept: &Kept, late: Option<&String>, now: i64) -> Alert {
        Alert {
            firing: true,
            annotations: self.annotations(rule, kept, late),
            labels: kept.labels.clone(),
            starts: kept.state.fired.unwrap_or(now),
            ends: None,
            value: kept.state.value,
            peak: kept.state.peak,
            link: self.link(rule, kept, now),
            context: self.contexts.get(&(kept.rule.clone(), kept.group.clone())).cloned(),
        }
    }

    fn annotations(
        &self,
        rule: Option<&Rule>,
        kept: &Kept,
        late: Option<&String>,
    ) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let Some(rule) = rule else {
            let (title, summary) = match &self.trouble {
                Some(trouble) if kept.rule == ENGINE => ("Alert rules cannot be asked", trouble.clone()),
                _ if kept.rule == ENGINE => {
                    ("Alert rules cannot be asked", "They can be asked again.".to_owned())
                }
                _ => (kept.rule.as_str(), "Its rule is no longer there.".to_owned()),
            };
            all.insert("title".to_owned(), title.to_owned());
            all.insert("summary".to_owned(), summary);
            return all;
        };
        let mut values = rule.values(&kept.labels, kept.state.value);
        let detail = self.details.get(&(kept.rule.clone(), kept.group.clone())).cloned().unwrap_or_default();
        values.insert("detail", minijinja::Value::from(detail.as_str()));
        if !detail.is_empty() {
            all.insert("detail".into(), detail);
        }
        all.insert("title".into(), rule.title.clone());
        for (name, template) in [("summary", &rule.summary), ("description", &rule.description)] {
            if !template.is_empty() {
                // Checked when the rule was read; a value may still be of another kind than the check's.
                let said = alces_alerts::say(template, &values)
                    .unwrap_or_else(|error| format!("{} ({error})", rule.title));
                all.insert(name.into(), said);
            }
        }
        if !rule.runbook.is_empty() {
            all.insert("runbook_url".into(), rule.runbook.clone());
        }
        if let Some(late) = late {
            all.insert("late".into(), late.clone());
        }
        all
    }

    /// The lines that an alert is about.
    fn link(&self, rule: Option<&Rule>, kept: &Kept, now: i64) -> String {
        let mut address = url::form_urlencoded::Serializer::new(String::new());
        let Some(rule) = rule else { return self.base.clone() };
        let window = rule.windows.iter().map(|w| w.0).max().unwrap_or_default();
        let from = kept.state.fired.unwrap_or(now) - rule.hold.0 - window;
        address.append_pair("from", &from.to_string()).append_pair("to", &now.to_string());
        let search = evidence::search(rule, &kept.group);
        if !search.is_everything() {
            address.append_pair("q", &search.to_string());
        }
        format!("{}explore?{}", self.base, address.finish())
    }
}

fn is_gone(rules: &Rules, id: &str) -> bool {
    id != ENGINE && rules.rules.iter().all(|rule| rule.id != id)
}

/// Whether a group is remembered while it is fine: its silence is an alert.
pub(crate) fn remembers(rule: &Rule) -> bool {
    !rule.by.is_empty() && rule.no_data == NoData::Alert
}

/// What each group's figures mean. Groups that were known and are no longer there have nothing to read.
pub(crate) fn readings(
    rule: &Rule,
    groups: Vec<Group>,
    known: impl IntoIterator<Item = String>,
) -> Vec<(String, Reading)> {
    let mut all: BTreeMap<String, Reading> =
        groups.into_iter().map(|group| (group.name, rule.judge(&group.figures))).collect();
    for group in known {
        all.entry(group).or_insert_with(|| match rule.no_data {
            NoData::Keep => Reading::Unknown,
            _ => rule.judge(&[None]),
        });
    }
    all.into_iter().collect()
}

/// Where a rule's window ends, and how many hosts' lines have not arrived up to there. They are waited for, for the rule's patience.
fn end(rule: &Rule, arrivals: &[i64], now: i64) -> (i64, usize) {
    let wished = now - rule.delay.0;
    let slowest = arrivals.iter().copied().min().filter(|at| *at < wished - GRACE);
    let end = slowest.map_or(wished, |at| at.max(wished - rule.patience.0));
    (end, arrivals.iter().filter(|at| **at < end - GRACE).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(more: &str) -> Rule {
        let text = format!(
            "rules:\n  - id: a\n    title: A\n    metric: count\n    windows: [5m]\n    above: 1\n{more}"
        );
        Rules::parse(&text).unwrap_or_else(|e| panic!("{e:?}")).rules.remove(0)
    }

    #[test]
    fn late_hosts_are_waited_for_but_not_for_ever() {
        let rule = rule("    delay: 5s\n    patience: 1m\n");
        let now = 1_000_000;
        assert_eq!(end(&rule, &[], now), (995_000, 0));
        assert_eq!(
            end(&rule, &[now - 12_000, now - 3_000], now),
            (995_000, 0),
            "figures come each ten seconds"
        );
        assert_eq!(
            end(&rule, &[now - 40_000, now - 3_000], now),
            (960_000, 0),
            "its lines up to there are there"
        );
        assert_eq!(end(&rule, &[now - 400_000, now - 3_000], now), (935_000, 1), "one of two is late");
    }

    #[test]
    fn a_group_that_is_gone_is_read_as_nothing() {
        let fine = rule("    by: host\n");
        let group = Group { name: "b".into(), ..Group::all(Some(5.0)) };
        let read = readings(&fine, vec![group], ["a".to_owned(), "b".to_owned()]);
        assert_eq!(read, [("a".to_owned(), Reading::Good(0.0)), ("b".to_owned(), Reading::Bad(5.0))]);
        let keep = rule("    by: host\n    no_data: keep\n");
        assert_eq!(readings(&keep, Vec::new(), ["a".to_owned()]), [("a".to_owned(), Reading::Unknown)]);
    }

    #[test]
    fn labels_are_names_that_receivers_take() {
        let rule = rule("    by: host.name\n    severity: critical\n    labels: {team: helpdesk}\n");
        let all: Vec<(String, String)> = rule.labels_of("web-1").into_iter().collect();
        let all: Vec<String> = all.iter().map(|(a, b)| format!("{a}={b}")).collect();
        assert_eq!(all, ["alertname=a", "host_name=web-1", "severity=critical", "team=helpdesk"]);
    }
}
