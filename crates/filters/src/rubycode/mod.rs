//! The Ruby that `ruby` and `aggregate` take: a small part of the language, read into a checked tree and run with fuel.
//!
//! What Ruby does with texts in options of other filters is in [`crate::ruby`]; here is code that users write.
//!
//! There are `event` with `get`, `set`, `remove`, `include?`, `tag`, `cancel`, `timestamp`, `to_hash`, `sprintf`; local variables and
//! `@variables`; nil, true, false, whole numbers of 64 bits, floats, texts with `#{…}`, symbols, regular expressions, lists, hashes;
//! operators; `if`, `unless`, `case`, `? :`, `begin … rescue`, modifiers; `JSON.parse`; blocks that go through something with `next` and `break`; `return`; and the
//! methods of [`words::METHODS`].
//!
//! Other than in Ruby: texts never change in place (`<<` on one is an error that says so), whole numbers that outgrow 64 bits are
//! errors, times are in UTC and show as Logstash's timestamps, `match` gives a list of groups, `$1` and the like outlive a block, `rescue => error` names the
//! text of what went wrong, and
//! a script that takes too many steps is stopped. A name that is not known is an error at its place when the pipeline starts, and
//! not one for each event.

mod calculate;
mod event;
mod expr;
mod hash;
mod lex;
mod list;
mod method;
mod number;
mod parse;
mod primary;
mod run;
mod text;
mod tree;
mod value;
mod words;

use std::sync::Arc;

use alces_conf::{Options, Spanned};
use alces_event::Event;

use crate::context::Clock;
use parse::Parser;
use run::{FUEL, Machine, Stop};
use tree::Expr;

pub(crate) use run::Instance;
pub(crate) use tree::CodeError;
pub(crate) use value::V;

/// A checked script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    body: Arc<Expr>,
    /// How many variables it has.
    places: usize,
}

impl Script {
    /// Reads a script in which some names are known: `event` and the like, in the order in which [`Script::run`] takes them.
    ///
    /// # Errors
    /// What is wrong or not supported, and where in the code.
    pub(crate) fn read(code: &str, parameters: &[&str]) -> Result<Self, CodeError> {
        let mut parser = Parser::new(code, parameters)?;
        let body = parser.script()?;
        Ok(Self { body: Arc::new(body), places: parser.places })
    }

    /// Runs it over an event.
    ///
    /// # Errors
    /// What went wrong, in Ruby's words.
    pub(crate) fn run(
        &self,
        event: &mut Event,
        parameters: &[V],
        instance: &Instance,
        clock: &Clock,
    ) -> Result<(), String> {
        let mut locals = parameters.to_vec();
        locals.resize(self.places.max(parameters.len()), V::Nil);
        let mut machine = Machine { event, clock, instance, locals, groups: Vec::new(), fuel: FUEL };
        match machine.run(&self.body) {
            Ok(_) | Err(Stop::Next(_) | Stop::Return) => Ok(()),
            Err(Stop::Break(_)) => Err("break from proc-closure".to_owned()),
            Err(Stop::Failed(reason)) => Err(reason),
        }
    }
}

/// A hash that a script fills.
pub(crate) fn empty_hash() -> V {
    V::hash(value::Entries::new())
}

/// The script of an option, or an error at its place within the option's text.
pub(crate) fn script(
    options: &mut Options<'_>,
    code: &Spanned<String>,
    parameters: &[&str],
) -> Option<Script> {
    match Script::read(&code.node, parameters) {
        Ok(script) => Some(script),
        Err(error) => {
            // Where escapes or variables were replaced, places in the text are not those in the file.
            let inner = code.span.start + 1..code.span.end.saturating_sub(1);
            let same = options.source().text().get(inner.clone()) == Some(code.node.as_str());
            let span = if same {
                inner.start + error.span.start..inner.start + error.span.end
            } else {
                code.span.clone()
            };
            match error.help {
                Some(help) => options.error_with_help(&span, error.message, help),
                None => options.error(&span, error.message),
            }
            None
        }
    }
}

/// Reads a text as a script and runs what can be read, for the fuzz target: nothing may stall or panic.
#[doc(hidden)]
pub fn fuzz(code: &str) {
    match Script::read(code, &["event", "map"]) {
        Err(error) => assert!(code.get(error.span.clone()).is_some(), "{error:?} points nowhere"),
        Ok(script) => {
            let now = alces_event::Timestamp::UNIX_EPOCH;
            let mut event = Event::new(now);
            let clock: Clock = Arc::new(move || now);
            let map = empty_hash();
            let _ = script.run(&mut event, &[V::Event, map], &Instance::default(), &clock);
        }
    }
}

#[cfg(test)]
mod tests;
