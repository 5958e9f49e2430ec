//! What is told together, and when: groups of alerts of each receiver, as Alertmanager has them (`group_by`, `group_wait`, `group_interval`,
//! `repeat_interval`).
//!
//! An alert is a [`Member`] of one [`Bundle`] of a receiver from when it is to be told until its end was told. When a bundle is due
//! follows from what is kept of its members and of the last message alone, so there is no timer that a crash could lose. Changes come out
//! as [`Row`]s, which the ledger writes in the transaction of the messages.
//!
//! What holds, whatever happens: who was told of a beginning is told of its end, and nobody is told of an end who was not told of the beginning.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{Alert, Receiver};

/// More new groups than this of one receiver within [`LATELY`] are a storm: what is more becomes one digest.
pub const STORM: usize = 20;
/// How far back new groups are counted, milliseconds.
const LATELY: i64 = 5 * 60_000;
/// Between two digests at least, milliseconds.
const DIGESTS: i64 = 60_000;
/// The bundle of a storm. No other one has this name: theirs begin with a brace.
const DIGEST: &str = "digest";

/// An alert: its rule, and its group within the rule.
pub type Key = (String, String);

/// Whether a receiver may be told of an alert now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is told, and again after a while.
    #[default]
    Tell,
    /// What it was told is enough: somebody has acknowledged it, or its figure is good again and only its end is waited for.
    Known,
    /// It is not told: a silence, a mute, another alert that says it already.
    Hold,
}

/// How a receiver stands to an alert in a round.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Whether it may be told.
    pub standing: Standing,
    /// Whether there is a newer figure.
    pub fresh: bool,
    /// It is told again after so long, milliseconds.
    pub repeat: i64,
    /// The moment, epoch milliseconds.
    pub now: i64,
}

/// An alert that a receiver is to be told of, or was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The bundle that it is in.
    bundle: String,
    /// What is said of it.
    alert: Alert,
    /// Since when there is something that was not told: its beginning, or its end.
    news: Option<i64>,
    /// When it was told last.
    told: Option<i64>,
    /// When this episode was told first.
    first: Option<i64>,
    /// It is told again after so long, milliseconds.
    repeat: i64,
    #[serde(skip)]
    standing: Standing,
}

/// Alerts that one message is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// The labels that its alerts have alike.
    labels: BTreeMap<String, String>,
    /// When its first alert came.
    began: i64,
    /// When it was told last.
    sent: Option<i64>,
}

/// What is to be written: none for what is over.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// An alert of a receiver.
    Member {
        /// The receiver's id.
        receiver: String,
        /// The alert.
        key: Key,
        /// As it is now.
        member: Option<Box<Member>>,
    },
    /// A bundle of a receiver.
    Bundle {
        /// The receiver's id.
        receiver: String,
        /// Its name.
        name: String,
        /// As it is now.
        bundle: Option<Bundle>,
    },
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// To whom.
    pub receiver: String,
    /// Of which bundle: the same from its first message to its last.
    pub bundle: String,
    /// The labels of the bundle.
    pub labels: BTreeMap<String, String>,
    /// When the bundle began, epoch milliseconds: with its name, what tells its messages from those of another time.
    pub began: i64,
    /// Whether nothing was told of it before.
    pub is_first: bool,
    /// The alerts, what fires first, with their keys.
    pub alerts: Vec<(Key, Alert)>,
}

/// All that receivers are to be told of, or were.
#[derive(Clone, Debug, Default)]
pub struct Dispatch {
    members: BTreeMap<Key, BTreeMap<String, Member>>,
    bundles: BTreeMap<(String, String), Bundle>,
    /// When groups of a receiver were told first, lately.
    begun: HashMap<String, VecDeque<i64>>,
    changed_members: BTreeSet<(String, Key)>,
    changed_bundles: BTreeSet<(String, String)>,
}

impl Dispatch {
    /// Takes up what was written.
    #[must_use]
    pub fn restore(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut all = Self::default();
        for row in rows {
            match row {
                Row::Member { receiver, key, member: Some(member) } => {
                    all.members.entry(key).or_default().insert(receiver, *member);
                }
                Row::Bundle { receiver, name, bundle: Some(bundle) } => {
                    all.bundles.insert((receiver, name), bundle);
                }
                Row::Member { .. } | Row::Bundle { .. } => {}
            }
        }
        all
    }

    /// Whether nobody waits for anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// When a receiver was told first of the episode that goes on; none within where it waits to be told, none where it is not to be.
    #[must_use]
    pub fn told(&self, receiver: &str, key: &Key) -> Option<Option<i64>> {
        self.members.get(key)?.get(receiver).map(|member| member.first)
    }

    /// An alert fires. `alert` says what is told of it, asked where that is needed.
    pub fn fires(&mut self, receiver: &Receiver, key: &Key, seen: Seen, alert: impl FnOnce() -> Alert) {
        let Seen { standing, fresh, repeat, now } = seen;
        let id = &receiver.id;
        let Some(member) = self.members.get_mut(key).and_then(|all| all.get_mut(id)) else {
            if standing == Standing::Tell {
                self.begin(receiver, key, repeat, now, alert());
            }
            return;
        };
        member.standing = standing;
        member.repeat = repeat;
        if standing == Standing::Hold && member.told.is_none() {
            self.remove(id, key);
        } else if !member.alert.firing {
            // It has begun again before its end was told: for the receiver it goes on, with another beginning.
            (member.alert, member.news, member.first) = (alert(), Some(now), None);
            self.changed_members.insert((id.clone(), key.clone()));
        } else if fresh {
            // Its newest figure is worth no write.
            member.alert = alert();
        }
    }

    fn begin(&mut self, receiver: &Receiver, key: &Key, repeat: i64, now: i64, alert: Alert) {
        let labels: BTreeMap<String, String> = receiver
            .groups()
            .into_iter()
            .map(|name| {
                let value = alert.labels.get(&name).cloned().unwrap_or_default();
                (name, value)
            })
            .collect();
        let bundle = name(&labels);
        let place = (receiver.id.clone(), bundle.clone());
        if !self.bundles.contains_key(&place) {
            self.bundles.insert(place.clone(), Bundle { labels, began: now, sent: None });
            self.changed_bundles.insert(place);
        }
        let member = Member {
            bundle,
            alert,
            news: Some(now),
            told: None,
            first: None,
            repeat,
            standing: Standing::Tell,
        };
        self.members.entry(key.clone()).or_default().insert(receiver.id.clone(), member);
        self.changed_members.insert((receiver.id.clone(), key.clone()));
    }

    /// An alert is over, for all who were told of it. `alert` is what is told of its end.
    pub fn ends(&mut self, key: &Key, alert: &Alert, now: i64) {
        let receivers: Vec<String> =
            self.members.get(key).into_iter().flat_map(BTreeMap::keys).cloned().collect();
        for id in receivers {
            let Some(member) = self.members.get_mut(key).and_then(|all| all.get_mut(&id)) else { continue };
            if member.told.is_none() {
                // What nobody heard of needs no end.
                self.remove(&id, key);
            } else if member.alert.firing {
                (member.alert, member.news) = (alert.clone(), Some(now));
                self.changed_members.insert((id, key.clone()));
            }
        }
    }

    fn remove(&mut self, receiver: &str, key: &Key) {
        if let Some(all) = self.members.get_mut(key) {
            all.remove(receiver);
            if all.is_empty() {
                self.members.remove(key);
            }
        }
        self.changed_members.insert((receiver.to_owned(), key.clone()));
    }

    /// The messages that are due at `now`, which count as told: they are to be kept together with [`Dispatch::rows`]. What is of a receiver
    /// that is no longer there is forgotten.
    pub fn flush(&mut self, receivers: &[Receiver], now: i64) -> Vec<Message> {
        let known: HashMap<&str, &Receiver> = receivers.iter().map(|r| (r.id.as_str(), r)).collect();
        let gone: Vec<(String, Key)> = self
            .each()
            .filter(|(_, receiver, _)| !known.contains_key(receiver.as_str()))
            .map(|(key, receiver, _)| (receiver.clone(), key.clone()))
            .collect();
        for (receiver, key) in gone {
            self.remove(&receiver, &key);
        }
        let due = self.due(&known, now);
        let due = if self.calm(&due, now) { due } else { self.due(&known, now) };
        let mut told: BTreeMap<(String, String), Vec<(Key, Member)>> = BTreeMap::new();
        for (key, receiver, member) in self.each() {
            let place = (receiver.clone(), member.bundle.clone());
            let held = member.standing == Standing::Hold && member.alert.firing;
            if due.contains(&place) && !held {
                told.entry(place).or_default().push((key.clone(), member.clone()));
            }
        }
        let mut messages = Vec::new();
        for ((receiver, bundle), mut members) in told {
            members.sort_by_key(|(_, member)| (!member.alert.firing, member.news.is_none()));
            for (key, member) in &members {
                self.tell(&receiver, key, member.alert.firing, now);
            }
            let place = (receiver.clone(), bundle.clone());
            let kept = self.bundles.entry(place.clone()).or_default();
            let is_first = kept.sent.replace(now).is_none();
            if is_first && bundle != DIGEST {
                self.begun.entry(receiver.clone()).or_default().push_back(now);
            }
            let (labels, began) = (kept.labels.clone(), kept.began);
            self.changed_bundles.insert(place);
            let alerts = members.into_iter().map(|(key, member)| (key, member.alert)).collect();
            messages.push(Message { receiver, bundle, labels, began, is_first, alerts });
        }
        self.forget_empty();
        messages
    }

    fn each(&self) -> impl Iterator<Item = (&Key, &String, &Member)> {
        self.members.iter().flat_map(|(key, all)| all.iter().map(move |(receiver, m)| (key, receiver, m)))
    }

    /// Bundles that are due.
    fn due(&self, known: &HashMap<&str, &Receiver>, now: i64) -> HashSet<(String, String)> {
        let mut due = HashSet::new();
        for (_, id, member) in self.each() {
            let Some(receiver) = known.get(id.as_str()) else { continue };
            let place = (id.clone(), member.bundle.clone());
            let sent = self.bundles.get(&place).and_then(|bundle| bundle.sent);
            if due_at(receiver, member, sent).is_some_and(|at| at <= now) {
                due.insert(place);
            }
        }
        due
    }

    /// Where too many new groups of a receiver are due, they become one. Whether there were not too many.
    fn calm(&mut self, due: &HashSet<(String, String)>, now: i64) -> bool {
        let mut new: HashMap<&str, Vec<&(String, String)>> = HashMap::new();
        for place in due.iter().filter(|(_, name)| name != DIGEST) {
            if self.bundles.get(place).is_none_or(|bundle| bundle.sent.is_none()) {
                new.entry(&place.0).or_default().push(place);
            }
        }
        let mut calm = true;
        for (receiver, places) in new {
            let begun = self.begun.entry(receiver.to_owned()).or_default();
            while begun.front().is_some_and(|at| now - at >= LATELY) {
                begun.pop_front();
            }
            if begun.len() + places.len() <= STORM {
                continue;
            }
            calm = false;
            let names: HashSet<&str> = places.iter().map(|(_, name)| name.as_str()).collect();
            for (key, all) in &mut self.members {
                if let Some(member) = all.get_mut(receiver).filter(|m| names.contains(m.bundle.as_str())) {
                    DIGEST.clone_into(&mut member.bundle);
                    self.changed_members.insert((receiver.to_owned(), key.clone()));
                }
            }
            let digest = (receiver.to_owned(), DIGEST.to_owned());
            self.bundles.entry(digest.clone()).or_insert_with(|| Bundle { began: now, ..Bundle::default() });
            self.changed_bundles.insert(digest);
        }
        calm
    }

    /// A receiver is told of an alert as it stands.
    fn tell(&mut self, receiver: &str, key: &Key, firing: bool, now: i64) {
        if !firing {
            return self.remove(receiver, key);
        }
        if let Some(member) = self.members.get_mut(key).and_then(|all| all.get_mut(receiver)) {
            (member.told, member.news) = (Some(now), None);
            member.first.get_or_insert(now);
            self.changed_members.insert((receiver.to_owned(), key.clone()));
        }
    }

    fn forget_empty(&mut self) {
        let used: HashSet<(&str, &str)> =
            self.each().map(|(_, receiver, member)| (receiver.as_str(), member.bundle.as_str())).collect();
        let empty: Vec<_> = self
            .bundles
            .keys()
            .filter(|(receiver, name)| !used.contains(&(receiver.as_str(), name.as_str())))
            .cloned()
            .collect();
        for place in empty {
            self.bundles.remove(&place);
            self.changed_bundles.insert(place);
        }
    }

    /// What has changed since the last time: to be written together with the messages.
    pub fn rows(&mut self) -> Vec<Row> {
        let members = std::mem::take(&mut self.changed_members).into_iter().map(|(receiver, key)| {
            let member = self.members.get(&key).and_then(|all| all.get(&receiver)).cloned();
            Row::Member { receiver, key, member: member.map(Box::new) }
        });
        let bundles = std::mem::take(&mut self.changed_bundles).into_iter().map(|(receiver, name)| {
            let bundle = self.bundles.get(&(receiver.clone(), name.clone())).cloned();
            Row::Bundle { receiver, name, bundle }
        });
        members.chain(bundles).collect()
    }
}

/// When a member makes its bundle due; none while there is nothing to tell.
fn due_at(receiver: &Receiver, member: &Member, sent: Option<i64>) -> Option<i64> {
    let interval =
        if member.bundle == DIGEST { receiver.interval().max(DIGESTS) } else { receiver.interval() };
    let at = match (member.alert.firing, member.standing, member.news) {
        (false, ..) => member.news?,
        (true, Standing::Hold, _) => return None,
        (true, _, Some(news)) => news + receiver.wait(),
        (true, Standing::Known, None) => return None,
        (true, Standing::Tell, None) => member.told? + member.repeat,
    };
    Some(sent.map_or(at, |sent| at.max(sent + interval)))
}

/// The name of a bundle: its labels as Prometheus writes them.
fn name(labels: &BTreeMap<String, String>) -> String {
    let all: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", all.join(","))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Span;

    const HOUR: i64 = 3_600_000;

    fn receiver(group_by: Option<&str>, wait: i64, interval: i64) -> Receiver {
        Receiver {
            id: "ops".into(),
            group_by: group_by.map(|all| all.split_whitespace().map(str::to_owned).collect()),
            group_wait: Some(Span(wait)),
            group_interval: Some(Span(interval)),
            ..Receiver::default()
        }
    }

    fn key(rule: &str, group: &str) -> Key {
        (rule.to_owned(), group.to_owned())
    }

    fn alert(key: &Key, starts: i64, ends: Option<i64>) -> Alert {
        let labels = [("alertname", key.0.clone()), ("host", key.1.clone())];
        Alert {
            firing: ends.is_none(),
            labels: labels.map(|(a, b)| (a.to_owned(), b)).into(),
            annotations: BTreeMap::new(),
            starts,
            ends,
            value: None,
            peak: None,
            link: String::new(),
            context: None,
        }
    }

    /// A dispatch whose rows are written, and that may be started anew at any time.
    #[derive(Default)]
    struct House {
        dispatch: Dispatch,
        members: BTreeMap<(String, Key), Member>,
        bundles: BTreeMap<(String, String), Bundle>,
    }

    impl House {
        fn fires(&mut self, receiver: &Receiver, key: &Key, standing: Standing, now: i64) {
            let seen = Seen { standing, fresh: false, repeat: 4 * HOUR, now };
            self.dispatch.fires(receiver, key, seen, || alert(key, now, None));
        }

        fn ends(&mut self, key: &Key, now: i64) {
            self.dispatch.ends(key, &alert(key, 0, Some(now)), now);
        }

        fn flush(&mut self, receiver: &Receiver, now: i64) -> Vec<Message> {
            let messages = self.dispatch.flush(std::slice::from_ref(receiver), now);
            self.keep();
            messages
        }

        /// As the ledger does, with the states that led to it.
        fn keep(&mut self) {
            for row in self.dispatch.rows() {
                match row {
                    Row::Member { receiver, key, member: Some(member) } => {
                        drop(self.members.insert((receiver, key), *member));
                    }
                    Row::Member { receiver, key, member: None } => {
                        drop(self.members.remove(&(receiver, key)));
                    }
                    Row::Bundle { receiver, name, bundle: Some(bundle) } => {
                        drop(self.bundles.insert((receiver, name), bundle));
                    }
                    Row::Bundle { receiver, name, bundle: None } => {
                        drop(self.bundles.remove(&(receiver, name)));
                    }
                }
            }
        }

        /// What a message says: `fire/host resolved/host …`.
        fn said(&mut self, receiver: &Receiver, now: i64) -> Vec<String> {
            let word =
                |(key, alert): &(Key, Alert)| format!("{}{}", if alert.firing { "+" } else { "-" }, key.1);
            let line = |m: &Message| m.alerts.iter().map(word).collect::<Vec<_>>().join(" ");
            self.flush(receiver, now).iter().map(line).collect()
        }

        fn restart(&mut self) {
            self.keep();
            let members = self.members.iter().map(|((receiver, key), member)| Row::Member {
                receiver: receiver.clone(),
                key: key.clone(),
                member: Some(Box::new(member.clone())),
            });
            let bundles = self.bundles.iter().map(|((receiver, name), bundle)| Row::Bundle {
                receiver: receiver.clone(),
                name: name.clone(),
                bundle: Some(bundle.clone()),
            });
            self.dispatch = Dispatch::restore(members.chain(bundles).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_group_waits_for_more_of_it_and_then_for_its_interval() {
        let ops = receiver(Some("host"), 30, 300);
        let (disk, load, other) = (key("disk", "a"), key("load", "a"), key("disk", "b"));
        let mut house = House::default();
        house.fires(&ops, &disk, Standing::Tell, 0);
        assert!(house.said(&ops, 29).is_empty());
        house.fires(&ops, &load, Standing::Tell, 29);
        house.restart();
        assert_eq!(house.said(&ops, 30), ["+a +a"], "two rules, one message");
        house.fires(&ops, &other, Standing::Tell, 40);
        house.ends(&load, 50);
        assert_eq!(house.said(&ops, 70), ["+b"], "another group does not wait for this one");
        assert!(house.said(&ops, 329).is_empty());
        assert_eq!(house.said(&ops, 330), ["+a -a"], "what fires and what is over, together");
        house.ends(&disk, 331);
        assert_eq!(house.said(&ops, 630), ["-a"]);
        house.ends(&other, 631);
        assert_eq!(house.said(&ops, 631), ["-b"]);
        assert!(house.members.is_empty() && house.bundles.is_empty(), "nothing is left behind");
    }

    #[test]
    fn what_goes_on_is_repeated_unless_it_was_acknowledged() {
        let ops = receiver(None, 0, 0);
        let disk = key("disk", "a");
        let mut house = House::default();
        house.fires(&ops, &disk, Standing::Tell, 0);
        assert_eq!(house.said(&ops, 0), ["+a"]);
        assert!(house.said(&ops, 4 * HOUR - 1).is_empty());
        assert_eq!(house.said(&ops, 4 * HOUR), ["+a"]);
        house.fires(&ops, &disk, Standing::Known, 5 * HOUR);
        assert!(house.said(&ops, 50 * HOUR).is_empty());
        house.ends(&disk, 51 * HOUR);
        assert_eq!(house.said(&ops, 51 * HOUR), ["-a"], "its end is told");
    }

    #[test]
    fn what_is_held_is_told_when_it_is_no_longer_and_its_end_in_any_case() {
        let ops = receiver(None, 10, 0);
        let (disk, load) = (key("disk", "a"), key("load", "a"));
        let mut house = House::default();
        house.fires(&ops, &disk, Standing::Tell, 0);
        house.fires(&ops, &disk, Standing::Hold, 5);
        assert!(house.said(&ops, 100).is_empty(), "silenced while it waited");
        house.fires(&ops, &disk, Standing::Tell, 100);
        assert_eq!(house.said(&ops, 110), ["+a"]);
        house.fires(&ops, &disk, Standing::Hold, 120);
        house.fires(&ops, &load, Standing::Hold, 120);
        assert!(house.said(&ops, 9 * HOUR).is_empty(), "not repeated");
        house.ends(&disk, 9 * HOUR);
        house.ends(&load, 9 * HOUR);
        assert_eq!(house.said(&ops, 9 * HOUR), ["-a"], "nobody heard of the other one");
    }

    #[test]
    fn a_storm_is_one_digest() {
        let ops = receiver(Some("host"), 0, 0);
        let mut house = House::default();
        let hosts: Vec<Key> = (0..10_000).map(|n| key("down", &format!("web-{n}"))).collect();
        for host in &hosts {
            house.fires(&ops, host, Standing::Tell, 0);
        }
        let told = house.flush(&ops, 0);
        assert_eq!(told.iter().map(|m| m.alerts.len()).collect::<Vec<_>>(), [10_000]);
        assert!(told[0].bundle == DIGEST && told[0].labels.is_empty());
        house.restart();
        for host in &hosts[..9_000] {
            house.ends(host, 1000);
        }
        assert!(house.flush(&ops, 1000).is_empty(), "a digest has its own pace");
        let told = house.flush(&ops, DIGESTS);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].alerts.iter().filter(|(_, a)| !a.firing).count(), 9_000);
        for host in &hosts[9_000..] {
            house.ends(host, DIGESTS + 1);
        }
        assert_eq!(
            house.flush(&ops, 2 * DIGESTS).iter().map(|m| m.alerts.len()).collect::<Vec<_>>(),
            [1_000]
        );
        assert!(house.members.is_empty() && house.bundles.is_empty());
    }

    #[test]
    fn a_storm_that_trickles_in_is_one_too() {
        let ops = receiver(Some("host"), 0, 0);
        let mut house = House::default();
        let mut messages = 0;
        for n in 0..600 {
            house.fires(&ops, &key("down", &format!("web-{n}")), Standing::Tell, n * 500);
            messages += house.flush(&ops, n * 500).len();
        }
        // Five minutes: the first twenty, and a digest a minute.
        assert!((STORM + 4..STORM + 7).contains(&messages), "{messages}");
    }

    #[test]
    fn what_is_of_a_receiver_that_is_gone_is_forgotten() {
        let ops = receiver(None, 0, 0);
        let mut house = House::default();
        house.fires(&ops, &key("disk", "a"), Standing::Tell, 0);
        assert_eq!(
            house.said(&Receiver { id: "dev".into(), ..Receiver::default() }, 0),
            Vec::<String>::new()
        );
        assert!(house.dispatch.is_empty() && house.members.is_empty() && house.bundles.is_empty());
    }

    proptest! {
        /// Whatever happens, with restarts between any two rounds: beginnings and ends take turns for the receiver (a beginning may be told
        /// again), and when all is over, what it heard last of each alert is its end.
        #[test]
        fn who_was_told_of_a_beginning_is_told_of_its_end(
            steps in proptest::collection::vec((0usize..4, 0u8..5, 1i64..400, any::<bool>()), 0..120),
            group_by in proptest::sample::select(vec![None, Some(""), Some("host"), Some("alertname host")]),
            wait in 0i64..100,
            interval in 0i64..500,
        ) {
            let ops = receiver(group_by, wait, interval);
            let keys = [key("disk", "a"), key("disk", "b"), key("load", "a"), key("load", "c")];
            let mut house = House::default();
            let mut firing = [false; 4];
            let mut heard: BTreeMap<Key, bool> = BTreeMap::new();
            let mut now = 0;
            let mut hear = |messages: Vec<Message>| {
                for (key, alert) in messages.into_iter().flat_map(|m| m.alerts) {
                    if !alert.firing {
                        assert_eq!(heard.get(&key), Some(&true), "an end without a beginning: {key:?}");
                    }
                    heard.insert(key, alert.firing);
                }
                heard.clone()
            };
            for (which, what, pause, restarts) in steps {
                let key = &keys[which];
                match what {
                    0 | 1 => { firing[which] = true; house.fires(&ops, key, Standing::Tell, now); }
                    2 if firing[which] => house.fires(&ops, key, Standing::Hold, now),
                    3 if firing[which] => house.fires(&ops, key, Standing::Known, now),
                    _ => { firing[which] = false; house.ends(key, now); }
                }
                hear(house.flush(&ops, now));
                now += pause;
                if restarts {
                    house.restart();
                }
            }
            for key in &keys {
                house.ends(key, now);
            }
            house.restart();
            // Once now, and once more when the interval is over.
            hear(house.flush(&ops, now));
            let heard = hear(house.flush(&ops, now + 1000));
            prop_assert!(heard.values().all(|fires| !fires), "{heard:?}");
            prop_assert!(house.members.is_empty() && house.bundles.is_empty());
        }
    }
}
