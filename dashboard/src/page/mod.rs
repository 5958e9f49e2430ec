//! Pages, by maud: everything that comes from outside is escaped where it is written.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod board;
pub(crate) mod edit;
pub(crate) mod errors;
pub(crate) mod layout;
mod legend;
pub(crate) mod lines;
pub(crate) mod login;
pub(crate) mod panel;
pub(crate) mod people;
pub(crate) mod report;
mod strip;
pub(crate) mod text;
pub(crate) mod why;
