//! What arrived, by id: the receiver of record. It keeps the first of each id, as OpenSearch does with `create`.

use std::collections::HashMap;

use crate::book::{hash, head, number};

/// The first arrival of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First {
    /// How many events had arrived before it.
    pub(crate) at: u64,
    pub(crate) hash: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// By the hash of the id: the hash of the text, and the number of its line.
    ids: HashMap<u64, (u64, Option<u64>)>,
    /// By line number.
    lines: Vec<Option<First>>,
    /// How many lines arrived at least once.
    pub(crate) known: usize,
    pub(crate) events: u64,
    pub(crate) different: u64,
    /// Events with an id and a text that were there already.
    pub(crate) resent: u64,
    pub(crate) heads: u64,
    /// Lines that came with more than one id.
    pub(crate) doubled: Vec<String>,
    /// Ids that came with more than one text: the second one would be lost.
    pub(crate) two_texts: Vec<String>,
    /// Texts that are no line.
    pub(crate) foreign: Vec<String>,
}

impl Arrivals {
    /// One event; `place` says where it is from, for people.
    pub(crate) fn take(&mut self, id: &str, text: &str, place: &str) {
        let at = self.events;
        self.events += 1;
        let (id_hash, text_hash) = (hash(id), hash(text));
        if let Some(known) = self.ids.get(&id_hash) {
            if known.0 == text_hash {
                self.resent += 1;
            } else {
                self.two_texts.push(format!("{id} {place}, which was {:?}: {}", known.1, short(text)));
            }
            return;
        }
        let number = number(text);
        self.ids.insert(id_hash, (text_hash, number));
        self.different += 1;
        let Some(number) = number else {
            if text == head() {
                self.heads += 1;
            } else {
                self.foreign.push(format!("{id} {place}: {}", short(text)));
            }
            return;
        };
        let index = number as usize;
        if self.lines.len() <= index {
            self.lines.resize(index + 1, None);
        }
        match &self.lines[index] {
            Some(first) => {
                let gap = at - first.at;
                self.doubled.push(format!("{id} {place}, {gap} events after the first: {}", short(text)));
            }
            None => {
                self.lines[index] = Some(First { at, hash: text_hash });
                self.known += 1;
            }
        }
    }

    pub(crate) fn first(&self, number: u64) -> Option<First> {
        self.lines.get(number as usize).copied().flatten()
    }

    /// Whether all of these arrived.
    pub(crate) fn all(&self, numbers: &[u64]) -> bool {
        numbers.iter().all(|number| self.first(*number).is_some())
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
