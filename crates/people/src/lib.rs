//! Who may use the dashboard, and what of it: users, invitations, sessions, tokens, limits of what each sees, and an audit log.
//!
//! [`People`] is one SQLite file, readable by its owner only. Of what lets somebody in (a password, a session, a link, a token) it holds
//! a hash and never the thing itself. The clock is passed in, as epoch milliseconds; every call may wait for the disk, so that a
//! server calls from a thread that may block.
//!
//! `secret.rs` and `password.rs` are what is shown to get in, `attempts.rs` makes guessing slow, `limits.rs` is what a person may
//! see, `pseudonym.rs` is what is shown in place of a masked value. The rest is a table of the file each.

mod attempts;
mod audit;
mod error;
mod limits;
mod links;
mod password;
mod people;
mod providers;
mod pseudonym;
mod role;
mod schema;
mod searches;
mod secret;
mod sessions;
mod tokens;
mod users;

pub use attempts::{Attempts, Wait};
pub use audit::{Act, Entry, Event, Wanted};
pub use error::PeopleError;
pub use limits::{Limits, Subject};
pub use links::Invitation;
pub use password::{LONGEST, PasswordProblem, SHORTEST};
pub use people::People;
pub use providers::{Grant, Identity};
pub use pseudonym::Pseudonyms;
pub use role::{Right, Role, Scope};
pub use searches::{NewSearch, Search};
pub use secret::Secret;
pub use sessions::Session;
pub use tokens::{NewToken, Token};
pub use users::{Origin, User};
