//! Rows of comma separated values, as Ruby's CSV reads and writes them, and the types of their columns.

mod convert;
mod row;

pub use convert::{Conversions, Type, conversions};
pub use row::{Cell, Dialect, Malformed, dialect};
