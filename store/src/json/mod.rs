//! JSON read in one pass, with the place of every value in the text: what the mapping and the engine need, and what a tree does not tell.

mod scan;

pub(crate) use scan::{Fault, Kind, Next, Place, Scanner, unescape};
