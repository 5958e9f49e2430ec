//! Grok: `%{NAME:field:cast}` patterns over regular expressions in Ruby's dialect.
//!
//! [`PatternSet`] holds named definitions, [`Grok::compile`] expands a pattern over them and compiles it, and
//! [`Grok::matches`] gives every capture as a *span* of the text: nothing is copied here.
//!
//! **State.** The engine behind [`Grok`] is `fancy-regex` with a bounded number of steps, so that a pattern that
//! explodes ends in [`Outcome::Exhausted`] and never stalls a worker. It is the first cut: a program of our own,
//! proved equal and much faster, takes its place behind this same interface. The sets hold what the house's first
//! pipelines need (base, HTTP servers, syslog's basics), not all of Logstash's names yet.

mod compile;
mod dialect;
mod expand;
mod patterns;

pub use compile::{Grok, Outcome, Span, Spans};
pub use expand::{Capture, Cast, GrokError};
pub use patterns::{DefinitionError, PatternSet};
