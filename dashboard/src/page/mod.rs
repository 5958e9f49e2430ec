//! Pages, by maud: everything that comes from outside is escaped where it is written.

pub(crate) mod account;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod board;
pub(crate) mod carried;
pub(crate) mod deliveries;
pub(crate) mod edit;
pub(crate) mod errors;
pub(crate) mod explore;
pub(crate) mod fields;
pub(crate) mod grok;
pub(crate) mod layout;
mod legend;
pub(crate) mod line;
pub(crate) mod login;
pub(crate) mod oidc;
pub(crate) mod panel;
pub(crate) mod patterns;
pub(crate) mod people;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod searches;
mod strip;
pub(crate) mod tail;
pub(crate) mod text;
pub(crate) mod why;
