//! What the agent's parts write down for those who ask.

use std::sync::{Mutex, PoisonError};

use super::{Collector, Spool};

/// Collectors and spool; files are told by the registry and by those who read them.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Content>);

#[derive(Debug, Default)]
struct Content {
    collectors: Vec<Collector>,
    spool: Option<Spool>,
}

impl Board {
    /// These are the collectors now; what is known of those that stay is kept.
    pub(crate) fn collectors(&self, addresses: &[String]) {
        self.with(|content| {
            let known = std::mem::take(&mut content.collectors);
            content.collectors = addresses
                .iter()
                .map(|address| {
                    let old = known.iter().find(|collector| collector.address == *address).cloned();
                    let new = || Collector { address: address.clone(), ..Collector::default() };
                    Collector { connected: false, ..old.unwrap_or_else(new) }
                })
                .collect();
        });
    }

    pub(crate) fn connected(&self, address: &str) {
        self.collector(address, |collector| {
            collector.connected = true;
            collector.last_error = None;
        });
    }

    /// The connection ended, or was not made.
    pub(crate) fn away(&self, address: &str, error: &std::io::Error) {
        self.collector(address, |collector| {
            collector.connected = false;
            collector.last_error = Some(error.to_string());
        });
    }

    pub(crate) fn acknowledged(&self, address: &str, events: u64) {
        self.collector(address, |collector| collector.acknowledged += events);
    }

    /// What is in the spool now.
    pub(crate) fn spool(&self, spool: Option<Spool>) {
        self.with(|content| content.spool = spool);
    }

    pub(crate) fn read(&self) -> (Vec<Collector>, Option<Spool>) {
        self.with(|content| (content.collectors.clone(), content.spool.clone()))
    }

    fn collector(&self, address: &str, change: impl FnOnce(&mut Collector)) {
        self.with(|content| {
            if let Some(found) = content.collectors.iter_mut().find(|c| c.address == address) {
                change(found);
            }
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut Content) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_collector_survives_a_reload() {
        let board = Board::default();
        board.collectors(&["a:1".to_owned(), "b:1".to_owned()]);
        board.connected("a:1");
        board.acknowledged("a:1", 12);
        board.acknowledged("unknown:1", 12);
        board.away("b:1", &std::io::Error::other("no route"));
        board.collectors(&["c:1".to_owned(), "a:1".to_owned()]);
        let told: Vec<_> =
            board.read().0.into_iter().map(|c| (c.address, c.connected, c.acknowledged)).collect();
        assert_eq!(told, [("c:1".to_owned(), false, 0), ("a:1".to_owned(), false, 12)]);
    }
}
