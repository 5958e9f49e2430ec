//! The first page: what it asks (`query`), what it knows (`model`), how answers become knowledge (`answer`), and
//! what it concludes (`verdict`).

pub(crate) mod answer;
pub(crate) mod model;
pub(crate) mod query;
pub(crate) mod verdict;

pub(crate) use model::Overview;
