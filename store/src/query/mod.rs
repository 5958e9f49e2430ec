//! Queries: the language ([`ast`], [`parse`]), its meaning for one index ([`plan`]), and how text is cut ([`words`]).

pub(crate) mod ast;
pub(crate) mod parse;
pub(crate) mod pattern;
pub(crate) mod plan;
pub(crate) mod regexp;
mod simple;
mod string;
pub(crate) mod words;
