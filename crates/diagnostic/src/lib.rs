//! What every reader of files shares, whatever their language: errors that point at their place ([`Diagnostic`]), the known name
//! that is nearest ([`closest`]), and variables in values ([`substitute`]).

mod env;
mod place;
mod suggest;

pub use env::{Env, substitute};
pub use place::{Diagnostic, Source, Span};
pub use suggest::closest;
