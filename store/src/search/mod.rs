//! Searching: the request ([`request`]), the best hits ([`top`]), and the walk over indexes and segments ([`run`]).

pub(crate) mod budget;
mod fields;
pub(crate) mod gate;
pub(crate) mod request;
pub(crate) mod run;
pub(crate) mod source;
pub(crate) mod top;
