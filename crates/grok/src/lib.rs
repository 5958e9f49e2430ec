//! Grok: `%{NAME:field:cast}` patterns over regular expressions in Ruby's dialect.
//!
//! [`PatternSet`] holds named definitions, [`Grok::compile`] expands a pattern over them and compiles it, and
//! [`Grok::matches`] gives every capture as a *span* of the text: nothing is copied here.
//!
//! The engine behind [`Grok`] is our own (`engine`), a backtracking program with an explicit stack and *fuel*: a pattern that
//! explodes ends in [`Outcome::Exhausted`] after a fixed amount of work and never stalls a worker. What it does not do goes to
//! `fancy-regex`, with a bounded number of steps too.
//!
//! The sets are Logstash's two, all of their names; the text of the patterns is our own.

mod cast;
mod compile;
mod dialect;
mod engine;
mod expand;
mod list;
mod patterns;
mod references;

pub use cast::{to_f, to_i};
pub use compile::{Grok, Outcome, Span, Spans};
pub use expand::{Capture, Cast, GrokError, Reason};
pub use list::{ListOutcome, PatternList};
pub use patterns::{DefinitionError, PatternSet};
pub use references::check_references;
