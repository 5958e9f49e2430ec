//! Batches on their way, and which connection each is at. No I/O: connections come and go, and every batch leaves by the front,
//! once, in the order in which it came.

use std::{collections::VecDeque, sync::Arc};

/// One connection, of all that the agent ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection(pub(crate) u64);

/// One batch, of all that the outbox ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(u64);

/// Batches in order, from the oldest that is not settled.
#[derive(Debug)]
pub(crate) struct Outbox<B> {
    slots: VecDeque<Slot<B>>,
    /// The number of the first slot.
    first: u64,
}

#[derive(Debug)]
struct Slot<B> {
    batch: Arc<B>,
    state: State,
    /// How many of its documents have arrived, from the first.
    arrived: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    At(Connection),
    Done,
}

/// A batch that is to be sent.
#[derive(Debug)]
pub(crate) struct Parcel<B> {
    pub(crate) number: Number,
    pub(crate) batch: Arc<B>,
    /// The first document that has not arrived.
    pub(crate) from: usize,
}

impl<B> Default for Outbox<B> {
    fn default() -> Self {
        Self { slots: VecDeque::new(), first: 0 }
    }
}

impl<B> Outbox<B> {
    /// Adds the newest batch.
    pub(crate) fn push(&mut self, batch: impl Into<Arc<B>>) {
        self.slots.push_back(Slot { batch: batch.into(), state: State::Waiting, arrived: 0 });
    }

    /// Batches that are not settled.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The batches that have not arrived.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &B> {
        self.slots.iter().filter(|slot| slot.state != State::Done).map(|slot| &*slot.batch)
    }

    /// Whether a batch is at no connection.
    pub(crate) fn is_waiting(&self) -> bool {
        self.slots.iter().any(|slot| slot.state == State::Waiting)
    }

    /// Gives the oldest batch that waits to a connection.
    pub(crate) fn take(&mut self, connection: Connection) -> Option<Parcel<B>> {
        let (at, slot) = self.slots.iter_mut().enumerate().find(|(_, slot)| slot.state == State::Waiting)?;
        slot.state = State::At(connection);
        let number = Number(self.first + at as u64);
        Some(Parcel { number, batch: slot.batch.clone(), from: slot.arrived })
    }

    /// The documents before `to` have arrived; the batch stays with its connection.
    pub(crate) fn arrived(&mut self, connection: Connection, number: Number, to: usize) {
        if let Some(slot) = self.at(connection, number) {
            slot.arrived = to;
        }
    }

    /// All of a batch has arrived.
    pub(crate) fn done(&mut self, connection: Connection, number: Number) {
        if let Some(slot) = self.at(connection, number) {
            slot.state = State::Done;
        }
    }

    /// A connection is of no more use: what was with it waits again, in its old place.
    pub(crate) fn broken(&mut self, connection: Connection) {
        for slot in &mut self.slots {
            if slot.state == State::At(connection) {
                slot.state = State::Waiting;
            }
        }
    }

    /// Takes out the oldest batch if it has arrived: everything before it has as well.
    pub(crate) fn settle(&mut self) -> Option<Arc<B>> {
        if self.slots.front()?.state != State::Done {
            return None;
        }
        self.first += 1;
        self.slots.pop_front().map(|slot| slot.batch)
    }

    /// The batch, if it is still at that connection.
    fn at(&mut self, connection: Connection, number: Number) -> Option<&mut Slot<B>> {
        let at = number.0.checked_sub(self.first)?;
        self.slots.get_mut(at as usize).filter(|slot| slot.state == State::At(connection))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push,
        Take(u64),
        /// Of the batches at a connection, one in any order.
        Done(u64, prop::sample::Index),
        Arrived(u64, prop::sample::Index, usize),
        /// The connection breaks; what it says later is of the past.
        Broken(u64),
        Late(prop::sample::Index),
        Settle,
    }

    fn steps() -> impl Strategy<Value = Step> {
        let c = || 0_u64..3;
        let any = any::<prop::sample::Index>;
        prop_oneof![
            3 => Just(Step::Push),
            3 => c().prop_map(Step::Take),
            2 => (c(), any()).prop_map(|(c, at)| Step::Done(c, at)),
            1 => (c(), any(), 1_usize..9).prop_map(|(c, at, to)| Step::Arrived(c, at, to)),
            1 => c().prop_map(Step::Broken),
            1 => any().prop_map(Step::Late),
            2 => Just(Step::Settle),
        ]
    }

    proptest! {
        #[test]
        fn every_batch_is_settled_once_and_in_order_whatever_connections_do(steps in vec(steps(), 0..120)) {
            let mut outbox = Outbox::default();
            let (mut pushed, mut settled) = (0_usize, Vec::new());
            // Of each host: its connection now, and what is with it.
            let mut generation = BTreeMap::from([(0, 0), (1, 100), (2, 200)]);
            let mut with: BTreeMap<u64, Vec<(Number, usize)>> = BTreeMap::new();
            let (mut past, mut arrived) = (Vec::new(), BTreeMap::new());
            let mut done = std::collections::BTreeSet::new();
            let settle = |outbox: &mut Outbox<usize>, settled: &mut Vec<usize>| {
                while let Some(batch) = outbox.settle() {
                    settled.push(*batch);
                }
            };
            for step in steps {
                match step {
                    Step::Push => {
                        outbox.push(pushed);
                        pushed += 1;
                    }
                    Step::Take(host) => {
                        let taken = outbox.take(Connection(generation[&host]));
                        let at_somebody: Vec<usize> = with.values().flatten().map(|(_, batch)| *batch).collect();
                        let oldest = (0..pushed).find(|b| !at_somebody.contains(b) && !done.contains(b));
                        prop_assert_eq!(taken.as_ref().map(|parcel| *parcel.batch), oldest);
                        if let Some(parcel) = taken {
                            prop_assert_eq!(parcel.from, arrived.get(&*parcel.batch).copied().unwrap_or(0));
                            with.entry(host).or_default().push((parcel.number, *parcel.batch));
                        }
                    }
                    Step::Done(host, at) => {
                        let mine = with.entry(host).or_default();
                        if !mine.is_empty() {
                            let (number, batch) = mine.remove(at.index(mine.len()));
                            outbox.done(Connection(generation[&host]), number);
                            done.insert(batch);
                        }
                    }
                    Step::Arrived(host, at, to) => {
                        let mine = with.entry(host).or_default();
                        if !mine.is_empty() {
                            let (number, batch) = mine[at.index(mine.len())];
                            outbox.arrived(Connection(generation[&host]), number, to);
                            arrived.insert(batch, to);
                        }
                    }
                    Step::Broken(host) => {
                        let old = Connection(generation[&host]);
                        outbox.broken(old);
                        past.extend(with.remove(&host).unwrap_or_default().into_iter().map(|(number, _)| (old, number)));
                        *generation.entry(host).or_default() += 1;
                    }
                    Step::Late(at) => {
                        if !past.is_empty() {
                            let (connection, number) = past[at.index(past.len())];
                            outbox.done(connection, number);
                            outbox.arrived(connection, number, 1_000);
                        }
                    }
                    Step::Settle => settle(&mut outbox, &mut settled),
                }
                prop_assert_eq!(outbox.pending().count(), pushed - done.len());
            }
            settle(&mut outbox, &mut settled);
            let front = (0..pushed).find(|batch| !done.contains(batch)).unwrap_or(pushed);
            prop_assert_eq!(&settled, &(0..front).collect::<Vec<_>>(), "the contiguous front, and no more");
            // In the end all connections break and one sends the rest.
            generation.values().for_each(|connection| outbox.broken(Connection(*connection)));
            while let Some(parcel) = outbox.take(Connection(999)) {
                outbox.done(Connection(999), parcel.number);
            }
            settle(&mut outbox, &mut settled);
            prop_assert_eq!(settled, (0..pushed).collect::<Vec<_>>());
            prop_assert!(outbox.is_empty() && !outbox.is_waiting());
        }
    }
}
