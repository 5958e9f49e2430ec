//! Failed logins of each address: who guesses must wait.

use crate::error::ApiError;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Ten attempts at once, and then one each six seconds, in milliseconds.
const COST: i64 = 6_000;
const MOST: i64 = 10 * COST;
/// Addresses that are remembered. Who has more than these is bounded by how many passwords are hashed at a time.
const ADDRESSES: usize = 4096;

/// What each address owes for its failures, which time pays off.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<IpAddr, Debt>>);

#[derive(Debug, Clone, Copy)]
struct Debt {
    owed: i64,
    at: i64,
}

impl Debt {
    /// Where the clock was set back, nothing is paid off, and nothing added.
    fn now(self, now: i64) -> i64 {
        (self.owed - (now - self.at).max(0)).max(0)
    }
}

impl Attempts {
    /// Whether an attempt would be let through now.
    pub(super) fn look(&self, peer: IpAddr, now: i64) -> Result<(), ApiError> {
        let debts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owed = debts.get(&network(peer)).map_or(0, |debt| debt.now(now));
        if owed + COST > MOST { Err(too_many()) } else { Ok(()) }
    }

    /// Counts an attempt as failed before it is known how it ends, so that many at a time are no way around.
    pub(super) fn begin(&self, peer: IpAddr, now: i64) -> Result<(), ApiError> {
        let mut debts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(peer);
        if debts.len() >= ADDRESSES && !debts.contains_key(&network) {
            debts.retain(|_, debt| debt.now(now) > 0);
            if debts.len() >= ADDRESSES
                && let Some(any) = debts.keys().next().copied()
            {
                debts.remove(&any);
            }
        }
        let debt = debts.entry(network).or_insert(Debt { owed: 0, at: now });
        *debt = Debt { owed: debt.now(now), at: now };
        if debt.owed + COST > MOST {
            return Err(too_many());
        }
        debt.owed += COST;
        Ok(())
    }

    /// Takes back what [`Attempts::begin`] counted.
    pub(super) fn succeeded(&self, peer: IpAddr) {
        let mut debts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(debt) = debts.get_mut(&network(peer)) {
            debt.owed = (debt.owed - COST).max(0);
        }
    }
}

/// Who has one IPv6 address mostly has 2^64 of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

fn too_many() -> ApiError {
    ApiError::new(429, "security_exception", "too many failed logins from this address; wait a minute")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_at_once_then_one_each_six_seconds_and_each_network_alone() {
        let attempts = Attempts::default();
        let (one, other): (IpAddr, IpAddr) =
            ("2001:db8::1".parse().unwrap(), "2001:db8::2:1".parse().unwrap());
        let passed = |peer, now| {
            std::iter::repeat_with(|| attempts.begin(peer, now)).take_while(Result::is_ok).count()
        };
        assert_eq!(passed(one, 0), 10);
        assert_eq!((passed(one, 5_999), passed(other, 5_999)), (0, 0), "they are one network");
        assert!(attempts.look("192.0.2.1".parse().unwrap(), 0).is_ok());
        assert_eq!(passed(one, 6_000), 1);
        attempts.succeeded(one);
        assert!(attempts.look(one, 6_000).is_ok());
        assert_eq!(passed(one, 0), 1, "a clock that is set back forgives nothing");
        assert_eq!(passed(one, 1_000_000), 10);
    }

    #[test]
    fn addresses_without_end_take_no_memory_without_end() {
        let attempts = Attempts::default();
        for n in 0..10_000_u32 {
            attempts.begin(std::net::Ipv4Addr::from(n).into(), 0).unwrap();
        }
        assert_eq!(attempts.0.lock().unwrap().len(), ADDRESSES);
    }
}
