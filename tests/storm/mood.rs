//! How an engine misbehaves: what it may do to a request, and how often.

use std::ops::Range;

/// What becomes of a `_bulk` request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ill {
    /// Nothing: it is taken, and answered.
    None,
    /// It is answered with a status as a whole, and not taken.
    Refused(u16),
    /// Items are refused, each other one, with a status.
    Half(u16),
    /// All items are refused as the disk is full: by a version with 403, by a newer one with 429.
    ReadOnly(u16),
    /// The connection is reset before anything is taken.
    ResetBefore,
    /// It is taken, and the connection is reset before the answer.
    ResetAfter,
    /// It is taken, and the answer ends in its middle.
    Cut,
    /// It is taken, and nothing is ever answered, until the engine is started anew.
    Silent,
    /// It is taken, late.
    Slow,
    /// It is taken; the answer tells of each item twice.
    Twice,
    /// It is taken; the answer tells of half of the items.
    Short,
    /// It is taken; the answer comes twice.
    Echo,
    /// It is taken, as far as it is; the answer says that there are no errors, or that there are, and there are not.
    WrongFlag,
    /// It is taken; a proxy's page is all that is answered.
    Page,
}

use Ill::{
    Cut, Echo, Half, Page, ReadOnly, Refused, ResetAfter, ResetBefore, Short, Silent, Slow, Twice, WrongFlag,
};

/// Every ill there is, with how often it comes.
const ILLS: &[(Ill, u32)] = &[
    (Ill::None, 60),
    (Refused(429), 6),
    (Refused(503), 4),
    (Refused(502), 2),
    (Refused(500), 2),
    (Refused(401), 2),
    (Half(429), 10),
    (Half(503), 4),
    (Half(500), 2),
    (ReadOnly(403), 4),
    (ReadOnly(429), 4),
    (ResetBefore, 4),
    (ResetAfter, 6),
    (Cut, 6),
    (Silent, 1),
    (Slow, 8),
    (Twice, 2),
    (Short, 2),
    (Echo, 2),
    (WrongFlag, 4),
    (Page, 2),
];

/// How long what is slow takes, in milliseconds.
pub(crate) const SLOW: Range<u64> = 50..2000;

/// One of all ills.
pub(crate) fn any(rng: &mut fastrand::Rng) -> Ill {
    let mut at = rng.u32(0..ILLS.iter().map(|(_, often)| often).sum());
    for (ill, often) in ILLS {
        if at < *often {
            return *ill;
        }
        at -= often;
    }
    Ill::None
}

impl Ill {
    /// For the report.
    pub(crate) fn name(self) -> String {
        match self {
            Ill::None => "good".to_owned(),
            Refused(status) => format!("{status}"),
            Half(status) => format!("half {status}"),
            ReadOnly(status) => format!("read-only {status}"),
            ResetBefore => "reset before".to_owned(),
            ResetAfter => "reset after".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        }
    }
}
