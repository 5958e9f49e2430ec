//! What is to be done now, out of policies, indexes and the time; and why, for those who ask.

use super::policy::{Action, Policy, Rollover, State, Template, When};
use super::{Book, names};
use std::collections::BTreeMap;

/// An index, as much of it as a policy judges.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) name: String,
    pub(crate) uuid: u64,
    /// The name that patterns mean: of a data stream's index the stream's.
    pub(crate) known_as: String,
    /// Milliseconds since 1970.
    pub(crate) created: i64,
    pub(crate) docs: u64,
    pub(crate) bytes: u64,
    /// The alias that its settings name for rollovers.
    pub(crate) alias: Option<String>,
    /// The aliases and data streams that are written to through this index.
    pub(crate) writes: Vec<Target>,
    /// When another index took its place behind an alias or data stream.
    pub(crate) rolled: Option<i64>,
}

/// What is rolled over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) is_stream: bool,
}

/// Something to do to an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Delete,
    /// Make the next index behind this alias or stream, and write there from now on.
    RollOver(Target),
}

/// Where an index stands, and what comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) uuid: u64,
    pub(crate) policy: String,
    pub(crate) state: String,
    /// The action that it is at, and the place of that in its state; none while it waits for a transition.
    pub(crate) action: Option<(&'static str, usize)>,
    pub(crate) message: String,
    /// Whether it cannot go on before somebody changes something.
    pub(crate) stuck: bool,
    pub(crate) step: Option<Step>,
}

/// Judges each index that has a policy. The order is that of `indexes`.
pub(crate) fn decide(book: &Book, indexes: &[Held], now: i64) -> Vec<Judged> {
    let mut judged: BTreeMap<u64, Judged> = BTreeMap::new();
    for held in indexes {
        if let Some(policy) = policy_of(book, held) {
            judged.insert(held.uuid, Walk { policy, held, now }.walk());
        }
    }
    for kept in book.policies.values() {
        for template in &kept.policy.templates {
            bound(book, &kept.policy, template, indexes, &mut judged);
        }
    }
    indexes.iter().filter_map(|held| judged.remove(&held.uuid)).collect()
}

fn policy_of<'a>(book: &'a Book, held: &Held) -> Option<&'a Policy> {
    book.attached.get(&held.uuid).and_then(|id| book.policies.get(id)).map(|kept| &kept.policy)
}

/// Deletes the oldest indexes of a template's patterns, until the others have no more than they may.
fn bound(
    book: &Book,
    policy: &Policy,
    template: &Template,
    indexes: &[Held],
    judged: &mut BTreeMap<u64, Judged>,
) {
    let Some(most) = template.max_total_size else { return };
    let own = |held: &&Held| {
        policy_of(book, held).is_some_and(|theirs| theirs.id == policy.id) && template.takes(&held.known_as)
    };
    let mut own: Vec<&Held> = indexes.iter().filter(own).collect();
    own.sort_by_key(|held| (held.created, &held.name));
    let goes = |judged: &BTreeMap<u64, Judged>, held: &Held| {
        judged.get(&held.uuid).is_some_and(|one| one.step == Some(Step::Delete))
    };
    let staying = own.iter().filter(|held| !goes(judged, held));
    let mut total: u64 = staying.map(|held| held.bytes).fold(0, u64::saturating_add);
    for held in own {
        if total <= most {
            return;
        }
        let Some(one) = judged.get_mut(&held.uuid) else { continue };
        if one.step == Some(Step::Delete) {
            continue;
        }
        let why = format!("the indexes of {:?} have {total} bytes, and may have {most}", template.patterns);
        remove(held, &why, one);
        if one.step != Some(Step::Delete) {
            // It is written to: younger ones are not deleted in its place.
            return;
        }
        total = total.saturating_sub(held.bytes);
    }
}

/// An index's way through its policy.
struct Walk<'a> {
    policy: &'a Policy,
    held: &'a Held,
    now: i64,
}

impl<'a> Walk<'a> {
    fn walk(&self) -> Judged {
        let mut judged = Judged {
            uuid: self.held.uuid,
            policy: self.policy.id.clone(),
            state: String::new(),
            action: None,
            message: String::new(),
            stuck: false,
            step: None,
        };
        let (mut state, mut seen): (Option<&State>, Vec<&str>) = (self.policy.first(), Vec::new());
        while let Some(here) = state {
            judged.state.clone_from(&here.name);
            // A policy may lead back to where it was.
            if seen.contains(&here.name.as_str()) {
                judged.message = "the policy leads in a circle, and this is where it closes".to_owned();
                return judged;
            }
            seen.push(&here.name);
            if !self.act(here, &mut judged) {
                return judged;
            }
            judged.action = None;
            state = self.onward(here, &mut judged.message);
        }
        judged
    }

    /// True when all that is to be done in this state is done.
    fn act(&self, state: &State, judged: &mut Judged) -> bool {
        for (place, action) in state.actions.iter().enumerate() {
            match action {
                Action::Delete => {
                    judged.action = Some(("delete", place));
                    remove(self.held, "its policy says so", judged);
                    return false;
                }
                Action::Rollover(rollover) => {
                    judged.action = Some(("rollover", place));
                    if self.held.rolled.is_some() {
                        continue;
                    }
                    if rollover.holds(self.held, self.now) {
                        roll_over(self.held, "its conditions hold", judged);
                    } else {
                        judged.message = "waiting for the conditions of its rollover".to_owned();
                        judged.stuck = self.held.writes.is_empty();
                        if judged.stuck {
                            judged.message =
                                "nothing is written through this index: it cannot be rolled over".to_owned();
                        }
                    }
                    return false;
                }
            }
        }
        true
    }

    /// The next state, if the way to one is open.
    fn onward(&self, state: &State, message: &mut String) -> Option<&'a State> {
        let open = state.transitions.iter().find(|transition| self.is_open(transition.when));
        if open.is_none() {
            let waits = !state.transitions.is_empty();
            *message =
                if waits { "waiting for a transition's condition" } else { "its policy is at its end" }
                    .to_owned();
        }
        self.policy.state(&open?.to)
    }

    fn is_open(&self, when: Option<When>) -> bool {
        match when {
            None => true,
            Some(When::IndexAge(least)) => self.now.saturating_sub(self.held.created) >= least,
            Some(When::RolloverAge(least)) => {
                self.held.rolled.is_some_and(|rolled| self.now.saturating_sub(rolled) >= least)
            }
            Some(When::Docs(least)) => self.held.docs >= least,
            Some(When::Size(least)) => self.held.bytes >= least,
        }
    }
}

impl Rollover {
    fn holds(&self, held: &Held, now: i64) -> bool {
        let none = self.age.is_none() && self.size.is_none() && self.docs.is_none();
        none || self.age.is_some_and(|least| now.saturating_sub(held.created) >= least)
            || self.size.is_some_and(|least| held.bytes >= least)
            || self.docs.is_some_and(|least| held.docs >= least)
    }
}

/// Deletes an index, or first rolls over what is written through it.
fn remove(held: &Held, why: &str, judged: &mut Judged) {
    if held.writes.is_empty() {
        judged.step = Some(Step::Delete);
        judged.message = format!("to be deleted: {why}");
    } else {
        roll_over(held, &format!("to be deleted, as {why}, and it is written to"), judged);
    }
}

fn roll_over(held: &Held, why: &str, judged: &mut Judged) {
    let named = |target: &&Target| held.alias.as_ref().is_none_or(|alias| *alias == target.name);
    // Of several all, one at each tick; the one that its settings name first.
    let target = held.writes.iter().find(named).or(held.writes.first());
    let Some(target) = target else {
        judged.message = "nothing is written through this index: it cannot be rolled over".to_owned();
        judged.stuck = true;
        return;
    };
    if held.docs == 0 {
        judged.message = format!("it is empty, and is kept as `{}` is written through it", target.name);
    } else if !target.is_stream && names::next(&held.name).is_none() {
        judged.message = format!(
            "`{}` is written through it, and its name does not end in a dash and a number, so that the next one has no name",
            target.name
        );
        judged.stuck = true;
    } else {
        judged.step = Some(Step::RollOver(target.clone()));
        judged.message = format!("`{}` is to be rolled over: {why}", target.name);
    }
}
