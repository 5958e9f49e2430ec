//! What filters and codecs share: the world that they are compiled in ([`Context`]), options that are more than
//! `alces-conf` knows of ([`options`], [`patterns`]), what Ruby and Java do with text, numbers and names of months where
//! Logstash leaves it to them, character sets, and rows of CSV.
//!
//! No I/O of its own but [`Disk`], which is passed in; no threads, no clock.

mod add_field;
pub mod charset;
pub mod context;
pub mod csv;
pub mod files;
pub mod host;
pub mod inspect;
mod label;
pub mod names;
pub mod options;
pub mod patterns;
pub mod ruby;
pub mod zone;

pub use add_field::AddField;
pub use charset::Charset;
pub use context::{Clock, Context, EcsMode};
pub use files::{Disk, Files, NoFiles, Stamp};
pub use label::Label;
