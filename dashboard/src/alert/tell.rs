//! Who is told of what in a round: what holds alerts back, who is told later, and the messages that are due.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use alces_alerts::dispatch::{Key, Message, Seen, Standing};
use alces_alerts::{
    Ack, Alert, Change, Delivery, Dispatch, Inhibitions, Kept, LedgerError, Noted, Phase, Preset, Receiver,
    Rule, Silence, Telling, body, message_id,
};

use super::{Board, Rules};

/// Acknowledgements that are looked at: all of what goes on, and some of what is over.
const ACKS: usize = 10_000;
/// As a rule has it where it says nothing: for alerts without a rule, milliseconds.
const REPEAT: i64 = 4 * 3_600_000;

/// What people have said: it may have changed since the last round.
pub(super) struct Said {
    pub(super) silences: Vec<Silence>,
    pub(super) acks: Vec<Ack>,
}

impl Said {
    pub(super) async fn read(board: &Board, now: i64) -> Result<Self, LedgerError> {
        board
            .ledger(move |ledger| Ok(Self { silences: ledger.silences(now)?, acks: ledger.acks(ACKS)? }))
            .await
    }
}

/// A round.
pub(super) struct Round<'a> {
    pub(super) rules: &'a Rules,
    /// Groups as they were before it.
    pub(super) states: &'a BTreeMap<(String, String), Kept>,
    /// What has come of those that were asked.
    pub(super) noted: &'a [Noted],
    pub(super) said: &'a Said,
    /// Where the dashboard is.
    pub(super) base: &'a str,
    pub(super) now: i64,
}

impl Round<'_> {
    /// The messages that are due; `alert` says what is told of a group.
    pub(super) fn messages(
        &self,
        dispatch: &mut Dispatch,
        alert: impl Fn(Option<&Rule>, &Kept) -> Alert,
    ) -> Vec<Delivery> {
        let now = self.now;
        let rules: HashMap<&str, &Rule> = self.rules.rules.iter().map(|r| (r.id.as_str(), r)).collect();
        let fresh: HashMap<(&str, &str), &Noted> =
            self.noted.iter().map(|n| ((n.kept.rule.as_str(), n.kept.group.as_str()), n)).collect();
        for noted in self.noted.iter().filter(|n| n.change == Some(Change::Resolved)) {
            let kept = &noted.kept;
            let over = alert(rules.get(kept.rule.as_str()).copied(), kept);
            // Its lines were shown when it began.
            let over = Alert { firing: false, ends: Some(now), context: None, ..over };
            dispatch.ends(&(kept.rule.clone(), kept.group.clone()), &over, now);
        }
        let before =
            self.states.iter().filter(|(key, _)| !fresh.contains_key(&(key.0.as_str(), key.1.as_str())));
        let firing: Vec<(&Kept, bool)> = before
            .map(|(_, kept)| (kept, false))
            .chain(self.noted.iter().map(|noted| (&noted.kept, true)))
            .filter(|(kept, _)| kept.state.fires())
            .collect();
        let inhibitions = Inhibitions::new(&self.rules.inhibit, firing.iter().map(|(kept, _)| &kept.labels));
        let acks: HashMap<(&str, &str, i64), &Ack> =
            self.said.acks.iter().map(|a| ((a.rule.as_str(), a.group.as_str(), a.started), a)).collect();
        // Those of later steps last: whether they are due depends on what the others are told.
        let mut receivers: Vec<(&Receiver, bool)> =
            self.rules.receivers.iter().map(|r| (r, r.is_muted(now))).collect();
        receivers.sort_by_key(|(receiver, _)| receiver.after);
        for (kept, fresh) in firing {
            let rule = rules.get(kept.rule.as_str()).copied();
            let key = (kept.rule.clone(), kept.group.clone());
            let ack =
                kept.state.fired.and_then(|at| acks.get(&(key.0.as_str(), key.1.as_str(), at)).copied());
            let held = self.said.silences.iter().any(|s| s.is_about(&kept.labels))
                || inhibitions.hold(&kept.labels)
                || rule.is_some_and(|rule| rule.mute.iter().any(|mute| mute.covers(now)));
            let known = ack.is_some() || kept.state.phase == Phase::Recovering;
            let said = OnceCell::new();
            for (receiver, muted) in &receivers {
                // Who was told is told on, whatever the rule says by now.
                let meant = rule.is_none_or(|rule| self.rules.tells(rule, receiver));
                if !meant && dispatch.told(&receiver.id, &key).is_none() {
                    continue;
                }
                let standing = match () {
                    () if held || *muted => Standing::Hold,
                    () if known || !self.is_due(dispatch, receiver, rule, kept, &key) => Standing::Known,
                    () => Standing::Tell,
                };
                let repeat =
                    receiver.repeat.map_or_else(|| rule.map_or(REPEAT, |rule| rule.repeat.0), |r| r.0);
                let seen = Seen { standing, fresh, repeat, now };
                dispatch.fires(receiver, &key, seen, || {
                    // Said once, however many receivers hear of it.
                    let make = || {
                        let mut alert = alert(rule, kept);
                        if let Some(ack) = ack {
                            alert.annotations.insert("acknowledged_by".into(), ack.author.clone());
                        }
                        alert
                    };
                    said.get_or_init(make).clone()
                });
            }
        }
        let due = dispatch.flush(&self.rules.receivers, now);
        due.iter().filter_map(|message| self.delivery(message)).collect()
    }

    /// Whether an alert has gone on for long enough for a receiver of a later step: since the first of the others was told, or since its
    /// beginning where none of them is told.
    fn is_due(
        &self,
        dispatch: &Dispatch,
        receiver: &Receiver,
        rule: Option<&Rule>,
        kept: &Kept,
        key: &Key,
    ) -> bool {
        if receiver.after.0 == 0 || dispatch.told(&receiver.id, key).is_some() {
            return true;
        }
        let others = self.rules.receivers.iter().filter(|r| r.after.0 == 0);
        let others = others.filter(|r| rule.is_none_or(|rule| self.rules.tells(rule, r)));
        let told: Vec<Option<i64>> = others.filter_map(|r| dispatch.told(&r.id, key)).collect();
        let since = match told.iter().flatten().min() {
            Some(first) => *first,
            // They are about to be told.
            None if !told.is_empty() => self.now,
            None => kept.state.fired.unwrap_or(self.now),
        };
        self.now - since >= receiver.after.0
    }

    fn delivery(&self, message: &Message) -> Option<Delivery> {
        let receiver = self.rules.receivers.iter().find(|r| r.id == message.receiver)?;
        // That nothing comes is what it waits for: an end would be taken for a sign of life.
        if receiver.preset == Preset::Heartbeat && message.alerts.iter().all(|(_, alert)| !alert.firing) {
            return None;
        }
        let names: Vec<_> = message
            .alerts
            .iter()
            .map(|((rule, group), alert)| {
                (format!("{rule}\n{group}"), alert.starts, if alert.firing { "firing" } else { "resolved" })
            })
            .collect();
        let alerts: Vec<Alert> = message.alerts.iter().map(|(_, alert)| alert.clone()).collect();
        let telling = Telling {
            receiver,
            bundle: &message.bundle,
            labels: &message.labels,
            began: message.began,
            is_first: message.is_first,
            alerts: &alerts,
            base: self.base,
        };
        Some(Delivery {
            id: message_id(&receiver.id, &names, self.now),
            receiver: receiver.id.clone(),
            body: body(&telling),
        })
    }
}

#[cfg(test)]
mod tests {
    use alces_alerts::{Reading, State};

    use super::*;

    const FILE: &str = "
rules:
  - {id: host-silent, title: Silent, metric: count, windows: [5m], below: 1, by: host, severity: critical}
  - {id: disk, title: Disk, metric: count, windows: [5m], above: 1, by: host}
receivers:
  - {id: pager, url: 'https://pager', after: 15m}
  - {id: ops, url: 'https://ops'}
  - {id: day, url: 'https://day', mute: [{hours: '20:00-06:00'}]}
inhibit:
  - {source_matchers: [alertname=host-silent], target_matchers: [severity=warning], equal: [host]}
";
    const MINUTE: i64 = 60_000;

    struct House {
        rules: Rules,
        states: BTreeMap<(String, String), Kept>,
        dispatch: Dispatch,
        said: Said,
        now: i64,
    }

    impl House {
        fn new() -> Self {
            Self {
                rules: Rules::parse(FILE).unwrap_or_else(|e| panic!("{e:?}")),
                states: BTreeMap::new(),
                dispatch: Dispatch::default(),
                said: Said { silences: Vec::new(), acks: Vec::new() },
                // Noon of 23 November 2026.
                now: 1_795_435_200_000,
            }
        }

        /// Reads a group of a rule, and says who is told what.
        fn read(&mut self, rule: &str, reading: Reading) -> Vec<String> {
            let key = (rule.to_owned(), "a".to_owned());
            let of = self.rules.rules.iter().find(|r| r.id == rule).expect("a rule");
            let before = self.states.get(&key).map_or_else(State::default, |k| k.state.clone());
            let mut state = before;
            let change = state.step(reading, of.timing(), true, self.now);
            let labels = [("alertname", rule), ("host", "a"), ("severity", of.severity.word())];
            let labels = labels.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
            let kept = Kept { rule: rule.into(), group: "a".into(), labels, state };
            let said = self.round(&[Noted { kept: kept.clone(), change, remember: false }]);
            self.states.insert(key, kept);
            said
        }

        fn round(&mut self, noted: &[Noted]) -> Vec<String> {
            let round = Round {
                rules: &self.rules,
                states: &self.states,
                noted,
                said: &self.said,
                base: "https://dash/",
                now: self.now,
            };
            let alert = |_: Option<&Rule>, kept: &Kept| Alert {
                firing: true,
                labels: kept.labels.clone(),
                annotations: BTreeMap::new(),
                starts: kept.state.fired.unwrap_or_default(),
                ends: None,
                value: None,
                peak: None,
                link: String::new(),
                context: None,
            };
            let messages = round.messages(&mut self.dispatch, alert);
            let said = |d: &Delivery| {
                format!(
                    "{} {} {}",
                    d.receiver,
                    d.body["status"].as_str().unwrap_or("?"),
                    d.body["groupLabels"]["alertname"].as_str().unwrap_or("?")
                )
            };
            messages.iter().map(said).collect()
        }

        /// Later, with nothing read.
        fn later(&mut self, minutes: i64) -> Vec<String> {
            self.now += minutes * MINUTE;
            self.round(&[])
        }
    }

    const BAD: Reading = Reading::Bad(5.0);
    const GOOD: Reading = Reading::Good(0.0);

    #[test]
    fn the_next_step_is_told_when_nobody_has_acknowledged() {
        let mut house = House::new();
        assert_eq!(house.read("disk", BAD), ["day firing disk", "ops firing disk"]);
        assert!(house.later(14).is_empty());
        assert_eq!(house.later(1), ["pager firing disk"]);
        house.now += 1;
        assert_eq!(
            house.read("disk", GOOD),
            ["day resolved disk", "ops resolved disk", "pager resolved disk"]
        );

        house.now += MINUTE;
        let started = house.now;
        assert_eq!(house.read("disk", BAD).len(), 2);
        house.said.acks.push(Ack {
            rule: "disk".into(),
            group: "a".into(),
            started,
            author: "amy".into(),
            at: house.now,
        });
        assert!(
            house.later(15).is_empty() && house.later(7 * 60).is_empty(),
            "neither escalated nor repeated"
        );
        assert_eq!(house.read("disk", GOOD), ["day resolved disk", "ops resolved disk"], "its end is told");
    }

    #[test]
    fn what_still_fires_after_quiet_hours_is_told_then() {
        let mut house = House::new();
        // 23:00.
        house.now += 11 * 60 * MINUTE;
        assert_eq!(house.read("disk", BAD), ["ops firing disk"]);
        assert_eq!(house.later(15), ["pager firing disk"]);
        assert_eq!(house.later(7 * 60 - 15), ["day firing disk", "ops firing disk", "pager firing disk"]);
    }

    #[test]
    fn what_a_worse_alert_says_already_is_told_when_that_is_over() {
        let mut house = House::new();
        assert_eq!(house.read("host-silent", BAD), ["day firing host-silent", "ops firing host-silent"]);
        house.now += MINUTE;
        assert!(house.read("disk", BAD).is_empty());
        house.now += MINUTE;
        let said = house.read("host-silent", GOOD);
        let all =
            ["day firing disk", "day resolved host-silent", "ops firing disk", "ops resolved host-silent"];
        assert_eq!(said, all);
    }

    #[test]
    fn a_silence_holds_what_was_not_told() {
        let mut house = House::new();
        let matchers = [("host".to_owned(), "a".to_owned())].into();
        house.said.silences.push(Silence {
            id: 1,
            matchers,
            author: "amy".into(),
            comment: String::new(),
            until: i64::MAX,
        });
        assert!(house.read("disk", BAD).is_empty() && house.later(60).is_empty());
        house.said.silences.clear();
        assert_eq!(house.later(1), ["day firing disk", "ops firing disk"], "the pager only after its time");
        assert_eq!(house.later(15), ["pager firing disk"]);
    }
}
