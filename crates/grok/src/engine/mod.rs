//! Our own regular expressions, in Ruby's dialect as Onigmo reads it, for grok.
//!
//! Text → [`ast`] (by [`parse`]) → [`program`] (by analysis of which bytes can follow, [`first`]) → [`run`]. The program is a
//! backtracking one with an explicit stack and fuel; a choice point is left out only where what follows proves that coming
//! back to it could never succeed, so that the program with all of that switched off ([`Optimise::Off`]) answers the same.
//!
//! What grok patterns do not use (back references, subexpression calls, conditionals) is [`Unsupported`](Refusal) and goes to
//! another engine.

mod ast;
mod block;
mod class;
mod compile;
mod dfa;
mod first;
mod gate;
mod known;
mod needle;
mod parse;
mod peephole;
mod program;
mod ranges;
mod run;
mod shape;
mod simplify;
#[cfg(test)]
mod twin;

pub(crate) use known::program;
pub(crate) use parse::Refusal;
pub(crate) use program::{Optimise, Program};
pub(crate) use run::{End, Machine};
