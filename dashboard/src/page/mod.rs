//! Pages, by maud: everything that comes from outside is escaped where it is written.

pub(crate) mod charts;
pub(crate) mod errors;
pub(crate) mod layout;
pub(crate) mod overview;
pub(crate) mod text;
