//! Searching: the request ([`request`]), the best hits ([`top`]), and the walk over indexes and segments ([`run`]).

pub(crate) mod request;
pub(crate) mod run;
mod source;
pub(crate) mod top;
