//! Which of several dashboards watches the rules.
//!
//! A lease is a row of numbered terms, each a document that can be made once (`create` answers 409 to the second who tries). Who made the newest
//! one holds the lease, and makes the next one before long; who sees no new one for [`Timing::TERM`] makes it and has taken over. Time is each
//! program's own, from the moment on when it saw or asked: clocks need not agree (as in Chubby's and etcd's leases).

use std::time::Duration;

/// How long things last.
#[derive(Debug)]
pub struct Timing;

impl Timing {
    /// Without a new term for so long the lease is free.
    pub const TERM: Duration = Duration::from_secs(10);
    /// The holder makes the next term after so long.
    pub const RENEW: Duration = Duration::from_secs(3);
    /// The holder stops so long after it asked for its newest term: before anybody else may take over.
    pub const HELD: Duration = Duration::from_secs(8);
    /// Who waits looks so often.
    pub const LOOK: Duration = Duration::from_secs(2);
}

/// A term as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its number, from 1.
    pub number: u64,
    /// Who made it: a name that is another at each start.
    pub holder: String,
    /// Where that dashboard is.
    pub address: String,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look at the newest term.
    Look,
    /// Try to make the term of this number.
    Claim(u64),
    /// Nothing, for so long.
    Rest(Duration),
}

/// Where one dashboard stands. All moments are of one clock that only goes forward.
#[derive(Debug)]
pub struct Lease {
    me: String,
    /// The newest term that is known, and since when.
    newest: Option<(Term, Duration)>,
    /// The term in which this one took over, while it holds the lease.
    epoch: Option<u64>,
    /// When its newest term was asked for.
    asked: Duration,
    /// When it was looked last.
    looked: Option<Duration>,
}

impl Lease {
    /// One that holds nothing and has seen nothing.
    #[must_use]
    pub const fn new(me: String) -> Self {
        Self { me, newest: None, epoch: None, asked: Duration::ZERO, looked: None }
    }

    /// The name that its terms have.
    #[must_use]
    pub fn me(&self) -> &str {
        &self.me
    }

    /// How long ago its newest term was asked for.
    #[must_use]
    pub const fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.asked)
    }

    /// The term in which this one took over, if it holds the lease now.
    #[must_use]
    pub fn held(&self, now: Duration) -> Option<u64> {
        self.epoch.filter(|_| now.saturating_sub(self.asked) < Timing::HELD)
    }

    /// Who holds it otherwise, as far as is known.
    #[must_use]
    pub fn other(&self) -> Option<&Term> {
        self.newest.as_ref().map(|(term, _)| term).filter(|term| term.holder != self.me)
    }

    /// What to do now.
    #[must_use]
    pub fn next(&self, now: Duration) -> Step {
        let since = |then: Duration| now.saturating_sub(then);
        let due = |then: Duration, wait: Duration, step: Step| {
            if since(then) >= wait { step } else { Step::Rest(wait - since(then)) }
        };
        match (&self.newest, self.epoch, self.looked) {
            (Some((term, _)), Some(_), _) => due(self.asked, Timing::RENEW, Step::Claim(term.number + 1)),
            (_, None, None) => Step::Look,
            // Only what was looked at after a term had run out says that nothing came after it.
            (Some((_, seen)), None, Some(looked)) if looked < *seen + Timing::TERM => {
                due(looked, Timing::LOOK, Step::Look)
            }
            (Some((term, _)), None, _) => Step::Claim(term.number + 1),
            (None, _, _) => Step::Claim(1),
        }
    }

    /// The newest term as it was found; none where there is none yet. `now` is when it was asked for.
    pub fn looked(&mut self, found: Option<Term>, now: Duration) {
        self.looked = Some(now);
        match (&self.newest, found) {
            (Some((known, _)), Some(term)) if term.number > known.number => self.newest = Some((term, now)),
            (None, Some(term)) => self.newest = Some((term, now)),
            // Somebody has removed the terms: whoever makes the first one holds the lease.
            (Some(_), None) => (self.newest, self.epoch) = (None, None),
            _ => {}
        }
        if self.other().is_some() {
            self.epoch = None;
        }
    }

    /// The newest term could not be asked for at `now`: where nobody is answered, nobody can make a new one, so the time of the one that is known
    /// begins anew. Who holds the lease comes first when the engine is back.
    pub const fn unanswered(&mut self, now: Duration) {
        if let Some((_, seen)) = &mut self.newest {
            *seen = now;
        }
    }

    /// Whether the term of this number was made; it was asked for at `now`.
    pub fn claimed(&mut self, number: u64, won: bool, address: &str, now: Duration) {
        if won {
            let term = Term { number, holder: self.me.clone(), address: address.to_owned() };
            self.newest = Some((term, now));
            self.epoch.get_or_insert(number);
            self.asked = now;
        } else {
            // Somebody else was faster: who, is looked at next.
            (self.epoch, self.looked) = (None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn of(number: u64, holder: &str) -> Term {
        Term { number, holder: holder.into(), address: format!("https://{holder}/") }
    }

    #[test]
    fn the_first_one_takes_it_and_keeps_it() {
        let mut lease = Lease::new("a".into());
        assert_eq!(lease.next(s(0)), Step::Look);
        lease.looked(None, s(0));
        assert_eq!(lease.next(s(0)), Step::Claim(1));
        lease.claimed(1, true, "https://a/", s(1));
        assert_eq!((lease.held(s(2)), lease.next(s(2))), (Some(1), Step::Rest(s(2))));
        assert_eq!(lease.next(s(4)), Step::Claim(2));
        lease.claimed(2, true, "https://a/", s(4));
        assert_eq!((lease.held(s(11)), lease.held(s(12))), (Some(1), None), "not renewed in time");
    }

    #[test]
    fn another_one_takes_over_when_nothing_new_comes() {
        let mut lease = Lease::new("b".into());
        lease.looked(Some(of(7, "a")), s(100));
        assert_eq!(lease.next(s(101)), Step::Rest(s(1)));
        lease.looked(Some(of(8, "a")), s(102));
        assert_eq!(lease.next(s(111)), Step::Look);
        lease.looked(Some(of(8, "a")), s(111));
        assert_eq!(lease.next(s(112)), Step::Rest(s(1)), "what was looked at before it ran out says nothing");
        assert_eq!(lease.next(s(113)), Step::Look);
        lease.looked(Some(of(8, "a")), s(113));
        assert_eq!(lease.next(s(113)), Step::Claim(9));
        assert_eq!(lease.other(), Some(&of(8, "a")));
        lease.claimed(9, true, "https://b/", s(113));
        assert_eq!((lease.held(s(113)), lease.other()), (Some(9), None));
    }

    #[test]
    fn who_slept_too_long_has_lost_it() {
        let mut lease = Lease::new("a".into());
        lease.looked(None, s(0));
        lease.claimed(1, true, "https://a/", s(0));
        assert_eq!((lease.held(s(60)), lease.next(s(60))), (None, Step::Claim(2)));
        lease.claimed(2, false, "https://a/", s(60));
        assert_eq!((lease.held(s(60)), lease.next(s(60))), (None, Step::Look));
        lease.looked(Some(of(9, "b")), s(61));
        assert_eq!(lease.other(), Some(&of(9, "b")));
    }

    #[test]
    fn while_nobody_is_answered_nobody_takes_over() {
        let mut lease = Lease::new("b".into());
        lease.looked(Some(of(7, "a")), s(100));
        for at in [102, 150, 200] {
            lease.unanswered(s(at));
        }
        lease.looked(Some(of(7, "a")), s(201));
        assert_eq!(lease.next(s(203)), Step::Look, "it waits for a whole term more");
        lease.looked(Some(of(7, "a")), s(210));
        assert_eq!(lease.next(s(212)), Step::Claim(8));
    }

    proptest! {
        /// Dashboards that sleep, whose looks and claims take long, whose claims succeed without their hearing of it: never do two hold the lease.
        #[test]
        fn never_do_two_hold_it(steps in prop::collection::vec((0..3usize, 0..6000u64, 0..3000u64, 0..12u8), 1..400)) {
            let mut all: Vec<Lease> = (0..3).map(|n| Lease::new(n.to_string())).collect();
            let mut terms: Vec<Term> = Vec::new();
            // Each of them can be busy with a question: until when, when it asked, and the answer.
            type Answer = Box<dyn FnOnce(&mut Lease)>;
            let mut busy: Vec<Option<(u64, Answer)>> = vec![None, None, None];
            let mut now = 0;
            for (who, wait, takes, luck) in steps {
                now += wait / 4;
                let at = Duration::from_millis(now);
                if let Some((until, _)) = &busy[who] {
                    if *until <= now {
                        let Some((_, answer)) = busy[who].take() else { unreachable!() };
                        answer(&mut all[who]);
                    }
                } else {
                    match all[who].next(at) {
                        Step::Rest(_) => {}
                        Step::Look => {
                            let found = terms.last().cloned();
                            busy[who] = Some((now + takes, Box::new(move |lease: &mut Lease| lease.looked(found, at))));
                        }
                        Step::Claim(number) => {
                            let won = terms.len() as u64 + 1 == number;
                            if won {
                                terms.push(of(number, &who.to_string()));
                            }
                            // Sometimes nothing is heard of it: the program asks again later.
                            if luck > 0 {
                                busy[who] = Some((now + takes, Box::new(move |lease: &mut Lease| lease.claimed(number, won, "", at))));
                            }
                        }
                    }
                }
                let holders = all.iter().filter(|lease| lease.held(Duration::from_millis(now)).is_some()).count();
                prop_assert!(holders <= 1, "{holders} at {now}: {all:?}");
            }
        }
    }
}
