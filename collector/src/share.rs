//! What one output is to have of a batch, while it is in that output's queue on disk.

use std::sync::Arc;

use futures_util::future::{BoxFuture, Shared};

use crate::{account::Account, output::Fates};

/// What came of events that were on their way to the output already when they were put into its queue; none where they came back.
pub(crate) type Sending = Shared<BoxFuture<'static, Option<Arc<Fates>>>>;

/// Events of one record of an output's queue: on whose account they are.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    account: Arc<Account>,
    /// Each event's number among all of its batch.
    numbers: Arc<[u32]>,
    /// The request that had them first, while it may still succeed.
    pub(crate) sending: Option<Sending>,
}

impl Share {
    /// The account waits for it from now on.
    pub(crate) fn new(account: Arc<Account>, numbers: Vec<u32>, sending: Option<Sending>) -> Self {
        account.wait_for_another();
        Self { account, numbers: numbers.into(), sending }
    }

    /// Of a record whose account waits for nothing else.
    pub(crate) fn alone(account: Arc<Account>, events: u32) -> Self {
        Self { account, numbers: (0..events).collect(), sending: None }
    }

    /// Some of the events, by their places, as a share that is waited for besides this one.
    pub(crate) fn only(&self, places: impl Iterator<Item = usize>) -> Self {
        self.account.wait_for_another();
        let numbers = places.map(|place| self.number(place)).collect();
        Self { account: self.account.clone(), numbers, sending: self.sending.clone() }
    }

    /// An event's number among all of its batch.
    pub(crate) fn number(&self, place: usize) -> u32 {
        self.numbers.get(place).copied().unwrap_or(u32::MAX)
    }

    /// What became of them, by their numbers.
    pub(crate) fn tell(self, fates: Fates) {
        self.account.tell(fates);
    }

    /// It is waited for no longer: others are in its place, or its events went another way.
    pub(crate) fn withdraw(self) {
        self.tell(Fates::default());
    }

    /// They are dead letters.
    pub(crate) fn bury(self) {
        let dead = self.numbers.to_vec();
        self.tell(Fates { dead, ..Fates::default() });
    }

    /// They are nowhere.
    pub(crate) fn lose(self) {
        let lost = self.numbers.to_vec();
        self.tell(Fates { lost, ..Fates::default() });
    }
}
