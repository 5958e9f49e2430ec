//! Who sent an event: fields that are the same for all of a connection.

use alces_event::{Event, FieldRef, Value};

use super::field;

/// Fields and their values. An event that has one keeps its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer(Vec<(FieldRef, Value)>);

impl Peer {
    /// Adds a field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.push((field(name), value.into()));
        self
    }

    /// Adds a field whose name was read before.
    pub(super) fn add(&mut self, field: &FieldRef, value: impl Into<Value>) {
        self.0.push((field.clone(), value.into()));
    }

    /// Sets the fields that an event does not have.
    pub(super) fn apply(&self, event: &mut Event) {
        for (field, value) in &self.0 {
            if event.can_set(field)
                && let Some((place, false)) = event.place(field)
            {
                *place = value.clone();
            }
        }
    }
}
