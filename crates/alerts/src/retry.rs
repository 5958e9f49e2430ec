//! What to do after a try to deliver.

/// So long a message is tried, milliseconds: what is older helps nobody.
pub const GIVE_UP: i64 = 24 * 3_600_000;
/// The first wait, and the longest.
const WAITS: (i64, i64) = (2_000, 10 * 60_000);

/// So often a message is tried that the receiver calls wrong (400, 413, 422 …).
const TRIES: u32 = 3;

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status.
    Status(u16),
    /// No answer: no connection, a timeout, TLS.
    None,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It was taken.
    Done,
    /// Again at this moment, epoch milliseconds.
    Again(i64),
    /// It is kept as undelivered.
    GiveUp,
    /// The receiver is gone for good (410, Standard Webhooks): nothing is sent to it any more.
    Disable,
}

/// Judges a try. `attempts` counts it; `retry_after` is what the receiver asked for, milliseconds; `chance` (0 to 1) spreads
/// tries of many, so that a receiver that comes back is not met by all at once.
#[must_use]
pub fn after(
    answer: Answer,
    attempts: u32,
    retry_after: Option<i64>,
    made: i64,
    now: i64,
    chance: f64,
) -> Next {
    match answer {
        Answer::Status(200..=299) => return Next::Done,
        Answer::Status(410) => return Next::Disable,
        _ => {}
    }
    // It is this message that the receiver does not want, and others wait behind it.
    let refused = matches!(answer, Answer::Status(400..=499))
        && !matches!(answer, Answer::Status(401 | 403 | 404 | 408 | 425 | 429));
    if now - made >= GIVE_UP || (refused && attempts >= TRIES) {
        return Next::GiveUp;
    }
    let doubled = WAITS.0.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(WAITS.1);
    let spread = (doubled as f64 * (0.5 + chance.clamp(0.0, 1.0) / 2.0)) as i64;
    // A receiver may ask for more patience, but not for more than a message lives.
    let wait = retry_after.map_or(spread, |asked| asked.clamp(spread, GIVE_UP));
    Next::Again(now + wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_ten_minutes() {
        let waits: Vec<i64> = (1..=11)
            .map(|n| match after(Answer::None, n, None, 0, 0, 1.0) {
                Next::Again(at) => at / 1000,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(after(Answer::Status(500), 1, None, 0, 0, 0.0), Next::Again(1000));
    }

    #[test]
    fn the_receiver_has_a_say() {
        assert_eq!(after(Answer::Status(204), 1, None, 0, 0, 0.5), Next::Done);
        assert_eq!(after(Answer::Status(410), 1, None, 0, 0, 0.5), Next::Disable);
        assert_eq!(after(Answer::Status(429), 1, Some(90_000), 0, 0, 0.5), Next::Again(90_000));
        assert_eq!(after(Answer::Status(503), 1, Some(i64::MAX), 0, 0, 0.5), Next::Again(GIVE_UP));
        // A redirection is no delivery: it could lead anywhere.
        assert_eq!(after(Answer::Status(302), 1, None, 0, 0, 1.0), Next::Again(2000));
        assert_eq!(after(Answer::Status(500), 3, None, 0, GIVE_UP, 1.0), Next::GiveUp);
        assert_eq!(after(Answer::Status(413), 3, None, 0, 0, 1.0), Next::GiveUp);
        assert!(matches!(after(Answer::Status(403), 9, None, 0, 0, 1.0), Next::Again(_)));
    }
}
