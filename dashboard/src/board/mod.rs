//! Boards as files: what a page shows, apart from where it comes from and how it is drawn.
//!
//! `schema` is the shape of the YAML, `metric` the small language of figures in it, `load` reads a file and says what is wrong with
//! it and where, `shelf` holds the boards that a dashboard serves: those within the program, and those of a folder.

pub(crate) mod load;
pub(crate) mod metric;
pub(crate) mod schema;
pub(crate) mod shelf;

pub(crate) use load::{BoardError, read};
pub(crate) use metric::Metric;
pub(crate) use schema::{Board, Kind, Panel, Series, Source};
pub(crate) use shelf::Shelf;
