//! The maps of tasks under way, which all filters of a pipeline with the same `task_id` share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use alces_conf::Diagnostic;
use alces_event::Timestamp;
use indexmap::IndexMap;
use jiff::SignedDuration;

use crate::rubycode::V;

/// What filters of one pipeline share, found by what they have in common.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Tasks by the text of `task_id`.
    patterns: HashMap<String, Pattern>,
    /// What filters have against each other.
    pub(crate) errors: Vec<Diagnostic>,
}

#[derive(Debug)]
struct Pattern {
    tasks: Arc<Mutex<Tasks>>,
    /// Who lets its tasks expire.
    owner: usize,
    /// Whether that filter has options of timeouts.
    bound: bool,
}

/// Tasks in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    pub(super) under_way: IndexMap<String, Task>,
    pub(super) flushed: Option<Timestamp>,
    /// The filter that lets them expire: the one with options of timeouts, or the first.
    pub(super) owner: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) map: V,
    pub(super) begun: Moment,
    pub(super) latest: Moment,
}

/// When something was, by the events' time and by the clock here; they are the same where no field holds the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) told: Timestamp,
    pub(super) here: Timestamp,
}

impl Task {
    /// Whether it has run, or rested, too long by one of the two clocks.
    pub(super) fn expired(
        &self,
        now: Timestamp,
        clock: impl Fn(&Moment) -> Timestamp,
        timeout: SignedDuration,
        inactivity: SignedDuration,
    ) -> bool {
        now.duration_since(clock(&self.begun)) > timeout
            || now.duration_since(clock(&self.latest)) > inactivity
    }
}

impl Shared {
    /// The tasks of a `task_id`, for the filter of that number. With `bound` it has options of timeouts, which only one filter may
    /// have: `error` is recorded for a second.
    pub(super) fn tasks(
        &mut self,
        task_id: &str,
        number: usize,
        bound: bool,
        error: &Diagnostic,
    ) -> Arc<Mutex<Tasks>> {
        let pattern = self.patterns.entry(task_id.to_owned()).or_insert_with(|| Pattern {
            tasks: Arc::default(),
            owner: number,
            bound,
        });
        if pattern.owner != number && bound {
            if pattern.bound {
                self.errors.push(error.clone());
            } else {
                (pattern.owner, pattern.bound) = (number, true);
            }
        }
        if let Ok(mut tasks) = pattern.tasks.lock() {
            tasks.owner = pattern.owner;
        }
        Arc::clone(&pattern.tasks)
    }
}
