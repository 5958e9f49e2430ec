//! The Logstash `.conf` language.
//!
//! Two stages: [`parse`] turns text into a syntax tree whose every node knows where it stands ([`Span`]), and
//! [`Options`] turns a plugin's attributes into typed values, naming what is unknown, missing or of the wrong type.
//! What the options *mean* is the plugins' business, in other crates; this one does no I/O.
//!
//! The grammar is Logstash's (`grammar.treetop`): barewords have two characters or more, attributes are separated by
//! whitespace, escapes in strings are off.

mod ast;
mod options;
mod parse;
mod print;
mod unknown;

pub use alces_diagnostic::{Diagnostic, Env, Source, Span, closest, substitute};
pub use ast::{
    Attribute, BoolOp, Branch, CompareOp, Condition, Config, Operand, Plugin, Section, SectionKind, Spanned,
    Statement, Value,
};
pub use options::{OptionInfo, Options, Support, TextLists, TypedValue};
pub use parse::{Escapes, parse, parse_condition};
pub use unknown::{logstash_plugins, unknown_plugin};
