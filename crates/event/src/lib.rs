//! The event: what travels from input through filters to outputs.
//!
//! **Decision.** An [`Event`] owns *one* shared, UTF-8 checked buffer (its *line*). A string that was cut out of that
//! buffer (a grok capture, a decoded JSON string) is kept as a pair of 32-bit offsets, not as a copy and not as a
//! counted reference. Field names are interned and their order is kept.
//!
//! **Price.** A value cannot be read without its event, so reading goes through [`ValueRef`], a borrowed view, and
//! moving a value from one event to another copies its text ([`Event::remove`] returns owned text).
//!
//! **Gain.** A capture costs 40 bytes in the event's field table and no allocation; cloning an event costs one
//! reference count and one copy of the table; nothing is counted atomically per field but objects that events share ([`Object::frozen`]).
//!
//! This crate does no I/O and knows no clock: the time of creation is passed in.

mod event;
mod java_time;
mod joda;
mod json;
mod key;
mod letters;
mod object;
mod out;
mod push;
mod reference;
mod sprintf;
mod tables;
mod time;
mod value;
mod write;

pub use event::{Event, Part};
pub use java_time::{JavaTimeError, JavaTimeFormat};
pub use joda::{JodaError, JodaFormat};
pub use json::DecodeError;
pub use key::Key;
pub use object::{Object, ObjectRef};
pub use reference::{FieldRef, RefError, Root};
pub use sprintf::{Template, TemplateError, render_value};
pub use time::{format_timestamp, parse_timestamp};
pub use value::{ListRef, Str, Value, ValueRef};
pub use write::write_text;

/// The time type of the whole house, re-exported so that users of this crate need not name its library.
pub use jiff::Timestamp;
