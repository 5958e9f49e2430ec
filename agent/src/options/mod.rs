//! The agent's configuration: one table of options, a reader of YAML that knows places, and the typed [`Config`].
//!
//! [`yaml`] makes a tree of a text, [`check`] holds it against the [`table`] and keeps everything that is wrong, [`build`] makes the
//! [`Config`]; [`load`] alone touches files. `docs/agent.md` and `alces agent options` are made of the same table by [`page`].

mod build;
mod check;
mod compression;
mod config;
mod elsewhere;
mod kind;
mod load;
mod page;
mod presets;
mod read;
mod table;
#[cfg(test)]
mod tests;
mod values;
mod yaml;

pub use compression::Compression;
pub use config::{Config, Input, Match, Multiline, OnFull, SpoolOptions, StartAt};
pub use load::{ConfigErrors, Loaded, load};
pub use page::{list, markdown};
