//! Aggregations: the language ([`ast`], [`parse`]), the executor ([`exec`], [`table`], [`figures`]) over columns, and
//! the answer ([`render`]).
//!
//! The executor is our own and not tantivy's: it serves `filters`, `missing`, calendar intervals, formats and bounds
//! anywhere in the tree, merges over segments and indexes by keys as it goes, and survives a change of engine.

pub(crate) mod ast;
pub(crate) mod exec;
mod figures;
pub(crate) mod parse;
mod render;
mod sketch;
mod table;
