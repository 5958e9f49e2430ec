//! Alert rules as files, what became of each, and messages that outlive a crash.
//!
//! The way of an alert: a [`Rule`] is asked of the lines (by the dashboard, which knows how), its figures become a [`Reading`] for each
//! group, [`State::step`] says what that means, [`Dispatch`] who is told of it together with what, and [`Ledger::apply_all`] keeps the new
//! states, what was told, *and* the messages in one transaction of one SQLite file. What is in it is sent until a receiver takes it ([`retry`]), in order, under one id: a crash between
//! any two of these steps loses neither an alert nor its end.
//!
//! Nothing here reads a clock, a network or the environment: times are passed in, as epoch milliseconds.

mod acks;
mod deliveries;
pub mod dispatch;
mod group;
mod guard;
mod handover;
mod inhibit;
mod kind;
pub mod lease;
mod ledger;
mod message;
mod mute;
mod phase;
mod receiver;
pub mod retry;
mod rule;
mod schema;
mod sign;
mod span;
mod wording;

pub use acks::Ack;
pub use deliveries::{Sent, Try};
pub use dispatch::Dispatch;
pub use group::By;
pub use guard::refuses;
pub use handover::Copied;
pub use inhibit::{Inhibit, Inhibitions, Matcher};
pub use kind::{Burn, Kind};
pub use ledger::{Delivery, Episode, Kept, Ledger, LedgerError, Noted, Open, Silence};
pub use message::{Alert, Context, Preset, Telling, body, fingerprint, message_id};
pub use mute::{Days, Hours, Mute, Zone};
pub use phase::{Change, Phase, Reading, State, Timing};
pub use receiver::{Mail, MailTls, Receiver};
pub use rule::{File, NoData, Rule, RuleError, Severity, Source, read};
pub use sign::{SecretError, Signer};
pub use span::Span;
pub use wording::{WordingError, check as check_wording, say};
