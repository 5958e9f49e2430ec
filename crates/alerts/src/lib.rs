//! Alert rules as files, what became of each, and messages that outlive a crash.
//!
//! The way of an alert: a [`Rule`] is asked of the lines (by the dashboard, which knows how), its figures become a [`Reading`] for each
//! group, [`State::step`] says what that means, and [`Ledger::apply`] keeps the new states *and* the messages about them in one
//! transaction of one SQLite file. What is in it is sent until a receiver takes it ([`retry`]), in order, under one id: a crash between
//! any two of these steps loses neither an alert nor its end.
//!
//! Nothing here reads a clock, a network or the environment: times are passed in, as epoch milliseconds.

mod group;
mod guard;
mod kind;
mod ledger;
mod message;
mod phase;
pub mod retry;
mod rule;
mod schema;
mod sign;
mod span;
mod wording;

pub use group::By;
pub use guard::refuses;
pub use kind::{Burn, Kind};
pub use ledger::{Delivery, Episode, Kept, Ledger, LedgerError, Noted, Open, Silence};
pub use message::{Alert, Context, Preset, body, fingerprint, message_id};
pub use phase::{Change, Phase, Reading, State, Tell, Timing};
pub use rule::{File, NoData, Receiver, Rule, RuleError, Severity, Source, read};
pub use sign::{SecretError, Signer};
pub use span::Span;
pub use wording::{WordingError, check as check_wording, say};
