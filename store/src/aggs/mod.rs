//! Aggregations: the language ([`ast`], [`parse`]) and the executor ([`exec`]) over columns.

pub(crate) mod ast;
pub(crate) mod exec;
pub(crate) mod parse;
