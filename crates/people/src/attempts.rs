//! Failed logins of each name and each address: who guesses waits, longer each time.
//!
//! In memory: a restart forgives, and an attacker who can restart the dashboard need not guess. The name is counted whether or not
//! anybody has it, so that waiting tells nothing either.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;
/// The longest wait of an address, milliseconds.
const LONGEST_ADDRESS: i64 = 15 * 60_000;
/// Of a name it is shorter: others can make its owner wait.
const LONGEST_NAME: i64 = 2 * 60_000;
/// So long after the last failure all is forgotten, milliseconds.
const FORGOTTEN: i64 = 60 * 60_000;
/// Names and addresses that are remembered.
const MOST: usize = 8192;

/// How long to wait, in seconds, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub u64);

/// What is remembered of failures.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<Who, Failures>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Name([u8; 32]),
    Network(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: i64,
}

impl Failures {
    /// Until when there is nothing to try; none where one may try.
    fn until(self, longest: i64) -> Option<i64> {
        let over = self.count.checked_sub(FREE)?;
        Some(self.last + (1000_i64 << over.min(20)).min(longest))
    }
}

impl Attempts {
    /// Counts an attempt as failed before it is known how it ends, so that many at a time are no way around.
    ///
    /// # Errors
    /// How long this name or this address has to wait; then nothing is counted.
    pub fn begin(&self, name: &str, address: IpAddr, now: i64) -> Result<(), Wait> {
        self.begin_all(&both(name, address), now)
    }

    /// As [`Self::begin`], where no name is known: counts for the address only.
    ///
    /// # Errors
    /// How long this address has to wait.
    pub fn begin_from(&self, address: IpAddr, now: i64) -> Result<(), Wait> {
        self.begin_all(&[of_address(address)], now)
    }

    /// The attempt without a name went well.
    pub fn succeeded_from(&self, address: IpAddr) {
        if let Some(failures) = self.lock().get_mut(&of_address(address).0) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    fn begin_all(&self, counted: &[(Who, i64)], now: i64) -> Result<(), Wait> {
        let mut all = self.lock();
        let wait = counted.iter().filter_map(|(who, longest)| {
            let failures = all.get(who).filter(|f| now - f.last < FORGOTTEN)?;
            Some(failures.until(*longest)?.min(now + longest) - now).filter(|wait| *wait > 0)
        });
        if let Some(wait) = wait.max() {
            return Err(Wait(u64::try_from(wait).unwrap_or(0).div_ceil(1000)));
        }
        for (who, _) in counted {
            make_room(&mut all, who, now);
            let failures = all.entry(who.clone()).or_insert(Failures { count: 0, last: now });
            if now - failures.last >= FORGOTTEN {
                failures.count = 0;
            }
            *failures = Failures { count: failures.count.saturating_add(1), last: now };
        }
        Ok(())
    }

    /// The attempt went well: the name's failures are forgotten, of the address's only this one (it may be a guesser's who has an
    /// account).
    pub fn succeeded(&self, name: &str, address: IpAddr) {
        let [(name, _), _] = both(name, address);
        self.lock().remove(&name);
        self.succeeded_from(address);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Who, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn both(name: &str, address: IpAddr) -> [(Who, i64); 2] {
    let name = Who::Name(crate::secret::hash(&name.to_lowercase()));
    [(name, LONGEST_NAME), of_address(address)]
}

fn of_address(address: IpAddr) -> (Who, i64) {
    (Who::Network(network(address)), LONGEST_ADDRESS)
}

fn make_room(all: &mut HashMap<Who, Failures>, but: &Who, now: i64) {
    if all.len() < MOST || all.contains_key(but) {
        return;
    }
    all.retain(|_, f| now - f.last < FORGOTTEN);
    if all.len() >= MOST
        && let Some(least) = all.iter().min_by_key(|(_, f)| (f.count, f.last)).map(|(w, _)| w.clone())
    {
        all.remove(&least);
    }
}

/// Who has one IPv6 address mostly has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn waits_grow_and_end() {
        let attempts = Attempts::default();
        let here = ip("192.0.2.1");
        for _ in 0..5 {
            assert_eq!(attempts.begin("amy", here, 0), Ok(()));
        }
        assert_eq!(attempts.begin("amy", here, 0), Err(Wait(1)));
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..12 {
            if let Err(Wait(seconds)) = attempts.begin("amy", here, now) {
                waits.push(seconds);
                now += seconds as i64 * 1000;
                assert_eq!(attempts.begin("amy", here, now), Ok(()));
            }
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(
            attempts.begin("amy", ip("192.0.2.2"), now),
            Err(Wait(120)),
            "the name waits too, not as long"
        );
        assert_eq!(attempts.begin("bob", ip("192.0.2.2"), now), Ok(()), "others do not");
        assert_eq!(attempts.begin("amy", here, now + FORGOTTEN), Ok(()));
    }

    #[test]
    fn who_gets_in_waits_no_more_and_a_network_is_one() {
        let attempts = Attempts::default();
        for n in 0..5 {
            let address = ip(&format!("2001:db8::{n}"));
            assert_eq!(attempts.begin("amy", address, 0), Ok(()));
        }
        assert_eq!(attempts.begin("eve", ip("2001:db8::99"), 0), Err(Wait(1)), "one network");
        assert_eq!(attempts.begin("AMY", ip("2001:db8:1::1"), 0), Err(Wait(1)), "one name");
        attempts.succeeded("amy", ip("2001:db8:1::1"));
        assert_eq!(attempts.begin("amy", ip("2001:db8:1::1"), 0), Ok(()));
    }

    #[test]
    fn names_without_end_take_no_memory_without_end() {
        let attempts = Attempts::default();
        for n in 0..20_000_u32 {
            let _ = attempts.begin(&n.to_string(), std::net::Ipv4Addr::from(n).into(), 0);
        }
        assert!(attempts.lock().len() <= MOST);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
        let attempts = Attempts::default();
        for _ in 0..6 {
            let _ = attempts.begin("amy", ip("192.0.2.1"), 10_000_000);
        }
        assert_eq!(attempts.begin("amy", ip("192.0.2.2"), 0), Err(Wait(120)));
    }
}
